"""The three things that can come of a question: a yes, a definite no, or that the server could not be asked."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Union


@dataclasses.dataclass(frozen=True)
class Yes:
    """The server said yes, in an answer that it signed for this very request. `body` is the answer's JSON object."""

    body: Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class YesOffline(Yes):
    """The server could not be asked, and the license file of this device still counts. `body` says what it grants."""


@dataclasses.dataclass(frozen=True)
class No:
    """The server said no, in an answer that it signed for this very request: the program should stop."""

    code: str
    message: str
    body: Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class CouldNotAsk:
    """No believable answer came: no network, a proxy's error page, an overloaded server, a forgery.

    It says nothing about the license. `reason` is for a log, not for a decision.
    """

    reason: str


Outcome = Union[Yes, No, CouldNotAsk]
