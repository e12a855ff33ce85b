"""A log with something of everything in it, and what is done to it behind its back."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.events import user_actor
from accounts.models import Event, Team, User
from licensing import applications, licenses
from licensing.devices import release_device
from tests import factories


@pytest.fixture
def log(team: Team, developer: User) -> list[Event]:
    """What happens to one license: the events of a team, in their order."""
    actor = user_actor(developer, "203.0.113.7")
    application = applications.create_application(team=team, name="Äpp\n☃", actor=actor)
    license = factories.make_license(application, username="Ada", email="ada@example.com")
    factories.open_session(license, ip_address="198.51.100.9")
    licenses.change_license(
        license=license,
        policy=license.policy,
        terms=licenses.LicenseTerms(username="Ada Lovelace", metadata={"π": 3.14, "n": None}),
        actor=actor,
    )
    licenses.suspend_license(license=license, actor=actor)
    licenses.restore_license(license=license, actor=actor)
    release_device(device=license.devices.get(), actor=actor, now=timezone.now())
    chain_now()
    return list(Event.objects.filter(team_id=team.pk).order_by("id"))


def chain_now() -> None:
    """Chain what this transaction recorded, as its commit would: first the events, then the ends of the chains."""
    sql("SET CONSTRAINTS chain_event IMMEDIATE")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("SET CONSTRAINTS ALL DEFERRED")


def sql(statement: str, parameters: list[object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch(statement: str, parameters: list[object]) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()


def updates_of_chains() -> int:
    return fetch(
        "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'accounts_eventchain'", []
    )[0]


def tamper(statement: str, parameters: list[object]) -> None:
    """Do what only a superuser can: write past every trigger."""
    sql("SET LOCAL session_replication_role = replica")
    sql(statement, parameters)
    sql("SET LOCAL session_replication_role = origin")


def remove(events: list[Event]) -> None:
    ids = [event.pk for event in events]
    tamper("DELETE FROM accounts_eventlink WHERE event_id = ANY(%s)", [ids])
    tamper("DELETE FROM accounts_event WHERE id = ANY(%s)", [ids])


def turn_back(last: Event) -> None:
    tamper(
        """UPDATE accounts_eventchain chain SET length = link.number, head = link.hash
        FROM accounts_eventlink link WHERE link.event_id = %s AND chain.team_id = link.team_id""",
        [last.pk],
    )


def assert_denied(statement: str) -> None:
    with pytest.raises(ProgrammingError, match="denied|must be owner"), transaction.atomic():
        sql(statement)


def output_of(command: str) -> str:
    told = io.StringIO()
    call_command(command, stdout=told)
    return told.getvalue()


def verify(**options: object) -> str:
    """Return what the command complains of; it must fail exactly when it does."""
    complaints = io.StringIO()
    try:
        call_command("verify_audit", stdout=io.StringIO(), stderr=complaints, **options)
    except CommandError:
        assert complaints.getvalue()
    else:
        assert not complaints.getvalue()
    return complaints.getvalue()
