"""Acts on signing keys: every application has a current and a next one from its first day."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from accounts import ciphers
from accounts.ids import uuid7
from licensing import errors, signatures
from licensing.events import Actor, record
from licensing.models import Application, SigningKey

_State = SigningKey.State


def create_first_signing_keys(*, application: Application) -> None:
    """Give a new application its current and its next key, so that its first program can pin both."""
    _create(application, _State.CURRENT)
    _create(application, _State.NEXT)


@transaction.atomic
def promote_next_signing_key(*, application: Application, actor: Actor) -> SigningKey:
    """Sign with the next key from now on, and make a new next one; the key before stays published until it is retired.

    Programs that pinned current and next go on without an update; the new next key goes into the next version of them.
    """
    application = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    keys = SigningKey.objects.filter(application=application)
    keys.filter(state=_State.CURRENT).update(state=_State.PREVIOUS)
    promoted = keys.get(state=_State.NEXT)
    promoted.state = _State.CURRENT
    promoted.save(update_fields=["state"])
    _create(application, _State.NEXT)
    _record("signing_key.promoted", promoted, actor)
    return promoted


@transaction.atomic
def replace_next_signing_key(*, application: Application, actor: Actor) -> SigningKey:
    """Retire the next key before it was ever used, and make another: for when it may have leaked."""
    application = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    keys = SigningKey.objects.filter(application=application, state=_State.NEXT)
    keys.update(state=_State.RETIRED)
    replacement = _create(application, _State.NEXT)
    _record("signing_key.replaced", replacement, actor)
    return replacement


@transaction.atomic
def retire_signing_key(*, signing_key: SigningKey, actor: Actor) -> bool:
    """Publish a previous key no longer; return False when it was retired already.

    Raises SigningKeyInUseError for the current and the next key: promote first.
    """
    state = SigningKey.objects.select_for_update().get(pk=signing_key.pk).state
    if state in (_State.CURRENT, _State.NEXT):
        raise errors.SigningKeyInUseError
    if state == _State.RETIRED:
        return False
    SigningKey.objects.filter(pk=signing_key.pk).update(state=_State.RETIRED)
    _record("signing_key.retired", signing_key, actor)
    return True


def published_keys(application: Application) -> list[dict[str, str]]:
    """Return an application's public keys as JSON Web Keys, the current one first."""
    order = [_State.CURRENT, _State.NEXT, _State.PREVIOUS]
    keys = sorted(
        SigningKey.objects.filter(application=application).published(),
        key=lambda key: order.index(_State(key.state)),
    )
    return [signatures.jwk(key.public_key) for key in keys]


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
