"""The time of a license: first use, renewals, grace, falling back, time that is frozen, revoked and reinstated."""

import dataclasses
import datetime as dt
import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from licensing import licenses, renewals, sessions
from licensing.events import SYSTEM
from licensing.models import License
from tests import factories
from tests.licensing.state_machine.world import A_BIT, WHICH, World, seconds

DURATION, GRACE, LIFETIME = seconds(100), 20, 60
MOMENTS = st.sampled_from([0, 1, 19, 20, 21, 59, 60, 61, 99, 100, 101])
EXPORT = {"export": {"kind": "boolean", "value": True, "expires_at": None}}


@dataclasses.dataclass
class Opened:
    token: uuid.UUID
    expires_at: dt.datetime
    is_ended: bool = False


class Terms(World):
    def __init__(self) -> None:
        super().__init__()
        self.status = "active"
        self.end: dt.datetime | None = None
        self.frozen_at: dt.datetime | None = None
        self.is_used = False
        self.sessions: list[Opened] = []

    @initialize(
        clock_start=st.sampled_from(["creation", "first_use"]),
        renewal=st.sampled_from(["from_expiry", "from_now", "from_now_if_expired"]),
        grace_seconds=st.sampled_from([0, GRACE]),
        expiry_strategy=st.sampled_from(["refuse", "fall_back"]),
        suspension_freezes_time=st.booleans(),
    )
    def rules(self, **rules: Any) -> None:
        self.policy = rules
        application = self.begin()
        policy = factories.make_policy(
            application,
            duration_seconds=int(DURATION.total_seconds()),
            session_lifetime_seconds=LIFETIME,
            heartbeat_interval_seconds=10,
            **rules,
        )
        factories.grant(policy, factories.make_entitlement(application, "export"), True)
        self.license = self.issue(policy)
        self.license_key = self.license.reveal()
        if rules["clock_start"] == "creation":
            self.end = self.now + DURATION

    # The program

    @rule()
    def init(self) -> None:
        opened = self.answer(
            self.refusal(),
            lambda: sessions.open_session(
                api_key=self.api_key,
                license_key=self.license_key,
                program=sessions.Program(hwid="desktop"),
            ),
        )
        if opened:
            self.first_use()
            self.sessions.append(Opened(opened.token, self.lease_end()))
            assert opened.expires_at == self.lease_end()
            assert (opened.license.expires_at, opened.license.grace_until) == (
                self.end,
                self.grace_until(),
            )

    @rule(which=WHICH)
    def validate(self, which: int) -> None:
        if session := self.session(which):
            found = self.in_session(sessions.validate_session, session)
            if found:
                assert found.expires_at == session.expires_at
                self.check_what_is_told(found.license)

    @rule(which=WHICH)
    def heartbeat(self, which: int) -> None:
        if session := self.session(which):
            touched = self.in_session(sessions.touch_session, session)
            if touched:
                session.expires_at = self.lease_end()
                assert touched.expires_at == session.expires_at
                self.check_what_is_told(touched.license, with_entitlements=False)

    # The developer

    @rule()
    def renew(self) -> None:
        expected = "license_state" if self.status == "revoked" or self.end is None else ""
        self.answer(
            expected,
            lambda: renewals.renew_license(license=self.row(), actor=SYSTEM, now=self.now),
        )
        if not expected and self.end:
            self.end = max(self.end, self.renewed_from(self.end) + DURATION)

    @rule()
    def suspend(self) -> None:
        if self.status == "active":
            licenses.suspend_license(license=self.row(), actor=SYSTEM)
            self.status = "suspended"
            self.frozen_at = self.now if self.policy["suspension_freezes_time"] else None

    @rule()
    def restore(self) -> None:
        if self.status == "suspended":
            licenses.restore_license(license=self.row(), actor=SYSTEM)
            self.thaw("active")

    @rule(luck=st.integers(0, 5))
    def revoke(self, luck: int) -> None:
        if luck == 5 and self.status != "revoked":
            licenses.revoke_license(license=self.row(), actor=SYSTEM, now=self.now)
            self.thaw("revoked")
            for session in self.sessions:
                session.is_ended = session.is_ended or session.expires_at > self.now

    @rule()
    def reinstate(self) -> None:
        if self.status == "revoked":
            licenses.reinstate_license(license=self.row(), actor=SYSTEM)
            self.status = "active"

    @rule(ahead=st.sampled_from([None, 1, 60, 300]))
    def move_the_end(self, ahead: int | None) -> None:
        if self.status == "revoked":
            return
        end = None if ahead is None else self.now + seconds(ahead)
        licenses.extend_license(license=self.row(), expires_at=end, actor=SYSTEM, now=self.now)
        if end != self.end:
            self.end, self.frozen_at = end, self.frozen_at and self.now
            for session in self.sessions:
                if not session.is_ended and session.expires_at > self.now:
                    session.expires_at = min(
                        session.expires_at, self.good_until() or session.expires_at
                    )

    @rule(by=MOMENTS)
    def time_passes(self, by: int) -> None:
        self.go_to(self.now + seconds(by))

    @rule(which=WHICH, a_bit=A_BIT)
    def an_end_is_met(self, which: int, a_bit: int) -> None:
        ends = [self.end, self.grace_until(), *(session.expires_at for session in self.sessions)]
        if self.meet(ends, which, a_bit):
            self.validate(which)
            self.init()

    @invariant()
    def the_row_is_as_the_dictionary_says(self) -> None:
        if not hasattr(self, "license"):
            return
        Terms.steps += 1
        row = self.row()
        assert (row.status, row.expires_at, row.frozen_at) == (
            self.status,
            self.end,
            self.frozen_at,
        )
        assert row.good_until() == self.good_until()
        told = [] if self.status != "active" or not self.warning() else [self.warning()]
        assert [row.warning(self.now)] == (told or [""])

    # The dictionary's own judgement

    def refusal(self) -> str:
        if self.status != "active":
            return f"license_{self.status}"
        good_until = self.good_until()
        return "license_expired" if good_until and good_until <= self.now else ""

    def in_session(self, verb: Any, session: Opened) -> Any:
        expected = self.refusal()
        if not expected and session.is_ended:
            expected = "session_ended"
        if not expected and session.expires_at <= self.now:
            expected = "session_expired"
        return self.answer(
            expected, lambda: verb(api_key=self.api_key, session_token=session.token)
        )

    def first_use(self) -> None:
        if not self.is_used and self.end is None and self.policy["clock_start"] == "first_use":
            self.end = self.now + DURATION
        self.is_used = True

    def settled_until(self) -> dt.datetime | None:
        return self.end and self.end + seconds(self.policy["grace_seconds"])

    def good_until(self) -> dt.datetime | None:
        return None if self.policy["expiry_strategy"] == "fall_back" else self.settled_until()

    def grace_until(self) -> dt.datetime | None:
        return self.settled_until() if self.policy["grace_seconds"] else None

    def has_fallen_back(self) -> bool:
        settled = self.settled_until()
        return (
            self.policy["expiry_strategy"] == "fall_back"
            and settled is not None
            and settled <= self.now
        )

    def warning(self) -> str:
        if self.end is None or self.end > self.now:
            return ""
        settled = self.settled_until()
        if settled and settled > self.now:
            return "license_in_grace"
        return "license_fallen_back" if self.has_fallen_back() else ""

    def renewed_from(self, end: dt.datetime) -> dt.datetime:
        at = self.frozen_at or self.now
        is_late = at >= (self.grace_until() or end)
        from_now = {"from_expiry": False, "from_now": True, "from_now_if_expired": is_late}
        return at if from_now[self.policy["renewal"]] else end

    def thaw(self, status: str) -> None:
        if self.frozen_at and self.end:
            self.end += self.now - self.frozen_at
        self.status, self.frozen_at = status, None

    def lease_end(self) -> dt.datetime:
        end = self.now + seconds(LIFETIME)
        return min(end, self.good_until() or end)

    def check_what_is_told(self, told: Any, *, with_entitlements: bool = True) -> None:
        assert told.warnings == tuple(filter(None, [self.warning()]))
        assert (told.expires_at, told.grace_until) == (self.end, self.grace_until())
        if with_entitlements:
            assert told.entitlements == ({} if self.has_fallen_back() else EXPORT)

    def session(self, which: int) -> Opened | None:
        return self.sessions[-1 - which % min(len(self.sessions), 4)] if self.sessions else None

    def row(self) -> License:
        return License.objects.select_related("application", "policy").get(pk=self.license.pk)
