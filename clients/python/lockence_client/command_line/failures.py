"""How a command ends: exit codes that scripts can trust, and the failures that lead to them."""

import enum
from typing import ClassVar


class Exit(enum.IntEnum):
    """The exit codes; none ever changes its meaning."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    COULD_NOT_ASK = 3
    NOT_ALLOWED = 4
    # EX_SOFTWARE of sysexits.h
    OUR_FAULT = 70
    # 128 and the number of the signal, as shells have it: SIGINT and SIGPIPE.
    INTERRUPTED = 130
    READER_GONE = 141


class Failure(Exception):
    """Why a command could not do what it was asked; the text is one line for people."""

    exit: ClassVar[Exit]


class Refused(Failure):
    """The server understood, and said no. `code` is that of docs/errors."""

    exit = Exit.REFUSED

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class CouldNotAsk(Failure):
    """No answer of the server came: it says nothing about what was asked."""

    exit = Exit.COULD_NOT_ASK


class NotAllowed(Failure):
    """No token, one that opens nothing, or one that was not made for this."""

    exit = Exit.NOT_ALLOWED


class CouldNotWrite(Failure):
    """The disk is full, or the like: what was asked may be done, and its answer is lost."""

    exit = Exit.OUR_FAULT


class ReaderGone(Failure):
    """Whoever read our output has closed it, as `head` does."""

    exit = Exit.READER_GONE
