"""A limit of n lets n through, whatever number of processes asks at once."""

import collections
import multiprocessing
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import pytest
from django.db import connection

from accounts.limits import Limit, hit, network_of
from accounts.models import LimitWindow

LIMIT = Limit("test", hits_max=3, window_seconds=60)
ROUNDS = 10


@pytest.mark.django_db
def test_hits_within_the_limit_are_allowed_and_the_next_is_not() -> None:
    outcomes = [hit(LIMIT, "somebody") for _ in range(4)]

    assert [outcome.allowed for outcome in outcomes] == [True, True, True, False]
    assert [outcome.remaining for outcome in outcomes] == [2, 1, 0, 0]
    assert 1 <= outcomes[-1].retry_after_seconds <= 60


@pytest.mark.django_db
def test_subjects_and_limits_count_apart() -> None:
    for _ in range(4):
        hit(LIMIT, "somebody")

    assert hit(LIMIT, "somebody else").allowed
    assert hit(Limit("other", 3, 60), "somebody").allowed


@pytest.mark.django_db
def test_a_window_that_is_over_starts_anew() -> None:
    for _ in range(4):
        hit(LIMIT, "somebody")
    end_all_windows()

    assert hit(LIMIT, "somebody").remaining == 2


@pytest.mark.django_db
def test_finished_windows_are_swept_away() -> None:
    for number in range(5):
        hit(LIMIT, f"visitor {number}")
    end_all_windows()

    hit(LIMIT, "somebody new")

    assert LimitWindow.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hits_max", [1, 2, 10, 37, 49])
def test_fifty_processes_against_a_limit_of_n_get_n_through(hits_max: int) -> None:
    """Round after round, each against a subject that is new, or whose window is over."""
    limit = Limit("fifty", hits_max, window_seconds=600)
    for number in range(0, ROUNDS, 2):
        hit(limit, f"subject {number}")
    end_all_windows()
    connection.close()
    fork = multiprocessing.get_context("fork")
    together, answers = fork.Barrier(50), fork.SimpleQueue()
    processes = [fork.Process(target=_hit, args=(limit, together, answers)) for _ in range(50)]
    for process in processes:
        process.start()

    allowed = collections.Counter(
        subject for subject, is_allowed in (answers.get() for _ in range(50 * ROUNDS)) if is_allowed
    )

    for process in processes:
        process.join()
    assert allowed == dict.fromkeys(range(ROUNDS), hits_max)


def _hit(limit: Limit, together: Barrier, answers: "SimpleQueue[tuple[int, bool]]") -> None:
    """Connect first and hit then, so that all meet in the database and do not come one after another."""
    connection.ensure_connection()
    for number in range(ROUNDS):
        together.wait()
        answers.put((number, hit(limit, f"subject {number}").allowed))
    connection.close()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, "unknown"),
    ],
)
def test_a_customer_holds_an_ipv4_address_or_an_ipv6_64(address: str | None, network: str) -> None:
    assert network_of(address) == network


def end_all_windows() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_limitwindow SET ends_at = now() - interval '1 second'")
