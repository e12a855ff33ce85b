"""List, promote, replace and retire the signing keys of an application."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing import errors, signing_keys
from licensing.events import SYSTEM
from licensing.models import Application, SigningKey
from licensing.signatures import thumbprint


class Command(BaseCommand):
    help = "Show the signing keys of an application, or change which of them signs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("application", type=UUID, help="the application's id")
        act = parser.add_mutually_exclusive_group()
        act.add_argument(
            "--promote", action="store_true", help="sign with the next key from now on"
        )
        act.add_argument("--replace-next", action="store_true", help="make another next key")
        act.add_argument(
            "--retire",
            metavar="KEYID",
            help="publish a previous key no longer; write --retire=KEYID, for an id may begin with a dash",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        application = Application.objects.filter(pk=options["application"]).first()
        if application is None:
            raise CommandError("There is no such application")
        try:
            _act(application, options)
        except errors.RefusalError as refusal:
            raise CommandError(refusal.message) from refusal
        for key in application.signing_keys.published():
            self.stdout.write(f"{key.state:<9} {thumbprint(key.public_key)}  {key.public_key}")


def _act(application: Application, options: dict[str, Any]) -> None:
    following = application.signing_keys.get(state=SigningKey.State.NEXT)
    if options["promote"]:
        signing_keys.promote_signing_key(signing_key=following, actor=SYSTEM)
    elif options["replace_next"]:
        signing_keys.replace_signing_key(signing_key=following, actor=SYSTEM)
    elif options["retire"]:
        key = _key_of(application, options["retire"])
        signing_keys.retire_signing_key(signing_key=key, actor=SYSTEM)


def _key_of(application: Application, key_id: str) -> SigningKey:
    for key in application.signing_keys.all():
        if thumbprint(key.public_key) == key_id:
            return key
    raise CommandError("The application has no key with this id")
