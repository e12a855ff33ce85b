"""What happens to people's accounts."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from accounts import browsers, errors, mails
from accounts.models import User


def add_person(*, email: str, name: str = "") -> User:
    """Make an account for somebody whose address is known to be theirs; they choose a password by resetting it.

    Raises AddressTakenError.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name=name)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    except IntegrityError as error:
        raise errors.AddressTakenError from error
    return user


def deactivate_user(*, user: User) -> bool:
    """Sign a user out everywhere, and in no more; return False when that is so already."""
    deactivated = User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
    browsers.sign_out_everywhere(user=user)
    return bool(deactivated)


def reactivate_user(*, user: User) -> bool:
    """Let a user sign in again; return False when they may already."""
    return bool(User.objects.filter(pk=user.pk, is_active=False).update(is_active=True))


@transaction.atomic
def remove_second_factor(*, user: User) -> bool:
    """Take away all of a user's second factors, for who has lost them; return False when there are none.

    They are told by mail, and signed out: what asked for a second factor before does not any more.
    """
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        browsers.sign_out_everywhere(user=user)
        transaction.on_commit(lambda: mails.send_second_factor_removed(user))
    return bool(removed)
