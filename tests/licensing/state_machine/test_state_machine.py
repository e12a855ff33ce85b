"""Programs and a developer do whatever comes to mind while time passes: a dictionary says what the verbs must answer.

Each machine minds one part of the product. `LOCKENCE_MODEL_STEPS=10000` is what CI runs, of all together; `LOCKENCE_MODEL_SEED`
repeats a run.
"""

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from pytest_django import Settings

from tests.licensing.state_machine.metered import Metered
from tests.licensing.state_machine.parts import MachinesInParts
from tests.licensing.state_machine.seats import Seats
from tests.licensing.state_machine.takings import Takings
from tests.licensing.state_machine.terms import Terms
from tests.licensing.state_machine.trials import Trials
from tests.licensing.state_machine.world import World

MACHINES: list[type[World]] = [Seats, Terms, Metered, Trials, MachinesInParts, Takings]
# Rounded up: together they take no fewer.
STEPS = -(-int(os.environ.get("LOCKENCE_MODEL_STEPS", "1500")) // len(MACHINES))
EXTENT = settings(
    max_examples=10,
    stateful_step_count=50,
    deadline=None,
    database=None,
    # Making a failure smaller takes minutes; its seed repeats it.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(120 + STEPS // 10)
@pytest.mark.parametrize("machine", MACHINES)
def test_the_verbs_do_what_the_dictionary_says(
    machine: type[World], db: None, settings: Settings
) -> None:
    settings.INIT_FAILURES_MAX = 10**6
    chosen = int(os.environ.get("LOCKENCE_MODEL_SEED") or random.randrange(2**32))
    print(f"LOCKENCE_MODEL_SEED={chosen}")  # noqa: T201 (pytest shows it where the test fails)

    machine.steps = 0
    # A run ends when it likes: so many are made that all of the steps were taken.
    while machine.steps < STEPS:
        run_state_machine_as_test(seed(chosen + machine.steps)(machine), settings=EXTENT)
