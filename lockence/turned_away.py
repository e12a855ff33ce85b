"""Whether the server has decided that the request which a thread holds gets no answer but "come again later"."""

import contextlib
import threading
from collections.abc import Iterator

_thread = threading.local()


@contextlib.contextmanager
def turning_away() -> Iterator[None]:
    """Refuse what this thread asks the site meanwhile, as far as it is a client call."""
    _thread.turns_away = True
    try:
        yield
    finally:
        _thread.turns_away = False


def is_turned_away() -> bool:
    return getattr(_thread, "turns_away", False)
