"""The client: the calls, a heartbeat in the background, and never a word to the program that is not an outcome."""

from __future__ import annotations

import datetime as dt
import json
import logging
import random
import re
import secrets
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence, Union

from lockence_client.machine import Hwid, hwid_text
from lockence_client.offline import SESSION_IS_OVER, offline_store
from lockence_client.outcomes import CouldNotAsk, No, Outcome, Yes
from lockence_client.transport import NotReached, send
from lockence_client.verification import Request, Response, Unverified, digest_of, verified_body

if TYPE_CHECKING:
    import os

logger = logging.getLogger("lockence_client")

# Asking again may help after these, signed or not: the server was busy, or something stood in between.
_TRY_AGAIN_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# A signed refusal is about the license with one of these, and about the request (a mistake in the program) with others.
_DEFINITE_STATUSES = frozenset({401, 403, 404})
# No call has this address.
_NO_SUCH_CALL = "not_found"
_FIRST_PAUSE_SECONDS = 0.25
_PAUSE_MAX_SECONDS = 8.0
_DEFAULT_HEARTBEAT_SECONDS = 300


class Client:
    """One program's connection to its Lockence server.

    `public_keys` are the application's current and next key, as its settings page shows them: no answer that is signed
    with another one is believed. `instance_keys` are the server's own, and only ever count for "invalid API key".
    `offline_path` names a file on this machine where license files are kept: while the server cannot be asked, the last one
    counts until it ends, and calls return YesOffline. It needs `application_id`.
    `timeout_seconds` bounds one try, `deadline_seconds` all tries of a call together.

    Every call returns an Outcome (Yes, No or CouldNotAsk) and raises nothing that the network or the server can cause.
    """

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        public_keys: Sequence[str],
        instance_keys: Sequence[str] = (),
        application_id: Optional[str] = None,
        offline_path: "Optional[Union[str, os.PathLike[str]]]" = None,
        timeout_seconds: float = 5.0,
        deadline_seconds: float = 20.0,
    ) -> None:
        if not public_keys:
            raise ValueError("public_keys is empty: without a pinned key no answer can be believed")
        self.url = url.rstrip("/")
        self.api_key = api_key
        self.public_keys = tuple(public_keys)
        self.instance_keys = tuple(instance_keys)
        self.application_id = application_id
        self.timeout_seconds = timeout_seconds
        self.deadline_seconds = deadline_seconds
        self.session_token: Optional[str] = None
        self._store = offline_store(offline_path, public_keys, application_id)
        self._opened_with: Dict[str, Any] = {}
        self._opening_key = ""
        self._heartbeat_seconds: float = _DEFAULT_HEARTBEAT_SECONDS
        self._stop = threading.Event()
        self._beating: Optional[threading.Thread] = None

    def init(
        self,
        license_key: str,
        hwid: Hwid,
        *,
        device_name: str = "",
        platform: str = "",
        app_version: str = "",
        user: str = "",
    ) -> Outcome:
        """Open a session. After a Yes, `session_token` is set and the other calls use it.

        `hwid` is one text, or the parts of the machine by name: `{"board": …, "disk": …}`. Asked again after a CouldNotAsk,
        also of a heartbeat, it takes no second seat: where only the answer was lost, it gets the same session.
        """
        self._opened_with = {
            "license_key": license_key,
            "hwid": hwid if isinstance(hwid, str) else dict(hwid),
            "device_name": device_name,
            "platform": platform,
            "app_version": app_version,
            "user": user,
        }
        return self._open()

    def validate(self) -> Outcome:
        """Ask whether the session is good at this moment."""
        return self._in_session("validate")

    def heartbeat(self) -> Outcome:
        """Keep the session alive, and once half of the license file's time is over, fetch the next one."""
        outcome = self._in_session("heartbeat")
        if isinstance(outcome, Yes):
            self._note_interval(outcome)
        if self._store and type(outcome) is Yes and self._store.is_half_over(self._hwid):
            self._store.judge(
                self._ask("checkout", {"session_token": self.session_token}), self._hwid
            )
        return outcome

    def checkout(self) -> Outcome:
        """Fetch a new license file for this device, such as before a journey; `offline_path` keeps it."""
        return self._in_session("checkout")

    def take_license_file(self, license_file: str, hwid: Hwid) -> Dict[str, Any]:
        """Keep a license file that came by other ways than this network, and return its claims.

        Raises NotALicenseFile for one that is not good here and now, and ValueError without an `offline_path`.
        """
        if self._store is None:
            raise ValueError("offline_path is missing: there is nowhere to keep the license file")
        return self._store.take(license_file, hwid_text(hwid))

    def consume(self, entitlement: str, amount: int = 1, *, idempotency_key: str = "") -> Outcome:
        """Use up some of a metered entitlement, all of `amount` or nothing.

        Tries of one call count once. To ask again after a CouldNotAsk, give both calls the same `idempotency_key` of your
        own; a new one is made otherwise. A No tells in its body how much is left.
        """
        return self._ask(
            "consume",
            {
                "session_token": self.session_token,
                "entitlement": entitlement,
                "amount": amount,
                "idempotency_key": idempotency_key or str(uuid.uuid4()),
            },
        )

    def variables(self, *names: str) -> Outcome:
        """Ask for the variables named, or for all that the session may know; they are in the body, as `variables`."""
        wanted = {"names": list(names)} if names else {}
        return self._ask("variables", {"session_token": self.session_token, **wanted})

    def borrow(self, until: dt.datetime) -> Outcome:
        """Keep the seat until a moment without any heartbeat, such as for a journey; an earlier one gives time back.

        Raises ValueError for a moment without a time zone.
        """
        if until.tzinfo is None:
            raise ValueError("until has no time zone: nobody can tell which moment it is")
        moment = until.astimezone(dt.timezone.utc).isoformat()
        return self._ask("borrow", {"session_token": self.session_token, "until": moment})

    def release(self) -> Outcome:
        """Give up this machine's place, for another machine of the customer's: session and license file go with it."""
        self.stop_heartbeats()
        outcome = self._ask("release", {"session_token": self.session_token})
        if isinstance(outcome, Yes):
            self.session_token, self._opened_with = None, {}
            if self._store:
                self._store.forget()
        return outcome

    def logout(self) -> Outcome:
        """Stop the heartbeats and end the session, so that its seat is free at once."""
        self.stop_heartbeats()
        outcome = self._ask("logout", {"session_token": self.session_token})
        if not isinstance(outcome, CouldNotAsk):
            self.session_token = None
        return outcome

    def start_heartbeats(self, on_outcome: Callable[[Outcome], None]) -> None:
        """Send heartbeats from a background thread, as often as the server asks; `on_outcome` is told each outcome there.

        The thread ends by itself after a No, and never keeps the program from ending. An exception in `on_outcome` is
        logged.
        """
        self.stop_heartbeats()
        self._stop = threading.Event()
        self._beating = threading.Thread(
            target=self._beat, args=(self._stop, on_outcome), name="lockence-heartbeat", daemon=True
        )
        self._beating.start()

    def stop_heartbeats(self) -> None:
        """Stop the background thread; does nothing when there is none."""
        self._stop.set()
        beating, self._beating = self._beating, None
        if beating is not None and beating is not threading.current_thread():
            beating.join(self.timeout_seconds)

    @property
    def _hwid(self) -> str:
        return hwid_text(self._opened_with.get("hwid", ""))

    def _open(self) -> Outcome:
        self._opening_key = self._opening_key or str(uuid.uuid4())
        answer = self._ask("init", {**self._opened_with, "idempotency_key": self._opening_key})
        if not isinstance(answer, CouldNotAsk):
            self._opening_key = ""
        outcome = self._judged(answer)
        if type(outcome) is Yes:
            self.session_token = outcome.body["session_token"]
            self._note_interval(outcome)
        return outcome

    def _in_session(self, call: str) -> Outcome:
        """Ask in the session, or open one: where `init` was answered by a file, or an outage outlasted the session."""
        if self._store and self.session_token is None and self._opened_with:
            return self._open()
        outcome = self._judged(self._ask(call, {"session_token": self.session_token}))
        if self._store and isinstance(outcome, No) and outcome.code == SESSION_IS_OVER:
            self.session_token = None
            return self._open()
        return outcome

    def _judged(self, outcome: Outcome) -> Outcome:
        return self._store.judge(outcome, self._hwid) if self._store else outcome

    def _beat(self, stop: threading.Event, on_outcome: Callable[[Outcome], None]) -> None:
        # A little earlier than asked, and never the same: programs started together do not stay together.
        while not stop.wait(self._heartbeat_seconds * random.uniform(0.8, 1.0)):  # noqa: S311
            outcome = self.heartbeat()
            if stop.is_set():
                return
            try:
                on_outcome(outcome)
            except Exception:
                logger.exception("on_outcome failed")
            if isinstance(outcome, No):
                return

    def _ask(self, call: str, fields: Dict[str, Any]) -> Outcome:
        started = time.monotonic()
        pause = _FIRST_PAUSE_SECONDS
        while True:
            outcome, wait = self._try(call, fields, self._time_left(started))
            if wait is None:
                return outcome
            # Full jitter: many programs that lost the same server do not come back to it at the same moment.
            wait = max(wait, random.uniform(0, pause))  # noqa: S311
            if wait >= self._time_left(started):
                return outcome
            time.sleep(wait)
            pause = min(pause * 2, _PAUSE_MAX_SECONDS)

    def _try(
        self, call: str, fields: Dict[str, Any], time_left: float
    ) -> "tuple[Outcome, Optional[float]]":
        """Ask once. The second part says in how many seconds asking again makes sense, or None when it does not."""
        nonce = secrets.token_urlsafe(24)
        document = {"api_key": self.api_key, "nonce": nonce, **fields}
        request = Request(f"{self.url}/api/v1/{call}", json.dumps(document).encode(), nonce)
        headers = {
            "Content-Type": "application/json",
            "Content-Digest": digest_of(request.body),
        }
        try:
            response = send(request, headers, min(self.timeout_seconds, time_left))
        except NotReached as error:
            return CouldNotAsk(str(error)), 0.0
        return self._understood(request, response)

    def _understood(
        self, request: Request, response: Response
    ) -> "tuple[Outcome, Optional[float]]":
        again = _retry_after(response) if response.status in _TRY_AGAIN_STATUSES else None
        try:
            body = verified_body(
                request,
                response,
                public_keys=self.public_keys,
                instance_keys=self.instance_keys,
                application_id=self.application_id,
                now=time.time(),
            )
        except Unverified as error:
            return CouldNotAsk(f"HTTP {response.status}, not believed: {error}"), again
        if response.status == 200:
            return Yes(body), None
        code, message = str(body.get("code")), str(body.get("message"))
        if response.status in _DEFINITE_STATUSES and code != _NO_SUCH_CALL:
            return No(code, message, body), None
        return CouldNotAsk(f"{code}: {message}"), again

    def _note_interval(self, outcome: Yes) -> None:
        interval = outcome.body.get("heartbeat_interval")
        if isinstance(interval, (int, float)) and interval > 0:
            self._heartbeat_seconds = float(interval)

    def _time_left(self, started: float) -> float:
        return max(self.deadline_seconds - (time.monotonic() - started), 0.05)


def _retry_after(response: Response) -> float:
    """Return the seconds that an answer asks to wait; anybody may have written it, so only plain digits count."""
    try:
        told = response.header("retry-after")
    except Unverified:
        return 0.0
    return float(told) if re.fullmatch("[0-9]{1,9}", told) else 0.0
