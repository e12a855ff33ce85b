"""Who may use what: access rules and named users, looked after from a terminal."""

import json
from typing import Any

from licensing.models import Application
from tests import factories
from tests.command_line.conftest import Terminal


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_network_is_blocked_and_let_in_again(at_work: Terminal, application: Application) -> None:
    blocked = at_work.run(
        *("access-rules", "block", "network", "203.0.113.0/24", "--note", "Key sellers", "--json")
    )
    listed = at_work.run("access-rules", "list", "--effect", "block")
    [rule] = lines(blocked.stdout)
    shown = at_work.run("access-rules", "show", rule["id"], "--json")
    deleted = at_work.run("access-rules", "delete", rule["id"])

    assert "203.0.113.0/24" in listed.stdout
    assert "Key sellers" in listed.stdout
    assert lines(shown.stdout) == [rule]
    assert deleted.stdout == f"Deleted {rule['id']}\n"
    assert not application.access_rules.exists()


def test_a_license_is_good_for_a_country_alone(at_work: Terminal, application: Application) -> None:
    license, other = factories.make_licenses(application, 2)
    factories.make_access_rule(application, license=other)

    allowed = at_work.run("access-rules", "allow", license.reveal(), "country", "DE")
    listed = at_work.run("access-rules", "list", "--license", str(license.pk), "--json")

    assert allowed.returncode == 0
    [rule] = lines(listed.stdout)
    assert (rule["effect"], rule["value"], rule["license"]) == ("allow", "DE", str(license.pk))


def test_a_device_that_is_seen_is_blocked(at_work: Terminal, application: Application) -> None:
    session = factories.make_session(factories.make_license(application))

    blocked = at_work.run("devices", "block", str(session.device_id), "--note", "Shared key")

    assert blocked.stdout == f"Blocked {session.device_id}\n"
    rule = application.access_rules.get()
    assert (rule.kind, rule.note) == ("hwid", "Shared key")


def test_what_is_no_rule_is_refused_in_one_line(
    at_work: Terminal, application: Application
) -> None:
    wrong = at_work.run("access-rules", "block", "network", "nowhere")
    gone = at_work.run("access-rules", "delete", str(application.pk))
    unknown = at_work.run("access-rules", "block", "planet", "Mars")

    assert (wrong.returncode, gone.returncode, unknown.returncode) == (1, 1, 2)
    assert all(len(run.stderr.splitlines()) == 1 for run in (wrong, gone, unknown))
    assert not application.access_rules.exists()


def test_who_has_left_gives_a_place_free(at_work: Terminal, application: Application) -> None:
    ann = factories.make_named_user(application)
    factories.make_named_user(application, "bob")

    listed = at_work.run("named-users", "list", "--license", ann.license.reveal())
    shown = at_work.run("named-users", "show", str(ann.pk), "--json")
    removed = at_work.run("named-users", "remove", str(ann.pk))

    assert "ann" in listed.stdout
    assert "bob" not in listed.stdout
    assert lines(shown.stdout)[0]["name"] == "ann"
    assert removed.stdout == f"Removed {ann.pk}\n"
    assert list(application.named_users.values_list("name", flat=True)) == ["bob"]
