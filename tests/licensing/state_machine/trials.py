"""Trials: each device has one, with whichever license it comes first, until it is forgotten; what is paid for is no trial."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from licensing import devices, renewals, sessions
from licensing import trials as acts
from licensing.events import SYSTEM
from licensing.models import Device, License, TrialUse
from tests import factories
from tests.licensing.state_machine.world import World

LICENSES = st.integers(0, 2)
HWIDS = st.sampled_from(["desktop", "laptop", "tablet"])


class Trials(World):
    def __init__(self) -> None:
        super().__init__()
        self.used_with: dict[str, int] = {}
        self.bound: list[set[str]] = [set(), set(), set()]
        self.is_paid = [False, False, False]

    @initialize(devices_max=st.sampled_from([1, 2, None]))
    def rules(self, devices_max: int | None) -> None:
        self.devices_max = devices_max
        application = self.begin()
        trial = factories.make_policy(
            application, is_trial=True, devices_max=devices_max, license_file_seconds=None
        )
        self.paid = factories.make_policy(
            application, devices_max=devices_max, license_file_seconds=None
        )
        self.licenses = [self.issue(trial) for _ in range(3)]
        self.keys = [license.reveal() for license in self.licenses]

    @rule(which=LICENSES, hwid=HWIDS)
    def init(self, which: int, hwid: str) -> None:
        bound, expected = self.bound[which], ""
        if hwid not in bound:
            is_tried = self.used_with.get(hwid, which) != which
            if self.devices_max and len(bound) >= self.devices_max:
                expected = "hwid_mismatch"
            elif is_tried and not self.is_paid[which]:
                expected = "trial_used"
        opened = self.answer(
            expected,
            lambda: sessions.open_session(
                api_key=self.api_key,
                license_key=self.keys[which],
                program=sessions.Program(hwid=hwid),
            ),
        )
        if opened and hwid not in bound:
            bound.add(hwid)
            if not self.is_paid[which]:
                self.used_with[hwid] = which

    @rule(which=LICENSES, hwid=HWIDS)
    def release(self, which: int, hwid: str) -> None:
        digest = sessions.tokens.hwid_digest(self.licenses[which].application_id, hwid)
        found = Device.objects.bound().filter(license=self.licenses[which], hwid_digest=digest)
        assert bool(found) == (hwid in self.bound[which])
        for device in found:
            devices.release_device(device=device, actor=SYSTEM, now=self.now)
        self.bound[which].discard(hwid)

    @rule(which=LICENSES, luck=st.integers(0, 3))
    def pay(self, which: int, luck: int) -> None:
        if luck == 3:
            converted = renewals.convert_trial(
                license=self.licenses[which], policy=self.paid, actor=SYSTEM, now=self.now
            )
            assert converted != self.is_paid[which]
            self.is_paid[which] = True

    @rule(which=LICENSES)
    def forget(self, which: int) -> None:
        forgotten = acts.reset_trial(license=self.licenses[which], actor=SYSTEM)
        assert forgotten == (which in self.used_with.values())
        self.used_with = {hwid: one for hwid, one in self.used_with.items() if one != which}

    @invariant()
    def no_device_tries_twice(self) -> None:
        if not hasattr(self, "licenses"):
            return
        Trials.steps += 1
        known = {
            sessions.tokens.hwid_digest(self.licenses[0].application_id, hwid): hwid
            for hwid in ("desktop", "laptop", "tablet")
        }
        numbers = {license.pk: number for number, license in enumerate(self.licenses)}
        rows = TrialUse.objects.values_list("hwid_digest", "license_id")
        kept = {known[bytes(digest)]: numbers[license_id] for digest, license_id in rows}
        assert kept == self.used_with
        used = License.objects.in_bulk([license.pk for license in self.licenses])
        assert [used[one.pk].devices_used for one in self.licenses] == [len(b) for b in self.bound]
