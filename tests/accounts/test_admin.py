"""The staff pages of people and teams."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.test import Client, TestCase
from django.urls import reverse

from accounts.models import User
from tests import factories
from tests.factories import PASSWORD
from tests.people import code_of, confirm_address, log_in, set_up_app
from tests.staff import make_staff, make_superuser, signed_in
from tests.threads import at_once

USERS = "admin:accounts_user_changelist"


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(make_superuser())


def act(client: Client, name: str, user: User) -> str:
    data = {"action": name, "index": "0", "_selected_action": [user.pk], "confirmed": "yes"}
    return client.post(reverse(USERS), data, follow=True).content.decode()


def page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def form(**values: Any) -> dict[str, Any]:
    """What a browser sends from a user's page, the empty tables below it included."""
    tables = ("emailaddress_set", "memberships", "authenticator_set")
    counts = ("TOTAL_FORMS", "INITIAL_FORMS")
    return {**{f"{table}-{count}": 0 for table in tables for count in counts}, **values}


def test_a_user_is_found_by_a_part_of_the_address(root: Client, developer: User) -> None:
    factories.make_user("ada@example.org")

    html = root.get(reverse(USERS), {"q": "DEVELOPER@"}).content.decode()

    assert "developer@example.com" in html
    assert "ada@example.org" not in html


def test_a_superuser_adds_somebody_who_then_chooses_a_password(
    root: Client, client: Client
) -> None:
    root.post(reverse("admin:accounts_user_add"), {"email": "Ada@Example.com", "name": "Ada"})

    ada = User.objects.get(email="ada@example.com")
    assert not ada.has_usable_password()
    assert ada.emailaddress_set.get().verified
    assert LogEntry.objects.get().object_id == str(ada.pk)


def test_nobody_is_added_twice(root: Client, developer: User) -> None:
    html = root.post(
        reverse("admin:accounts_user_add"), {"email": "Developer@Example.com"}
    ).content.decode()

    assert "There is an account with this address already." in html
    assert User.objects.filter(email="developer@example.com").count() == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_is_added_twice_at_the_same_moment() -> None:
    staff = [signed_in(make_superuser(f"root{number}@example.com")) for number in range(4)]

    def adding(client: Client) -> Callable[[], int]:
        new = {"email": "ada@example.com"}
        return lambda: client.post(reverse("admin:accounts_user_add"), new).status_code

    # Led on to the new account, or shown the form again.
    assert sorted(at_once([adding(client) for client in staff])) == [200, 200, 200, 302]


def test_a_superuser_gives_rights(root: Client, developer: User) -> None:
    group = Group.objects.create(name="Support")

    root.post(page_of(developer), form(name="Dev", is_staff="on", groups=group.pk))

    developer.refresh_from_db()
    assert (developer.name, developer.is_staff, developer.is_superuser) == ("Dev", True, False)
    assert developer.groups.get() == group


def test_an_address_and_a_password_are_their_owners_to_change(
    root: Client, developer: User
) -> None:
    root.post(page_of(developer), form(name="Dev", email="other@example.com", password="x"))

    developer.refresh_from_db()
    assert (developer.name, developer.email) == ("Dev", "developer@example.com")
    assert developer.check_password(PASSWORD)


def test_a_deactivated_user_is_out_at_once(root: Client, client: Client, developer: User) -> None:
    client.force_login(developer)

    html = act(root, "deactivate", developer)

    assert "done for 1 of 1" in html
    assert client.get(reverse("dashboard")).status_code == 302
    act(root, "reactivate", developer)
    client.force_login(developer)
    assert client.get(reverse("dashboard")).status_code == 200


def test_staff_give_themselves_no_rights(developer: User) -> None:
    user = make_staff("staff@example.com", "view_user", "change_user", "add_user", "change_group")
    client = signed_in(user)

    assert client.post(page_of(user), {"is_superuser": "on"}).status_code == 403
    assert client.get(reverse("admin:accounts_user_add")).status_code == 403
    assert client.get(reverse("admin:auth_group_changelist")).status_code == 403
    html = client.get(page_of(developer)).content.decode()
    assert "User permissions" not in html
    assert "Superuser status" not in html


def test_staff_deactivate_customers_and_no_staff(developer: User) -> None:
    superuser = make_superuser()
    client = signed_in(make_staff("staff@example.com", "change_user"))

    act(client, "deactivate", developer)
    html = act(client, "deactivate", superuser)

    assert "Only superusers may do that to staff." in html
    assert not User.objects.get(pk=developer.pk).is_active
    assert User.objects.get(pk=superuser.pk).is_active


def test_a_team_is_found_by_a_members_address(root: Client, developer: User) -> None:
    factories.make_team(developer, "Acme")
    factories.make_team(name="Other team")

    html = root.get(
        reverse("admin:accounts_team_changelist"), {"q": developer.email}
    ).content.decode()

    assert "Acme" in html
    assert "Other team" not in html


def test_a_superuser_made_by_command_signs_in_by_email(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, email="Root@Example.com", verbosity=0)

    response = client.post(
        reverse("account_login"), {"login": "root@example.com", "password": PASSWORD}
    )

    assert response.url == reverse("dashboard")
    assert User.objects.get().is_superuser


def test_staff_sign_in_and_out_and_change_passwords_where_everybody_does(root: Client) -> None:
    assert root.get("/admin/login/").url == reverse("admin:index")
    assert root.get("/admin/password_change/").url == reverse("account_change_password")
    assert root.post("/admin/logout/").url == reverse("account_logout")


def test_staff_without_a_second_factor_set_one_up_first(client: Client, db: None) -> None:
    client.force_login(make_superuser())

    response = client.get("/admin/", follow=True)

    assert response.resolver_match.url_name == "mfa_index"
    assert "The staff pages need a second factor" in response.content.decode()


def test_staff_who_signed_in_without_it_are_asked_for_their_second_factor(
    client: Client, db: None
) -> None:
    root = make_superuser()
    secret = set_up_app(root)
    client.force_login(root)

    asked = client.get(reverse(USERS), follow=True)
    assert asked.resolver_match.url_name == "mfa_reauthenticate"
    answer = client.post(
        asked.request["PATH_INFO"] + "?" + asked.request["QUERY_STRING"],
        {"code": code_of(secret)},
        follow=True,
    )

    assert answer.request["PATH_INFO"] == reverse(USERS)


def test_staff_are_not_led_to_another_site(root: Client) -> None:
    response = root.get("/admin/login/?next=https://evil.example/")

    assert response.url == reverse("admin:index")


def test_a_lost_second_factor_is_taken_away_and_told(
    root: Client, client: Client, developer: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    set_up_app(developer)
    with TestCase.captureOnCommitCallbacks(execute=True):
        html = act(root, "remove_second_factor", developer)

    assert "done for 1 of 1" in html
    assert not developer.authenticator_set.exists()
    [mail] = mailoutbox
    assert mail.subject == "Your second factor was removed"
    assert reverse("mfa_index") in mail.body


def test_staff_sign_somebody_out_everywhere(root: Client, client: Client, developer: User) -> None:
    log_in(client, confirm_address(developer))

    act(root, "sign_out", developer)

    assert client.get(reverse("dashboard")).status_code == 302


def test_an_event_is_found_by_who_acted_and_by_its_team(root: Client, developer: User) -> None:
    team = factories.make_team(developer, "Acme")
    factories.make_team(name="Other team")

    for typed in (developer.email, team.pk):
        html = root.get(reverse("admin:accounts_event_changelist"), {"q": typed}).content.decode()
        assert "Acme" in html
        assert "Other team" not in html
