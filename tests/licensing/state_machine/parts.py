"""Machines in parts: one that is much the same is known again, what was released only as it was, and no machine is two devices."""

import dataclasses
import datetime as dt
import json
import uuid

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from licensing import devices, hardware_ids, sessions, tokens, transfers
from licensing.events import SYSTEM
from licensing.models import Device, License, Session
from tests import factories
from tests.licensing.state_machine.world import WHICH, World, seconds

Parts = dict[str, str]
PARTS = st.dictionaries(
    st.sampled_from(["board", "disk", "mac"]), st.sampled_from(["old", "new"]), min_size=1
)
# Far from any limit: the seats are counted, under a lock that is not taken otherwise.
MANY = 10_000


@dataclasses.dataclass
class Machine:
    """A row of the dictionary; `whole` is what it calls itself, and None when nothing is known by that any longer."""

    id: uuid.UUID
    whole: str | None
    parts: Parts
    seen_at: dt.datetime
    is_bound: bool = True
    drifted: list[str] = dataclasses.field(default_factory=list)

    def same(self, parts: Parts) -> int:
        return len(self.parts.items() & parts.items())


class MachinesInParts(World):
    def __init__(self) -> None:
        super().__init__()
        self.machines: list[Machine] = []
        self.transfers = 0

    @initialize(
        hwid_matching=st.sampled_from(["any", "two", "most", "all"]),
        devices_max=st.sampled_from([1, 2, 3, None]),
        sessions_max=st.sampled_from([MANY, None]),
    )
    def rules(self, hwid_matching: str, devices_max: int | None, sessions_max: int | None) -> None:
        self.matching, self.devices_max = hwid_matching, devices_max
        policy = factories.make_policy(
            self.begin(),
            hwid_matching=hwid_matching,
            devices_max=devices_max,
            sessions_max=sessions_max,
            license_file_seconds=None,
        )
        self.license = self.issue(policy)
        self.license_key = self.license.reveal()

    @rule(parts=PARTS)
    def init(self, parts: Parts) -> None:
        self.starts(hardware_ids.whole(parts), parts)

    @rule(parts=PARTS)
    def init_with_all_in_one_text(self, parts: Parts) -> None:
        self.starts(hardware_ids.whole(parts), {})

    @rule(which=WHICH, name=st.sampled_from(["board", "disk", "mac"]))
    def a_part_is_swapped(self, which: int, name: str) -> None:
        if in_parts := [one.parts for one in self.machines if one.parts]:
            self.init(in_parts[which % len(in_parts)] | {name: f"another {which}"})

    @rule(which=WHICH, name=st.sampled_from(["board", "disk", "mac"]))
    def a_part_is_swapped_and_swapped_back(self, which: int, name: str) -> None:
        """What was released and is still known by its whole is met by a machine that looks just like it."""
        gone = [one.whole for one in self.machines if one.whole and not one.is_bound]
        if gone:
            parts = json.loads(gone[which % len(gone)])
            self.init(parts | {name: f"another {which}"})
            self.init(parts)

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        if self.machines:
            machine = self.machines[which % len(self.machines)]
            released = devices.release_device(
                device=Device.objects.get(pk=machine.id), actor=SYSTEM, now=self.now
            )
            assert released == machine.is_bound
            self.is_released(machine)

    @rule(luck=st.integers(0, 5))
    def transfer(self, luck: int) -> None:
        if luck == 5:
            self.transfers += 1
            assert transfers.transfer_license(
                license=self.license,
                username=f"customer {self.transfers}",
                email="",
                actor=SYSTEM,
                now=self.now,
            )
            for machine in self.machines:
                self.is_released(machine)

    @invariant()
    def the_rows_are_as_the_dictionary_says(self) -> None:
        if not hasattr(self, "license"):
            return
        MachinesInParts.steps += 1
        used = License.objects.get(pk=self.license.pk).devices_used
        assert used == sum(machine.is_bound for machine in self.machines)
        assert used <= (self.devices_max or used)
        rows = {row.pk: row for row in self.license.devices.all()}
        assert rows.keys() == {machine.id for machine in self.machines}
        for machine in self.machines:
            row = rows[machine.id]
            assert (row.is_bound(), row.drifted) == (machine.is_bound, machine.drifted)
            assert row.components == self.digests(machine.parts)
        known_by = {bytes(row.hwid_digest): row.pk for row in rows.values()}
        for machine in self.machines:
            if machine.whole is not None:
                digest = tokens.hwid_digest(self.license.application_id, machine.whole)
                assert known_by.pop(digest) == machine.id
        assert len(known_by) == sum(machine.whole is None for machine in self.machines)

    # The dictionary's own judgement

    def starts(self, whole: str, parts: Parts) -> None:
        self.go_to(self.now + seconds(1))
        expected = self.machine_known_as(whole, parts)
        has_place = self.devices_max is None or len(self.bound()) < self.devices_max
        opened = self.answer(
            "" if expected or has_place else "hwid_mismatch",
            lambda: sessions.open_session(
                api_key=self.api_key,
                license_key=self.license_key,
                program=sessions.Program(hwid=whole, components=parts),
            ),
        )
        if not opened:
            return
        digest = tokens.session_token_digest(opened.token)
        id = Session.objects.values_list("device_id", flat=True).get(token_digest=digest)
        machine = expected or self.machine_that_comes_back(whole)
        if machine is None:
            assert id not in {one.id for one in self.machines}
            machine = Machine(id, whole, parts, self.now)
            self.machines.append(machine)
        assert id == machine.id
        if machine.whole != whole:
            self.is_recognized(machine, whole, parts)
        machine.parts, machine.seen_at, machine.is_bound = parts or machine.parts, self.now, True

    def machine_known_as(self, whole: str, parts: Parts) -> Machine | None:
        """The bound machine of just this id, or the one that is most like it."""
        for machine in self.bound():
            if machine.whole == whole:
                return machine
        alike = [one for one in self.bound() if one.same(parts) >= self.parts_needed(one)]
        return max(alike, key=lambda one: (one.same(parts), one.seen_at), default=None)

    def parts_needed(self, machine: Machine) -> int:
        count = len(machine.parts)
        needed = {"any": 1, "two": min(2, count), "most": count // 2 + 1, "all": count}
        # What is known by its whole alone is like nothing.
        return needed[self.matching] or 1

    def machine_that_comes_back(self, whole: str) -> Machine | None:
        return next((one for one in self.machines if one.whole == whole), None)

    def is_recognized(self, machine: Machine, whole: str, parts: Parts) -> None:
        for other in self.machines:
            if other.whole == whole:
                other.whole, other.parts = None, {}
        drifted = sorted(name for name, _ in parts.items() - machine.parts.items())
        machine.whole, machine.drifted = whole, drifted or machine.drifted

    def is_released(self, machine: Machine) -> None:
        machine.is_bound = False

    def bound(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.is_bound]

    def digests(self, parts: Parts) -> list[str]:
        return tokens.component_digests(self.license.application_id, parts)[0]
