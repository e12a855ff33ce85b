"""What is used up: never beyond the limit, once for each idempotency key, and anew with each period."""

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from licensing import consumption, entitlements, errors, sessions
from licensing.consumption import Left
from licensing.events import SYSTEM
from licensing.models import Usage
from tests import factories
from tests.licensing.state_machine.world import A_BIT, World, seconds

A_DAY = 86_400
AMOUNTS = st.sampled_from([1, 2, 5, 6])
LIMITS = st.sampled_from([0, 1, 5, 7, None])
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Metered(World):
    def __init__(self) -> None:
        super().__init__()
        self.used: dict[dt.datetime, int] = {}
        self.answers: dict[str, tuple[int, Left]] = {}
        self.own_word: tuple[int | None, dt.datetime | None] | None = None

    @initialize(limit=LIMITS, period=st.sampled_from(["never", "day", "week", "month"]))
    def rules(self, limit: int | None, period: str) -> None:
        self.limit, self.period = limit, period
        application = self.begin()
        self.pages = factories.make_entitlement(application, "pages", "metered", period=period)
        policy = factories.make_policy(application, session_lifetime_seconds=30 * A_DAY)
        factories.grant(policy, self.pages, limit)
        self.license = self.issue(policy)
        self.license_key = self.license.reveal()
        self.open()

    @rule(amount=AMOUNTS, key=st.sampled_from("abcdefghijkl"))
    def consume(self, amount: int, key: str) -> None:
        earlier, left = self.answers.get(key), self.left()
        after = left.used + amount
        expected = ""
        if earlier:
            expected = "" if earlier[0] == amount else "idempotency_key_reused"
        elif left.limit is not None and after > left.limit:
            expected = "entitlement_limit_reached"
        consumed = self.answer(
            expected,
            lambda: consumption.consume(
                api_key=self.api_key,
                session_token=self.token,
                entitlement="pages",
                amount=amount,
                idempotency_key=key,
            ),
        )
        if not consumed:
            return
        if not earlier:
            self.used[self.starts_at()] = after
            self.answers[key] = (amount, Left(after, left.limit, left.resets_at))
        assert consumed.left == self.answers[key][1]

    @rule(limit=LIMITS, lasts=st.sampled_from([None, 1, A_DAY]))
    def give_the_license_its_own_limit(self, limit: int | None, lasts: int | None) -> None:
        ends = None if lasts is None else self.now + seconds(lasts)
        factories.grant(self.license, self.pages, limit, expires_at=ends)
        self.own_word = (limit, ends)

    @rule(used=st.integers(0, 8))
    def set_the_count_right(self, used: int) -> None:
        changed = entitlements.set_usage(
            license=self.license, entitlement=self.pages, used=used, actor=SYSTEM, now=self.now
        )
        assert changed == (self.left().used != used)
        self.used[self.starts_at()] = used

    @rule()
    def open(self) -> None:
        """Start another copy: it uses up the same."""
        self.token = sessions.open_session(
            api_key=self.api_key,
            license_key=self.license_key,
            program=sessions.Program(hwid="desktop"),
        ).token

    @rule(by=st.sampled_from([1, 3_600, A_DAY - 1, A_DAY, 7 * A_DAY]))
    def time_passes(self, by: int) -> None:
        self.go_to(self.now + seconds(by))
        self.open()

    @rule(which=st.integers(0, 1), a_bit=A_BIT, amount=AMOUNTS, key=st.sampled_from("xyz"))
    def an_end_is_met(self, which: int, a_bit: int, amount: int, key: str) -> None:
        """Go to the end of the period, or of the license's own word, and use something up at just that moment."""
        if self.meet([self.resets_at(), self.own_word and self.own_word[1]], which, a_bit):
            self.open()
            self.consume(amount, key)

    @invariant()
    def all_is_counted_once_and_programs_are_told(self) -> None:
        if not hasattr(self, "license"):
            return
        Metered.steps += 1
        kept = dict(Usage.objects.values_list("starts_at", "used"))
        assert {moment: used for moment, used in kept.items() if used} == {
            moment: used for moment, used in self.used.items() if used
        }
        found = sessions.validate_session(api_key=self.api_key, session_token=self.token)
        told = found.license.entitlements["pages"]
        wanted = self.left().members()
        assert {name: told[name] for name in wanted} == wanted

    # The dictionary's own judgement

    def left(self) -> Left:
        limit = self.limit
        if self.own_word and (self.own_word[1] is None or self.own_word[1] > self.now):
            limit = self.own_word[0]
        return Left(self.used.get(self.starts_at(), 0), limit, self.resets_at())

    def starts_at(self) -> dt.datetime:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return {
            "never": EPOCH,
            "day": midnight,
            "week": midnight - dt.timedelta(days=midnight.weekday()),
            "month": midnight.replace(day=1),
        }[self.period]

    def resets_at(self) -> dt.datetime | None:
        if self.period == "never":
            return None
        if self.period == "month":
            return (self.starts_at() + dt.timedelta(days=31)).replace(day=1)
        return self.starts_at() + dt.timedelta(days=1 if self.period == "day" else 7)

    def check(self, refusal: errors.RefusalError | None) -> None:
        if isinstance(refusal, errors.EntitlementLimitReachedError):
            wanted: dict[str, Any] = {"entitlement": "pages", **self.left().members()}
            assert refusal.members == wanted
