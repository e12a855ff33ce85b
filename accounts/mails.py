"""The mails that we write ourselves: each is three templates under templates/emails/ and one function."""

import datetime as dt

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Invitation, User


def send_invitation(invitation: Invitation) -> None:
    """Ask somebody to join a team. The mail holds no secret: only who owns the address can answer."""
    _send(
        "invitation",
        invitation.email,
        invitation=invitation,
        url=f"{settings.SITE_URL}{reverse('invitation', args=[invitation.pk])}",
    )


def send_deletion_requested(user: User, due_at: dt.datetime) -> None:
    """Tell somebody when their account will be deleted, and how to keep it."""
    _send("deletion_requested", user.email, due_at=due_at, url=_url("account_login"))


def send_deletion_called_off(user: User) -> None:
    _send("deletion_called_off", user.email, url=_url("account_reset_password"))


def send_second_factor_removed(user: User) -> None:
    """Tell somebody that staff took away their second factor."""
    _send("second_factor_removed", user.email, url=_url("mfa_index"))


def send_webhook_disabled(
    to: str, *, application: str, endpoint: str, reason: str, url: str
) -> None:
    """Tell whoever runs an application that nothing is sent to one of its webhook endpoints any more."""
    _send(
        "webhook_disabled", to, application=application, endpoint=endpoint, reason=reason, url=url
    )


def _url(name: str) -> str:
    return f"{settings.SITE_URL}{reverse(name)}"


def _send(name: str, to: str, **context: object) -> None:
    context["site_url"] = settings.SITE_URL
    subject = render_to_string(f"emails/{name}_subject.txt", context)
    send_mail(
        # In one line, whatever people call their teams.
        " ".join(subject.split()),
        render_to_string(f"emails/{name}.txt", context),
        None,
        [to],
        html_message=render_to_string(f"emails/{name}.html", context),
    )
