"""Mail in development."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings


def test_a_mail_is_shown_and_kept_as_a_file(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "lockence.mail.DevelopmentBackend"
    settings.MAIL_DIR = tmp_path / "mail"
    mail = EmailMultiAlternatives("Grüße", "Your code is 4711", to=["ada@example.com"])
    mail.attach_alternative("<p>Your code is <b>4711</b></p>", "text/html")

    assert mail.send() == 1

    (path,) = (tmp_path / "mail").glob("*.eml")
    kept = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (kept["to"], kept["subject"]) == ("ada@example.com", "Grüße")
    assert "Your code is 4711" in capsys.readouterr().out
