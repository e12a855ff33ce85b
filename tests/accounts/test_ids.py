"""UUIDv7."""

import uuid
from datetime import UTC, datetime

import time_machine

from accounts.ids import uuid7


def test_an_id_is_a_version_7_uuid_of_the_rfc_variant() -> None:
    made = uuid7()

    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_an_id_tells_its_millisecond() -> None:
    with time_machine.travel(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), tick=False):
        made = uuid7()

    # The example of RFC 9562, appendix A.6.
    assert str(made).startswith("017f22e2-79b0-7")


def test_ids_sort_by_creation() -> None:
    made = []
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        for _ in range(100):
            made.append(uuid7())
            clock.shift(0.000_001)

    assert made == sorted(made)


def test_ids_of_the_same_moment_differ() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        assert len({uuid7() for _ in range(1000)}) == 1000
