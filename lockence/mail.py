"""Mail in development: shown on the console and kept as files under var/mail/, so nothing is really sent."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.message import EmailMessage
from django.utils import timezone

from accounts.ids import uuid7


class DevelopmentBackend(ConsoleBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            _keep(message, Path(settings.MAIL_DIR))
        return super().send_messages(email_messages) or 0


def _keep(message: EmailMessage, folder: Path) -> None:
    """Write the message as an .eml file, which mail programs open; names sort by time."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{timezone.now():%Y%m%dT%H%M%S}-{uuid7()}.eml"
    (folder / name).write_bytes(message.message().as_bytes())
