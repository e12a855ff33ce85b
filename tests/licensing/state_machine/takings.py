"""What a program takes with it: a place for its user, license files for its device, and variables in a live session alone."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from lockence_client.license_file import NotALicenseFile, verified_claims

from licensing import devices, license_files, licenses, named_users, sessions, variables
from licensing.events import SYSTEM
from licensing.hardware_ids import whole
from licensing.models import Device, License
from licensing.session_facts import FileGrant, Program
from tests import factories
from tests.licensing.state_machine.world import A_BIT, WHICH, World, seconds

LIFETIME, FILE = 2_400, 3_600
# On either side of every bound above, and on it.
MOMENTS = st.sampled_from([0, 1, 2_399, 2_400, 2_401, 3_599, 3_600, 3_601])
# One of them in parts, which the request code has in one text.
PARTS = {"board": "B-1", "disk": "D-1"}
MACHINES = ["desktop", "laptop", whole(PARTS)]
HWIDS = st.sampled_from(MACHINES)
USERS = st.sampled_from(["ada", "ada", "grace", "grace", "linus", ""])
OPEN, SECRET = "GREETING", "SECRET"


@dataclasses.dataclass
class Machine:
    is_bound: bool = False
    file_ends_at: dt.datetime | None = None
    held_until: dt.datetime | None = None


@dataclasses.dataclass
class Opened:
    token: uuid.UUID
    hwid: str
    user: str
    expires_at: dt.datetime
    ended: str = ""


class Takings(World):
    def __init__(self) -> None:
        super().__init__()
        self.machines = {hwid: Machine() for hwid in MACHINES}
        self.sessions: list[Opened] = []
        self.users: set[str] = set()
        self.end: dt.datetime | None = None
        self.values = {OPEN: "hello", SECRET: "first"}
        self.own_word: tuple[bool, dt.datetime | None] | None = None

    @initialize(
        devices_max=st.sampled_from([1, 2, None]),
        users_max=st.sampled_from([1, 2, None]),
        license_file_seconds=st.sampled_from([FILE, FILE, None]),
        is_entitled=st.booleans(),
    )
    def rules(self, is_entitled: bool, **rules: int | None) -> None:
        self.policy, self.is_entitled = rules, is_entitled
        application = self.begin()
        policy = factories.make_policy(
            application, session_lifetime_seconds=LIFETIME, releases_max=None, **rules
        )
        self.export = factories.make_entitlement(application, "export")
        factories.grant(policy, self.export, is_entitled)
        factories.make_variable(application, OPEN, self.values[OPEN])
        self.secret = factories.make_variable(
            application, SECRET, self.values[SECRET], entitlement=self.export
        )
        self.license = self.issue(policy)
        self.license_key = self.license.reveal()
        self.pins = list(application.signing_keys.values_list("public_key", flat=True))

    # Programs

    @rule(hwid=HWIDS, user=USERS)
    def init(self, hwid: str, user: str) -> None:
        opened = self.answer(
            self.refusal_of_init(hwid, user),
            lambda: sessions.open_session(
                api_key=self.api_key,
                license_key=self.license_key,
                program=Program(
                    hwid=hwid,
                    components=PARTS if hwid == whole(PARTS) else {},
                    user_name=user,
                ),
            ),
        )
        if opened:
            self.is_let_in(hwid, user)
            self.sessions.append(Opened(opened.token, hwid, user, self.session_end()))
            assert opened.expires_at == self.session_end()
            self.is_given_a_file(hwid, opened.file_grant)

    @rule(hwid=HWIDS, user=USERS)
    def fetch_a_file_by_request_code(self, hwid: str, user: str) -> None:
        """All or nothing: where the policy gives no files, nobody is named and no device bound."""
        refusal = self.refusal_of_init(hwid, user)
        if not refusal and not self.policy["license_file_seconds"]:
            refusal = "offline_not_allowed"
        grant = self.answer(
            refusal,
            lambda: sessions.grant_file(
                api_key=self.api_key,
                license_key=self.license_key,
                application_id=self.license.application_id,
                program=Program(hwid=hwid, user_name=user),
            ),
        )
        if grant:
            self.is_let_in(hwid, user)
            self.is_given_a_file(hwid, grant)

    @rule(which=WHICH)
    def check_out(self, which: int) -> None:
        if session := self.session(which):
            refusal = self.refusal_of_session(session)
            if not refusal and not self.policy["license_file_seconds"]:
                refusal = "offline_not_allowed"
            if grant := self.in_session(refusal, sessions.check_out, session):
                self.is_given_a_file(session.hwid, grant)

    @rule(which=WHICH, names=st.sampled_from([None, [OPEN], [SECRET], [OPEN, SECRET], ["NONE"]]))
    def fetch_variables(self, which: int, names: list[str] | None) -> None:
        if session := self.session(which):
            known = self.values if self.has_export() else {OPEN: self.values[OPEN]}
            refusal = self.refusal_of_session(session)
            if not refusal and not set(names or ()) <= known.keys():
                refusal = "variable_not_found"
            told = self.in_session(refusal, variables.tell_variables, session, names=names)
            if told:
                assert told.values == {name: known[name] for name in names or known}

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        """The device keeps its place until its file ends, for it may run on until then."""
        if session := self.session(which):
            refusal = self.refusal_of_session(session)
            is_repeated = refusal == "session_ended" and session.ended == "released"
            released = self.in_session(
                "" if is_repeated else refusal, devices.release_own_device, session
            )
            if released and not is_repeated:
                self.is_released(session.hwid)
                machine = self.machines[session.hwid]
                if machine.file_ends_at and machine.file_ends_at > self.now:
                    machine.held_until = machine.file_ends_at

    # The developer

    @rule(hwid=HWIDS)
    def release_by_hand(self, hwid: str) -> None:
        """Its place is free at once; of a device that keeps one, too."""
        digest = sessions.tokens.hwid_digest(self.license.application_id, hwid)
        device = Device.objects.filter(hwid_digest=digest).first()
        machine = self.machines[hwid]
        if device:
            freed = devices.release_device(device=device, actor=SYSTEM, now=self.now)
            assert freed == (machine.is_bound or self.keeps_its_place(machine))
        self.is_released(hwid)
        machine.held_until = None

    @rule(name=USERS)
    def remove_user(self, name: str) -> None:
        user = self.license.named_users.filter(name=name).first()
        assert (user is not None) == (name in self.users)
        if user is not None:
            assert named_users.remove_user(user=user, actor=SYSTEM, now=self.now)
            self.users.discard(name)
            self.end_sessions("developer", lambda session: session.user == name)

    @rule(ahead=st.sampled_from([None, None, 1, FILE - 1, FILE + 1]))
    def move_the_end(self, ahead: int | None) -> None:
        self.end = None if ahead is None else self.now + seconds(ahead)
        licenses.extend_license(license=self.row(), expires_at=self.end, actor=SYSTEM, now=self.now)
        for session in self.sessions:
            if not session.ended and session.expires_at > self.now:
                session.expires_at = min(session.expires_at, self.end or session.expires_at)

    @rule(value=st.booleans(), lasts=st.sampled_from([None, 1, FILE]))
    def give_the_license_its_own_word(self, value: bool, lasts: int | None) -> None:
        ends = None if lasts is None else self.now + seconds(lasts)
        factories.grant(self.license, self.export, value, expires_at=ends)
        self.own_word = (value, ends)

    @rule(value=st.sampled_from(["second", "third"]))
    def change_the_secret(self, value: str) -> None:
        variables.change_variable(
            variable=self.secret, value=value, entitlement=self.export, actor=SYSTEM, now=self.now
        )
        self.values[SECRET] = value

    @rule(by=MOMENTS)
    def time_passes(self, by: int) -> None:
        self.go_to(self.now + seconds(by))

    @rule(which=WHICH, a_bit=A_BIT, hwid=HWIDS, user=USERS)
    def an_end_is_met(self, which: int, a_bit: int, hwid: str, user: str) -> None:
        """Go to the moment at which something ends, or to the microsecond before or after it, and look what is given."""
        ends = [self.end, self.own_word and self.own_word[1]]
        ends += [session.expires_at for session in self.sessions if not session.ended]
        ends += [machine.held_until for machine in self.machines.values()]
        if self.meet(ends, which, a_bit):
            self.fetch_variables(which, None)
            self.init(hwid, user)

    # What is true whatever happens

    @invariant()
    def nothing_is_exceeded_and_rows_are_as_the_dictionary_says(self) -> None:
        if not hasattr(self, "license"):
            return
        Takings.steps += 1
        row = self.row()
        digest = sessions.tokens.hwid_digest
        machines = {digest(row.application_id, hwid): one for hwid, one in self.machines.items()}
        kept = {device.pk: machines[bytes(device.hwid_digest)] for device in row.devices.all()}
        for device in row.devices.all():
            machine = kept[device.pk]
            assert device.is_bound() == machine.is_bound
            assert device.license_file_ends_at == machine.file_ends_at
        held = {kept[uuid.UUID(id)].held_until for id in row.held_places(self.now)}
        keeping = [one for one in self.machines.values() if self.keeps_its_place(one)]
        assert held == {one.held_until for one in keeping}
        assert row.devices_used == sum(one.is_bound for one in self.machines.values())
        places = row.devices_used + len(keeping)
        assert places <= (self.policy["devices_max"] or places)
        assert set(row.named_users.values_list("name", flat=True)) == self.users
        assert len(self.users) <= (self.policy["users_max"] or 0)

    # The dictionary's own judgement

    def refusal_of_license(self) -> str:
        return "license_expired" if self.end and self.end <= self.now else ""

    def refusal_of_init(self, hwid: str, user: str) -> str:
        if refusal := self.refusal_of_license():
            return refusal
        if users_max := self.policy["users_max"]:
            if not user:
                return "invalid_request"
            if user not in self.users and len(self.users) >= users_max:
                return "user_limit_reached"
        others = [one for name, one in self.machines.items() if name != hwid]
        taken = sum(one.is_bound or self.keeps_its_place(one) for one in others)
        devices_max = self.policy["devices_max"]
        is_full = devices_max is not None and taken >= devices_max
        return "hwid_mismatch" if is_full and not self.machines[hwid].is_bound else ""

    def refusal_of_session(self, session: Opened) -> str:
        if refusal := self.refusal_of_license():
            return refusal
        if session.ended:
            return "session_ended"
        return "session_expired" if session.expires_at <= self.now else ""

    def keeps_its_place(self, machine: Machine) -> bool:
        return machine.held_until is not None and machine.held_until > self.now

    def has_export(self) -> bool:
        if self.own_word and (self.own_word[1] is None or self.own_word[1] > self.now):
            return self.own_word[0]
        return self.is_entitled

    def session_end(self) -> dt.datetime:
        end = self.now + seconds(LIFETIME)
        return min(end, self.end or end)

    def is_let_in(self, hwid: str, user: str) -> None:
        machine = self.machines[hwid]
        machine.is_bound, machine.held_until = True, None
        if self.policy["users_max"]:
            self.users.add(user)

    def is_given_a_file(self, hwid: str, grant: FileGrant | None) -> None:
        if not self.policy["license_file_seconds"]:
            assert grant is None
            return
        end = self.now + seconds(FILE)
        end = min(end, self.end or end)
        assert grant is not None
        assert grant.ends_at == end
        machine = self.machines[hwid]
        machine.file_ends_at = max(machine.file_ends_at or end, end)
        text, last = license_files.written(grant, self.now), int(end.timestamp())
        for other in self.machines:
            assert self.counts(text, other, last - 1) == (other == hwid)
            assert not self.counts(text, other, last)

    def is_released(self, hwid: str) -> None:
        self.machines[hwid].is_bound = False
        self.end_sessions("released", lambda session: session.hwid == hwid)

    def end_sessions(self, reason: str, of: Callable[[Opened], bool]) -> None:
        for session in self.sessions:
            if of(session) and not session.ended and session.expires_at > self.now:
                session.ended = reason

    # The real thing

    def counts(self, text: str, hwid: str, at: float) -> bool:
        """Tell whether a device without network runs with a license file."""
        application = str(self.license.application_id)
        try:
            verified_claims(
                text, public_keys=self.pins, application_id=application, hwid=hwid, now=at
            )
        except NotALicenseFile:
            return False
        return True

    def in_session(
        self, expected: str, verb: Callable[..., Any], session: Opened, **facts: Any
    ) -> Any:
        return self.answer(
            expected, lambda: verb(api_key=self.api_key, session_token=session.token, **facts)
        )

    def session(self, which: int) -> Opened | None:
        return self.sessions[-1 - which % min(len(self.sessions), 8)] if self.sessions else None

    def row(self) -> License:
        return License.objects.select_related("application", "policy").get(pk=self.license.pk)
