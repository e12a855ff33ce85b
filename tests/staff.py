"""Staff, signed in as the staff pages want them to be."""

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests import factories
from tests.people import code_of, set_up_app


def make_staff(email: str = "staff@example.com", *permissions: str) -> User:
    """Somebody of the staff with these permissions, each named like `view_license`."""
    user = factories.make_user(email, is_staff=True)
    found = Permission.objects.filter(codename__in=permissions)
    assert {permission.codename for permission in found} == set(permissions)
    user.user_permissions.set(found)
    return user


def make_superuser(email: str = "root@example.com") -> User:
    return factories.make_user(email, is_staff=True, is_superuser=True)


def signed_in(user: User) -> Client:
    """A browser in which they signed in and showed their second factor."""
    client = Client()
    client.force_login(user)
    code = code_of(set_up_app(user))
    client.post(reverse("mfa_reauthenticate"), {"code": code})
    return client
