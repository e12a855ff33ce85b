"""What happens to people's accounts."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User


@transaction.atomic
def add_person(*, email: str, name: str = "") -> User:
    """Make an account for somebody whose address is known to be theirs; they choose a password by resetting it."""
    user = User.objects.create_user(email, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def deactivate_user(*, user: User) -> bool:
    """Sign a user out of everything, from the next request on, and in no more; return False when that is so already."""
    return bool(User.objects.filter(pk=user.pk, is_active=True).update(is_active=False))


def reactivate_user(*, user: User) -> bool:
    """Let a user sign in again; return False when they may already."""
    return bool(User.objects.filter(pk=user.pk, is_active=False).update(is_active=True))
