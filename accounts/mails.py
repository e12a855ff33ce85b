"""The mails that we write ourselves: each is three templates under templates/emails/ and one function."""

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Invitation


def send_invitation(invitation: Invitation) -> None:
    """Ask somebody to join a team. The mail holds no secret: only who owns the address can answer."""
    _send(
        "invitation",
        invitation.email,
        invitation=invitation,
        url=f"{settings.SITE_URL}{reverse('invitation', args=[invitation.pk])}",
    )


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
