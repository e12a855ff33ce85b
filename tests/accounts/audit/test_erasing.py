"""What events tell of a person can be erased, and the chain still holds."""

import json

from accounts.events import user_actor
from accounts.models import Event, EventDetail, User
from licensing.events import forget_customer
from tests import factories
from tests.accounts.audit.conftest import chain_now, output_of, tamper, verify


def test_a_users_account_takes_along_what_events_tell_of_them(
    log: list[Event], developer: User
) -> None:
    details = EventDetail.objects.count()

    developer.delete()

    assert EventDetail.objects.count() < details
    assert not EventDetail.objects.filter(facts__icontains="developer@").exists()
    [event] = Event.objects.filter(action="license.suspended")
    assert (event.actor_email, event.ip_address) == ("", "")
    # What they wrote of others stays.
    assert Event.objects.get(action="license.changed").full_before["username"] == "Ada"
    chain_now()
    assert verify() == ""
    assert "6 details erased, 0 faults" in output_of("verify_audit")


def test_a_customer_is_forgotten_by_a_licenses_history(log: list[Event], developer: User) -> None:
    license = factories.License.objects.get()

    assert forget_customer(license=license, actor=user_actor(developer)) == 3
    assert forget_customer(license=license, actor=user_actor(developer)) == 0
    chain_now()

    kept = json.dumps(list(EventDetail.objects.values_list("facts", flat=True)))
    for personal in ("Ada", "ada@", "198.51.100.9"):
        assert personal not in kept
    assert "developer@" in kept
    assert Event.objects.get(action="license.history_erased").after == {"count": 3}
    assert verify() == ""


def test_a_changed_detail_is_found(log: list[Event]) -> None:
    tamper(
        "UPDATE accounts_eventdetail SET facts = %s WHERE event_id = %s AND about = 'actor'",
        ['{"email": "somebody@example.com"}', log[5].pk],
    )

    assert "event 6: what is told of the actor was changed" in verify()


def test_a_detail_that_was_added_later_is_found(log: list[Event]) -> None:
    EventDetail.objects.create(event=log[5], about="target", facts={"before": {"x": 1}})

    assert "event 6: what is told of the target was changed" in verify()
