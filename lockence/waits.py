"""How long the request that a thread answers waited for it, where the server tells (lockence/worker.py)."""

import threading

_thread = threading.local()


def tell(seconds: float) -> None:
    _thread.seconds = seconds


def seconds() -> float:
    """Return the wait of this thread's request; 0 where the server does not tell."""
    return float(getattr(_thread, "seconds", 0.0))
