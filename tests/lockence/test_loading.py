"""What is there before the first request, in a process of its own."""

import subprocess
import sys

from tests.lockence.test_settings import ROOT, production

FROZEN = "import gc; import lockence.asgi; print(gc.get_freeze_count())"
# What gunicorn does before it forks.
PRELOADED = """
import runpy, sys, types
settings = runpy.run_path("ops/gunicorn.conf.py")
import lockence.wsgi
settings["when_ready"](types.SimpleNamespace(LISTENERS=[]))
print("licensing.views" in sys.modules)
"""


def told_by(program: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=production(),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return process.stdout.strip()


def test_no_visitor_waits_for_views_to_be_loaded() -> None:
    assert told_by(PRELOADED) == "True"


def test_on_an_event_loop_what_is_loaded_is_not_looked_through_for_garbage() -> None:
    assert int(told_by(FROZEN)) > 10_000
