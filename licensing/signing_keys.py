"""Acts on signing keys: every application has a current and a next one from its first day."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from accounts import ciphers
from accounts.ids import uuid7
from licensing import errors, signatures
from licensing.events import Actor, record
from licensing.models import Application, SigningKey
from licensing.models.signing_key import SigningKeyQuerySet

_State = SigningKey.State


def create_first_signing_keys(*, application: Application) -> None:
    """Give a new application its current and its next key, so that its first program can pin both."""
    _create(application, _State.CURRENT)
    _create(application, _State.NEXT)


@transaction.atomic
def promote_signing_key(*, signing_key: SigningKey, actor: Actor) -> bool:
    """Sign with the next key from now on, and make a new next one; return False when it signs already.

    The key before stays published until it is retired. Programs that pinned current and next go on without an update; the
    new next key goes into the next version of them. Raises SigningKeyStateError for a key that has had its time.
    """
    keys, state = _locked(signing_key)
    if state == _State.CURRENT:
        return False
    if state != _State.NEXT:
        raise errors.SigningKeyStateError
    keys.filter(state=_State.CURRENT).update(state=_State.PREVIOUS)
    keys.filter(pk=signing_key.pk).update(state=_State.CURRENT)
    _create(signing_key.application, _State.NEXT)
    _record("signing_key.promoted", signing_key, actor)
    return True


@transaction.atomic
def replace_signing_key(*, signing_key: SigningKey, actor: Actor) -> bool:
    """Retire the next key before it ever signed, and make another; return False when it is retired already.

    For when it may have leaked. Raises SigningKeyInUseError for the current key: promote the next one first.
    """
    keys, state = _locked(signing_key)
    if state == _State.RETIRED:
        return False
    if state != _State.NEXT:
        raise errors.SigningKeyInUseError
    keys.filter(pk=signing_key.pk).update(state=_State.RETIRED)
    _record("signing_key.replaced", _create(signing_key.application, _State.NEXT), actor)
    return True


@transaction.atomic
def retire_signing_key(*, signing_key: SigningKey, actor: Actor) -> bool:
    """Publish a previous key no longer; return False when it was retired already.

    Raises SigningKeyInUseError for the current and the next key: promote first.
    """
    keys, state = _locked(signing_key)
    if state in (_State.CURRENT, _State.NEXT):
        raise errors.SigningKeyInUseError
    if state == _State.RETIRED:
        return False
    keys.filter(pk=signing_key.pk).update(state=_State.RETIRED)
    _record("signing_key.retired", signing_key, actor)
    return True


def in_order(application: Application) -> list[SigningKey]:
    """Return an application's published keys: the current one, the next, and those that signed before."""
    order = [_State.CURRENT, _State.NEXT, _State.PREVIOUS]
    keys = SigningKey.objects.filter(application=application).published()
    return sorted(keys, key=lambda key: order.index(_State(key.state)))


def published_keys(application: Application) -> list[dict[str, str]]:
    """Return an application's public keys as JSON Web Keys, the current one first."""
    return [signatures.jwk(key.public_key) for key in in_order(application)]


def _locked(signing_key: SigningKey) -> tuple[SigningKeyQuerySet, str]:
    """Return the keys of the application, which nobody else can move meanwhile, and the state of this one."""
    Application.objects.select_for_update(no_key=True).get(pk=signing_key.application_id)
    keys = SigningKey.objects.filter(application=signing_key.application_id)
    return keys, keys.get(pk=signing_key.pk).state


def _create(application: Application, state: SigningKey.State) -> SigningKey:
    row, private_key = uuid7(), signatures.new_private_key()
    seed = private_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return SigningKey.objects.create(
        id=row,
        application=application,
        state=state,
        public_key=signatures.public_text(private_key),
        private_ciphertext=ciphers.encrypt(
            base64.urlsafe_b64encode(seed).decode(),
            table=signatures.SIGNING_KEY_TABLE,
            column=signatures.SIGNING_KEY_COLUMN,
            row=row,
        ),
    )


def _record(action: str, key: SigningKey, actor: Actor) -> None:
    record(
        action,
        target=key,
        actor=actor,
        application=key.application,
        after={"keyid": signatures.thumbprint(key.public_key)},
    )
