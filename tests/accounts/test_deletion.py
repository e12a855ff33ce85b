"""Leaving: asked for, called off by signing in, and done after seven days."""

import datetime as dt

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deletion
from accounts.access import Role
from accounts.errors import SoleOwnerError
from accounts.models import Browser, Event, EventDetail, Team, User
from licensing.leaving import delete_due_accounts
from licensing.models import Application, Device, License
from tests import factories
from tests.people import confirm_address, log_in, set_up_app, sign_in

DELETE = reverse("account-delete")


@pytest.fixture
def leaver(developer: User) -> User:
    return confirm_address(developer)


def in_days(days: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(days=days)


@pytest.mark.django_db(transaction=True)
def test_who_asks_is_signed_out_everywhere_and_told_when_it_ends(
    leaver: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    laptop, phone = Client(), Client()
    for client in (laptop, phone):
        log_in(client, leaver)
    mailoutbox.clear()

    page = laptop.post(DELETE, follow=True)

    due_on = in_days(7)
    assert f"Your account is deleted on {due_on:%-d %B %Y}." in page.content.decode()
    assert phone.get(reverse("dashboard")).status_code == 302
    [mail] = mailoutbox
    [html] = mail.alternatives
    assert mail.subject == "Your account will be deleted"
    assert f"{due_on:%-d %B %Y}" in mail.body
    assert reverse("account_login") in mail.body
    assert reverse("account_login") in html.content


@pytest.mark.django_db(transaction=True)
def test_signing_in_calls_it_off(leaver: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    deletion.request_deletion(user=leaver, now=timezone.now())
    client = Client()

    log_in(client, leaver)

    assert "Your account will not be deleted." in client.get("/dashboard/").content.decode()
    assert delete_due_accounts(now=in_days(8)) == 0
    assert [mail.subject for mail in mailoutbox][-1] == "Your account stays"


def test_a_password_without_its_second_factor_calls_nothing_off(leaver: User) -> None:
    set_up_app(leaver)
    deletion.request_deletion(user=leaver, now=timezone.now())

    log_in(Client(), leaver)

    assert deletion.due(in_days(8)).get() == leaver


def test_nothing_is_deleted_before_the_seven_days_are_over(leaver: User) -> None:
    deletion.request_deletion(user=leaver, now=timezone.now())

    assert delete_due_accounts(now=in_days(6.9)) == 0
    assert User.objects.filter(pk=leaver.pk).exists()


def test_asking_twice_does_not_move_the_end(leaver: User) -> None:
    assert deletion.request_deletion(user=leaver, now=timezone.now())

    assert not deletion.request_deletion(user=leaver, now=in_days(3))

    assert delete_due_accounts(now=in_days(7.1)) == 1


def test_after_seven_days_the_account_and_all_that_tells_of_it_are_gone(
    leaver: User, team: Team
) -> None:
    application = factories.make_application(team)
    factories.open_session(factories.make_license(application, username="Ada"))
    factories.make_access_rule(application)
    factories.make_named_user(application)
    set_up_app(leaver)
    log_in(Client(), leaver)
    deletion.request_deletion(user=leaver, now=timezone.now())

    assert delete_due_accounts(now=in_days(7.1)) == 1

    gone = (User, Team, Application, License, Device, Browser, EmailAddress, Authenticator)
    assert not any(model.objects.exists() for model in gone)
    assert not EventDetail.objects.exists()
    assert Event.objects.filter(team_id=team.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_the_audit_log_stays_whole(leaver: User, team: Team) -> None:
    factories.make_license(factories.make_application(team), username="Ada")
    deletion.request_deletion(user=leaver, now=timezone.now())
    delete_due_accounts(now=in_days(7.1))

    call_command("verify_audit", verbosity=0)


def test_a_team_with_another_owner_goes_on(leaver: User, team: Team) -> None:
    partner = factories.add_member(team, Role.OWNER)
    application = factories.make_application(team, "Game")
    deletion.request_deletion(user=leaver, now=timezone.now())

    assert delete_due_accounts(now=in_days(7.1)) == 1

    assert Application.objects.get() == application
    assert team.memberships.get().user == partner
    assert Event.objects.filter(team_id=team.pk, action="member.removed").exists()


def test_the_only_owner_of_a_team_with_others_must_hand_it_over_first(
    leaver: User, teammate: User, team: Team
) -> None:
    client = sign_in(Client(), leaver)

    page = client.get(DELETE).content.decode()
    client.post(DELETE)

    assert "You are the only owner of a team with other people in it." in page
    assert reverse("team", args=[team.pk]) in page
    assert "Delete my account" not in page
    leaver.refresh_from_db()
    assert leaver.deletion_due_at is None
    with pytest.raises(SoleOwnerError):
        deletion.request_deletion(user=leaver, now=timezone.now())


def test_who_became_the_only_owner_meanwhile_is_kept_and_logged(
    leaver: User, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    partner = factories.add_member(team, Role.OWNER)
    deletion.request_deletion(user=leaver, now=timezone.now())
    team.memberships.filter(user=partner).update(role=Role.VIEWER)

    assert delete_due_accounts(now=in_days(7.1)) == 0

    assert User.objects.filter(pk=leaver.pk).exists()
    assert "cannot be deleted yet" in caplog.text


def test_the_page_names_what_goes_with_the_account(leaver: User, team: Team) -> None:
    factories.make_application(team, "Game")

    page = sign_in(Client(), leaver).get(DELETE).content.decode()

    assert "programs that ask for them are refused" in page
    assert "Team: Game" in page


def test_a_member_of_other_peoples_teams_just_leaves(stranger: User, team: Team) -> None:
    factories.add_member(team, Role.SUPPORT, stranger)
    deletion.request_deletion(user=stranger, now=timezone.now())

    assert delete_due_accounts(now=in_days(7.1)) == 1
    assert team.memberships.count() == 1


def test_the_daily_command_says_how_many(leaver: User, capsys: pytest.CaptureFixture[str]) -> None:
    deletion.request_deletion(user=leaver, now=in_days(-8))

    call_command("delete_due_accounts")

    assert "Accounts deleted: 1" in capsys.readouterr().out


def test_it_is_asked_again_first(leaver: User) -> None:
    client = Client()
    client.force_login(leaver)

    for response in (client.get(DELETE), client.post(DELETE)):
        assert response["Location"].startswith(reverse("account_reauthenticate"))
    leaver.refresh_from_db()
    assert leaver.deletion_due_at is None
