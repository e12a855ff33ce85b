"""Issuing licenses and looking after them, from a terminal, against a real server."""

import csv
import datetime as dt
import io
import json
import re

import pytest

from licensing import keys
from licensing.models import Application, License
from tests import factories
from tests.command_line.conftest import Terminal

NOBODYS = "01900000-0000-7000-8000-000000000000"


def lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_five_hundred_licenses_of_a_policy_come_as_csv(
    at_work: Terminal, application: Application
) -> None:
    policy = factories.make_policy(application, name="Pro")

    run = at_work.run("licenses", "issue", "--count", "500", "--policy", "pro", "--csv")

    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert (run.returncode, run.stderr) == (0, "Issued 500 licenses.\n")
    assert len({row["key"] for row in rows}) == 500
    assert {row["policy"] for row in rows} == {str(policy.pk)}
    assert {row["id"] for row in rows} == {str(one.pk) for one in License.objects.all()}


def test_more_than_one_call_may_issue_comes_in_batches(
    at_work: Terminal, application: Application
) -> None:
    run = at_work.run("licenses", "issue", "--count", "1001")

    issued = run.stdout.splitlines()
    assert len(set(issued)) == 1001
    assert all(keys.normalized_license_key(key) for key in issued)
    assert application.licenses.count() == 1001


def test_a_license_is_issued_with_its_terms(at_work: Terminal, application: Application) -> None:
    run = at_work.run(
        *("licenses", "issue", "--username", "Ada", "--email", "ada@example.com", "--json"),
        *("--metadata", '{"plan": "pro"}', "--expires", "2099-12-31", "--devices", "3"),
    )

    [told] = lines(run.stdout)
    license = application.licenses.get()
    assert told["key"] == license.reveal()
    assert (license.username, license.metadata, license.devices_max) == ("Ada", {"plan": "pro"}, 3)
    assert told["expires_at"] == "2099-12-31T23:59:59Z"


def test_keys_go_into_a_new_file_for_its_owner_alone(
    at_work: Terminal, transactional_db: None
) -> None:
    arguments = ("licenses", "issue", "--count", "2", "--output", "keys.txt")

    first, second = at_work.run(*arguments), at_work.run(*arguments)

    file = at_work.home / "keys.txt"
    assert (first.returncode, first.stdout) == (0, "")
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert len(file.read_text().splitlines()) == 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert License.objects.count() == 2


def test_licenses_are_found_by_state_policy_and_customer(
    at_work: Terminal, application: Application
) -> None:
    ada = factories.make_license(application, email="ada@example.com")
    factories.make_license(application, email="bob@example.com")

    people = at_work.run("licenses", "find", "--email", "ada@", "--status", "active")
    script = at_work.run("licenses", "find", "--policy", "standard", "--json")

    [_, line] = people.stdout.splitlines()
    assert re.match(
        rf"…{ada.key_last5} +active +Standard +ada@example\.com +0 +never +{ada.pk}", line
    )
    assert {row["email"] for row in lines(script.stdout)} == {"ada@example.com", "bob@example.com"}


def test_a_license_is_meant_by_its_key_too(at_work: Terminal, application: Application) -> None:
    license = factories.make_license(application, username="Ada")
    factories.make_license(application)
    key = license.reveal()

    found = at_work.run("licenses", "find", key.lower(), "--json")
    suspended = at_work.run("licenses", "suspend", key)
    # The beginning of a name is enough for a search, and not for an act.
    guessed = at_work.run("licenses", "restore", "Ada")

    assert [row["id"] for row in lines(found.stdout)] == [str(license.pk)]
    assert suspended.returncode == 0
    assert (guessed.returncode, guessed.stderr.count("\n")) == (1, 1)
    license.refresh_from_db()
    assert license.status == "suspended"


def test_all_of_them_come_however_many_pages_that_takes(
    at_work: Terminal, application: Application
) -> None:
    factories.make_licenses(application, 201)

    first = at_work.run("licenses", "find", "--json")
    everything = at_work.run("licenses", "find", "--all", "--json")

    assert len(lines(first.stdout)) == 100
    assert "--all" in first.stderr
    assert everything.stderr == ""
    assert len({row["id"] for row in lines(everything.stdout)}) == 201


def test_a_license_is_suspended_restored_extended_and_revoked(
    at_work: Terminal, application: Application
) -> None:
    license = factories.make_license(application)
    id = str(license.pk)

    states = []
    revoke = ["revoke", id, "--yes", "--reason", "Chargeback"]
    for act in (["suspend", id], ["restore", id], revoke, ["reinstate", id]):
        assert at_work.run("licenses", *act).returncode == 0
        license.refresh_from_db()
        states.append(license.status)

    assert states == ["suspended", "active", "revoked", "active"]


def test_a_license_is_renewed_by_its_policys_duration_and_once(
    at_work: Terminal, application: Application
) -> None:
    policy = factories.make_policy(application, duration_seconds=30 * 86_400)
    license = factories.make_license(application, policy=policy)
    assert license.expires_at
    seen = license.expires_at.isoformat()

    runs = [at_work.run("licenses", "renew", str(license.pk), "--seen-end", seen) for _ in range(2)]

    assert [run.returncode for run in runs] == [0, 0], runs
    before = license.expires_at
    license.refresh_from_db()
    assert license.expires_at == before + dt.timedelta(days=30)


def test_a_token_of_the_team_creates_an_application(
    at_work: Terminal, application: Application
) -> None:
    token = factories.make_token(application, for_the_team=True).text

    created = at_work.run("applications", "create", "Sculptor", "--json", LOCKENCE_TOKEN=token)

    assert lines(created.stdout)[0]["name"] == "Sculptor"
    assert application.team.applications.count() == 2


def test_an_end_is_moved_to_a_day_by_days_or_away(
    at_work: Terminal, application: Application
) -> None:
    id = str(factories.make_license(application).pk)

    ends = []
    for end in (["--until", "2098-06-30"], ["--days", "2"], ["--never"]):
        run = at_work.run("licenses", "extend", id, *end, "--json")
        ends.append(lines(run.stdout)[0]["expires_at"])

    assert ends == ["2098-06-30T23:59:59Z", "2098-07-02T23:59:59Z", None]


def test_the_whole_key_shows_when_it_is_asked_for(
    at_work: Terminal, application: Application
) -> None:
    license = factories.make_license(application)

    without = at_work.run("licenses", "show", str(license.pk))
    within = at_work.run("licenses", "show", str(license.pk), "--key")

    assert license.reveal() not in without.stdout
    assert license.reveal() in within.stdout


def test_one_that_is_refused_keeps_none_of_the_others_waiting(
    at_work: Terminal, application: Application
) -> None:
    ids = [str(license.pk) for license in factories.make_licenses(application, 2)]

    run = at_work.run("licenses", "suspend", ids[0], NOBODYS, ids[1])

    assert run.returncode == 1
    assert run.stdout.splitlines() == [f"Suspended {id}" for id in ids]
    assert f"{NOBODYS}: " in run.stderr
    assert "1 of 3 were refused" in run.stderr


def test_policies_are_made_shown_and_deleted(at_work: Terminal, application: Application) -> None:
    made = at_work.run("policies", "create", "Trial", "--days", "14", "--devices", "none", "--json")
    listed = at_work.run("policies", "list")
    at_work.run("policies", "make-default", "trial")
    deleted = at_work.run("policies", "delete", "Standard")

    assert lines(made.stdout)[0]["duration_seconds"] == 14 * 86_400
    assert re.search(r"^Trial +14 days +creation +no limit +no limit", listed.stdout, re.M)
    assert deleted.returncode == 0
    assert application.policies.get().name == "Trial"


def test_devices_are_released_and_sessions_ended(
    at_work: Terminal, application: Application
) -> None:
    session = factories.make_session(factories.make_license(application))

    devices, sessions = at_work.run("devices", "list"), at_work.run("sessions", "list", "--open")
    ended = at_work.run("sessions", "end", str(session.pk))
    released = at_work.run("devices", "release", str(session.device_id))

    assert str(session.device_id) in devices.stdout
    assert str(session.pk) in sessions.stdout
    assert (ended.returncode, released.returncode) == (0, 0)
    assert "No session" not in at_work.run("sessions", "list", "--open").stdout
    assert session.license.devices.bound().count() == 0


def test_lists_are_narrowed_to_a_license_by_its_key(
    at_work: Terminal, application: Application
) -> None:
    session, other = (factories.make_session(factories.make_license(application)) for _ in range(2))
    key = session.license.reveal()

    devices, sessions = (
        at_work.run(thing, "list", "--license", key) for thing in ("devices", "sessions")
    )
    told = at_work.run("events", "--license", key, "--json")

    assert str(session.device_id) in devices.stdout
    assert str(session.pk) in sessions.stdout
    assert str(other.license_id) not in devices.stdout + sessions.stdout
    assert {row["license"] for row in lines(told.stdout)} == {str(session.license_id)}
    assert at_work.run("devices", "list", "--license", "no such key").returncode == 1


def test_an_application_is_renamed_closed_and_opened(
    at_work: Terminal, application: Application
) -> None:
    at_work.run("applications", "rename", "painter", "Brush")
    at_work.run("applications", "disable", "Brush")
    shown = at_work.run("applications", "show", "--json")
    at_work.run("applications", "enable", "Brush")

    application.refresh_from_db()
    assert lines(shown.stdout)[0]["enabled"] is False
    assert (application.name, application.enabled) == ("Brush", True)


def test_with_several_applications_one_has_to_be_named(
    at_work: Terminal, application: Application
) -> None:
    factories.make_application(application.team, "Sculptor")
    token = factories.make_token(application, for_the_team=True).text

    unnamed = at_work.run("policies", "list", LOCKENCE_TOKEN=token)
    named = at_work.run("policies", "list", "-a", "sculptor", LOCKENCE_TOKEN=token)
    wrong = at_work.run("policies", "list", "-a", "Sculpture", LOCKENCE_TOKEN=token)

    assert unnamed.returncode == 2
    assert "Sculptor" in unnamed.stderr
    assert "Painter" in unnamed.stderr
    assert named.returncode == 0
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)


def test_a_license_is_handed_over(at_work: Terminal, application: Application) -> None:
    license = factories.make_license(application, username="Ada")
    asked = at_work.run("licenses", "transfer", str(license.pk), "--username", "Grace")

    run = at_work.run(
        "licenses", "transfer", str(license.pk), "--username", "Grace", "--yes", "--json"
    )

    assert asked.returncode == 2
    assert lines(run.stdout)[0]["username"] == "Grace"
    license.refresh_from_db()
    assert license.username == "Grace"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["licenses", "show", NOBODYS], 1),
        (["licenses", "show", "x"], 1),
        (["licenses", "issue", "--count", "0"], 2),
        (["licenses", "issue", "--count", "100001"], 2),
        (["licenses", "issue", "--email", "nobody"], 1),
        (["licenses", "issue", "--policy", "nope"], 1),
        (["licenses", "issue", "--metadata", "[]"], 2),
        (["licenses", "issue", "--csv", "--json"], 2),
        (["licenses", "issue", "--output", "nowhere/keys"], 2),
        (["licenses", "issue", "--expires", "2030-12-31T12:00:00"], 2),
        (["licenses", "issue", "--idempotency-key", "a\nb"], 2),
        (["licenses", "extend", NOBODYS], 2),
        (["licenses", "extend", NOBODYS, "--never", "--days", "1"], 2),
        (["licenses", "extend", NOBODYS, "--days", "1"], 1),
        (["licenses", "revoke", NOBODYS], 2),
        (["licenses", "transfer", NOBODYS, "--yes"], 2),
        (["licenses", "transfer", NOBODYS, "--username", "x", "--yes"], 1),
        (["policies", "create", ""], 1),
        (["policies", "create", "A", "--devices", "0"], 2),
        (["devices", "release", NOBODYS], 1),
        (["events", "--since", "yesterday"], 2),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(
    at_work: Terminal, transactional_db: None, arguments: list[str], code: int
) -> None:
    run = at_work.run(*arguments)

    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (code, 1, ""), run
    assert run.stderr.startswith("lockence: ")
    assert License.objects.count() == 0


def test_what_was_half_written_says_how_to_go_on(
    at_work: Terminal, application: Application
) -> None:
    with at_work.start("licenses", "issue", "--count", "1500") as run:
        assert run.stdout
        assert run.stderr
        run.stdout.readline()
        run.stdout.close()
        told = run.stderr.read()

    assert run.returncode == 141
    found = re.search(r"1000 of 1500 .* with --idempotency-key (\S+) writes the same keys", told)
    assert found, told
    again = at_work.run("licenses", "issue", "--count", "1500", "--idempotency-key", found[1])
    assert len(set(again.stdout.splitlines())) == application.licenses.count() == 1500
