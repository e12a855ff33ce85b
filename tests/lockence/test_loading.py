"""What is there before the first request, in a process of its own."""

import subprocess
import sys

import pytest

from tests.lockence.test_settings import ROOT, production

SHOW = "import gc, sys; import {0}; print(gc.get_freeze_count(), 'licensing.views' in sys.modules)"


def loaded(module: str) -> list[str]:
    process = subprocess.run(
        [sys.executable, "-c", SHOW.format(module)],
        cwd=ROOT,
        env=production(),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return process.stdout.split()


@pytest.mark.parametrize("module", ["lockence.wsgi", "lockence.asgi"])
def test_no_visitor_waits_for_views_to_be_loaded(module: str) -> None:
    assert loaded(module)[1] == "True"


def test_on_an_event_loop_what_is_loaded_is_not_looked_through_for_garbage() -> None:
    assert int(loaded("lockence.asgi")[0]) > 10_000
