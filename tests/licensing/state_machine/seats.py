"""Devices and seats: limits, overdraft, borrowed seats, releases within their budget, answers that got lost."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from licensing import devices, errors, licenses, sessions
from licensing.events import SYSTEM
from licensing.models import Device, License, Session
from tests import factories
from tests.licensing.state_machine.world import A_BIT, WHICH, World, seconds

LIFETIME, BORROW_MAX, PERIOD, PAUSE = 60, 300, 200, 50
# On either side of every bound above, and on it.
MOMENTS = st.sampled_from([0, 1, 49, 50, 51, 59, 60, 61, 199, 200, 201, 299, 300, 301])
HWIDS = st.sampled_from(["desktop", "laptop", "tablet"])
USERS = st.sampled_from(["ada", "grace"])
KEYS = st.sampled_from(["one", "two"])
ANSWERS_LOST = dt.timedelta(hours=1)


@dataclasses.dataclass
class Seat:
    """A session, as the dictionary has it."""

    token: uuid.UUID
    hwid: str
    user: str
    opened_at: dt.datetime
    expires_at: dt.datetime
    is_overdraft: bool
    borrowed_until: dt.datetime | None = None
    ended: str = ""

    def is_open(self, at: dt.datetime) -> bool:
        return not self.ended and self.expires_at > at

    def is_borrowed(self, at: dt.datetime) -> bool:
        return self.borrowed_until is not None and self.borrowed_until > at


class Seats(World):
    def __init__(self) -> None:
        super().__init__()
        self.bound: set[str] = set()
        self.seats: list[Seat] = []
        self.earlier: dict[tuple[str, str, str], Seat] = {}
        self.releases: list[dt.datetime] = []
        self.status, self.license_end = "active", None

    @initialize(
        devices_max=st.sampled_from([1, 2, None]),
        sessions_max=st.sampled_from([1, 2, None]),
        sessions_overflow=st.sampled_from(["refuse", "end_oldest"]),
        sessions_per=st.sampled_from(["license", "user", "device"]),
        sessions_overdraft=st.integers(0, 1),
        borrow_max_seconds=st.sampled_from([BORROW_MAX, None]),
        releases_max=st.sampled_from([0, 1, 2, None]),
        releases_pause_seconds=st.sampled_from([PAUSE, None]),
    )
    def rules(self, **rules: Any) -> None:
        self.policy = rules
        application = self.begin()
        policy = factories.make_policy(
            application,
            session_lifetime_seconds=LIFETIME,
            heartbeat_interval_seconds=10,
            releases_period_seconds=PERIOD,
            # Whoever gave a license file away waits for its end: a matter of its own.
            license_file_seconds=None,
            **rules,
        )
        self.license = self.issue(policy)
        self.license_key = self.license.reveal()

    # Programs

    # Three times, for what is never opened can be neither used nor ended.
    @rule(hwid=HWIDS, user=USERS)
    def start(self, hwid: str, user: str) -> None:
        self.init(hwid, user)

    @rule(user=USERS)
    def start_at_the_desk(self, user: str) -> None:
        self.init("desktop", user)

    @rule(hwid=HWIDS, user=USERS)
    def init(self, hwid: str, user: str) -> None:
        expected = self.refusal_of_license() or self.refusal_of_init(hwid, user)
        if opened := self.opened(expected, hwid, user):
            seat = self.seat_given(hwid, user)
            assert (opened.expires_at, opened.is_overdraft) == (seat.expires_at, seat.is_overdraft)
            seat.token = opened.token

    @rule(hwid=HWIDS, user=USERS, key=KEYS)
    def init_and_ask_again(self, hwid: str, user: str, key: str) -> None:
        """An answer got lost: whoever asks with the same key is given the seat that is there, while it lasts."""
        seat = self.earlier.get((hwid, user, key))
        is_given_again = (
            seat is not None
            and hwid in self.bound
            and seat.is_open(self.now)
            and seat.opened_at > self.now - ANSWERS_LOST
        )
        expected = self.refusal_of_license()
        if not is_given_again:
            expected = expected or self.refusal_of_init(hwid, user)
        opened = self.opened(expected, hwid, user, key)
        if not opened:
            return
        if not is_given_again or seat is None:
            first = seat is None
            seat = self.seat_given(hwid, user)
            seat.token = opened.token
            if first:
                self.earlier[hwid, user, key] = seat
        assert (opened.token, opened.expires_at, opened.is_overdraft, opened.borrowed_until) == (
            seat.token,
            seat.expires_at,
            seat.is_overdraft,
            seat.borrowed_until,
        )

    def opened(self, expected: str, hwid: str, user: str, key: str = "") -> Any:
        return self.answer(
            expected,
            lambda: sessions.open_session(
                api_key=self.api_key,
                license_key=self.license_key,
                program=sessions.Program(hwid=hwid, user_name=user, idempotency_key=key),
            ),
        )

    @rule(which=WHICH)
    def validate(self, which: int) -> None:
        if seat := self.seat(which):
            found = self.in_session(sessions.validate_session, seat)
            if found:
                assert (found.expires_at, found.borrowed_until, found.is_overdraft) == (
                    seat.expires_at,
                    seat.borrowed_until,
                    seat.is_overdraft,
                )

    @rule(which=WHICH)
    def heartbeat(self, which: int) -> None:
        if (seat := self.seat(which)) and (
            touched := self.in_session(sessions.touch_session, seat)
        ):
            seat.expires_at = self.lease_end(seat.borrowed_until)
            assert touched.expires_at == seat.expires_at

    @rule(which=WHICH)
    def logout(self, which: int) -> None:
        if seat := self.seat(which):
            sessions.close_session(api_key=self.api_key, session_token=seat.token)
            seat.ended = seat.ended or "logout"

    @rule(which=WHICH, ahead=MOMENTS)
    def borrow(self, which: int, ahead: int) -> None:
        if not (seat := self.seat(which)):
            return
        until, longest = self.now + seconds(ahead), self.policy["borrow_max_seconds"]
        expected = self.refusal_of_session(seat)
        if not expected and (longest is None or ahead > longest):
            expected = "borrow_not_allowed"
        if not expected and ahead == 0:
            expected = "invalid_request"
        lent = self.answer(
            expected,
            lambda: sessions.borrow_session(
                api_key=self.api_key, session_token=seat.token, until=until
            ),
        )
        if lent:
            seat.borrowed_until = min(until, self.license_end or until)
            seat.expires_at = self.lease_end(until)
            assert (lent.borrowed_until, lent.expires_at) == (seat.borrowed_until, seat.expires_at)

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        if not (seat := self.seat(which)):
            return
        expected = self.refusal_of_session(seat)
        is_repeated = expected == "session_ended" and seat.ended == "released"
        if is_repeated:
            expected = ""
        elif not expected and not self.may_release(self.now):
            expected = "release_limit_reached"
        released = self.answer(
            expected,
            lambda: devices.release_own_device(api_key=self.api_key, session_token=seat.token),
        )
        if released and not is_repeated:
            self.releases.append(self.now)
            self.device_is_released(seat.hwid)
        if released:
            assert released.releases_left == self.releases_left(self.now)

    # The developer

    @rule(luck=st.integers(0, 5))
    def suspend(self, luck: int) -> None:
        if luck == 5 and self.status != "revoked":
            assert licenses.suspend_license(license=self.row(), actor=SYSTEM) == (
                self.status == "active"
            )
            self.status = "suspended"

    @rule()
    def restore(self) -> None:
        if self.status != "revoked":
            licenses.restore_license(license=self.row(), actor=SYSTEM)
            self.status = "active"

    @rule(luck=st.integers(0, 20))
    def revoke(self, luck: int) -> None:
        if luck == 20 and self.status != "revoked":
            licenses.revoke_license(license=self.row(), actor=SYSTEM, now=self.now)
            self.status = "revoked"
            self.end("revoked", self.open_seats())

    @rule(ahead=st.sampled_from([None, None, None, 30, 60, 300, 301]))
    def move_the_end(self, ahead: int | None) -> None:
        if self.status == "revoked":
            return
        self.license_end = None if ahead is None else self.now + seconds(ahead)
        licenses.extend_license(
            license=self.row(), expires_at=self.license_end, actor=SYSTEM, now=self.now
        )
        for seat in self.open_seats():
            seat.expires_at = min(seat.expires_at, self.license_end or seat.expires_at)

    @rule(hwid=HWIDS)
    def release_by_hand(self, hwid: str) -> None:
        for device in Device.objects.filter(pk__in=[*self.rows_of(hwid)]):
            assert devices.release_device(device=device, actor=SYSTEM, now=self.now)
            self.device_is_released(hwid)

    @rule(which=WHICH)
    def end_session(self, which: int) -> None:
        if seat := self.seat(which):
            session = Session.objects.select_related("application", "license").get(
                token_digest=sessions.tokens.session_token_digest(seat.token)
            )
            is_open = seat.is_open(self.now)
            assert sessions.end_session(session=session, actor=SYSTEM, now=self.now) == is_open
            if is_open:
                seat.ended = "developer"

    @rule(by=MOMENTS)
    def time_passes(self, by: int) -> None:
        self.go_to(self.now + seconds(by))

    @rule(which=WHICH, a_bit=A_BIT, hwid=HWIDS, user=USERS)
    def an_end_is_met(self, which: int, a_bit: int, hwid: str, user: str) -> None:
        """Go to the moment at which something ends, or to the microsecond before or after it, and look who is let in."""
        ends = [self.license_end, *(seat.borrowed_until for seat in self.seats)]
        ends += [seat.expires_at for seat in self.seats if not seat.ended]
        for wait in (PERIOD, PAUSE):
            ends += [released + seconds(wait) for released in self.releases]
        if self.meet(ends, which, a_bit):
            self.validate(which)
            self.init(hwid, user)

    # What is true whatever happens

    @invariant()
    def nothing_is_exceeded_and_rows_are_as_the_dictionary_says(self) -> None:
        if not hasattr(self, "license"):
            return
        Seats.steps += 1
        row = self.row()
        assert (row.status, row.expires_at) == (self.status, self.license_end)
        assert row.devices_used == row.devices.bound().count() == len(self.bound)
        assert row.devices_used <= (self.policy["devices_max"] or row.devices_used)
        rows = {
            (bytes(token), reason, expires_at)
            for token, reason, expires_at in row.sessions.values_list(
                "token_digest", "ended_reason", "expires_at"
            )
        }
        digest = sessions.tokens.session_token_digest
        assert rows == {(digest(one.token), one.ended, one.expires_at) for one in self.seats}
        for one in self.open_seats():
            assert one.hwid in self.bound
            assert len(self.sharing(one.hwid, one.user)) <= self.seats_max()

    # The dictionary's own judgement

    def refusal_of_license(self) -> str:
        if self.status != "active":
            return f"license_{self.status}"
        is_over = self.license_end is not None and self.license_end <= self.now
        return "license_expired" if is_over else ""

    def refusal_of_session(self, seat: Seat) -> str:
        if refusal := self.refusal_of_license():
            return refusal
        if seat.ended:
            return "session_ended"
        if seat.expires_at <= self.now:
            return "session_expired"
        return "" if seat.hwid in self.bound else "hwid_mismatch"

    def refusal_of_init(self, hwid: str, user: str) -> str:
        devices_max = self.policy["devices_max"]
        if hwid not in self.bound and devices_max and len(self.bound) >= devices_max:
            return "hwid_mismatch"
        taken, least = self.sharing(hwid, user), self.seats_max()
        if self.policy["sessions_overflow"] == "end_oldest":
            taken = [seat for seat in taken if seat.is_borrowed(self.now)]
        return "session_limit_reached" if len(taken) >= least else ""

    def seat_given(self, hwid: str, user: str) -> Seat:
        self.bound.add(hwid)
        taken = self.sharing(hwid, user)
        taken.sort(key=lambda seat: (seat.is_borrowed(self.now), self.seats.index(seat)))
        too_many = max(len(taken) + 1 - self.seats_max(), 0) if self.policy["sessions_max"] else 0
        self.end("replaced", taken[:too_many])
        sessions_max = self.policy["sessions_max"]
        is_overdraft = bool(sessions_max) and len(taken) - too_many >= sessions_max
        seat = Seat(uuid.uuid4(), hwid, user, self.now, self.lease_end(None), is_overdraft)
        self.seats.append(seat)
        return seat

    def sharing(self, hwid: str, user: str) -> list[Seat]:
        """The open sessions that share the seats of a program."""
        same: dict[str, Callable[[Seat], bool]] = {
            "license": lambda seat: True,
            "user": lambda seat: seat.user == user,
            "device": lambda seat: seat.hwid == hwid,
        }
        return [seat for seat in self.open_seats() if same[self.policy["sessions_per"]](seat)]

    def seats_max(self) -> float:
        most = self.policy["sessions_max"]
        return most + self.policy["sessions_overdraft"] if most else float("inf")

    def open_seats(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.is_open(self.now)]

    def lease_end(self, borrowed_until: dt.datetime | None) -> dt.datetime:
        end = max(self.now + seconds(LIFETIME), borrowed_until or self.now)
        return min(end, self.license_end or end)

    def releases_left(self, at: dt.datetime) -> int | None:
        most = self.policy["releases_max"]
        used = sum(released > at - seconds(PERIOD) for released in self.releases)
        return None if most is None else max(most - used, 0)

    def may_release(self, at: dt.datetime) -> bool:
        pause = self.policy["releases_pause_seconds"]
        is_paused = pause and self.releases and self.releases[-1] + seconds(pause) > at
        return not is_paused and self.releases_left(at) != 0

    def device_is_released(self, hwid: str) -> None:
        self.bound.discard(hwid)
        self.end("released", [seat for seat in self.open_seats() if seat.hwid == hwid])

    def end(self, reason: str, seats: list[Seat]) -> None:
        for seat in seats:
            seat.ended = reason

    # The real thing

    def check(self, refusal: errors.RefusalError | None) -> None:
        if isinstance(refusal, errors.ReleaseLimitReachedError):
            self.check_when_a_release_is_allowed(refusal.retry_after_seconds)

    def check_when_a_release_is_allowed(self, wait: int | None) -> None:
        if wait is None:
            assert self.policy["releases_max"] == 0
            return
        assert self.may_release(self.now + seconds(wait))
        assert not self.may_release(self.now + seconds(wait - 1))

    def in_session(self, verb: Callable[..., Any], seat: Seat) -> Any:
        return self.answer(
            self.refusal_of_session(seat),
            lambda: verb(api_key=self.api_key, session_token=seat.token),
        )

    def seat(self, which: int) -> Seat | None:
        """One of the newest sessions, for the old ones are all alike."""
        return self.seats[-1 - which % min(len(self.seats), 8)] if self.seats else None

    def row(self) -> License:
        return License.objects.select_related("application", "policy").get(pk=self.license.pk)

    def rows_of(self, hwid: str) -> list[uuid.UUID]:
        digest = sessions.tokens.hwid_digest(self.license.application_id, hwid)
        bound = self.license.devices.bound().filter(hwid_digest=digest)
        return list(bound.values_list("pk", flat=True))
