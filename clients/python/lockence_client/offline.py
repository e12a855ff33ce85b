"""What counts when the server cannot be asked: the last license file until it ends, by a clock that is not turned back.

A verdict is obeyed, and takes the file with it if it is a no. Nothing but a file grants use.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pathlib
import tempfile
import time
from typing import Any, Dict, Optional, Sequence, Union

from lockence_client.license_file import (
    CLOCK_TOLERANCE_SECONDS,
    NotALicenseFile,
    verified_claims,
)
from lockence_client.outcomes import CouldNotAsk, No, Outcome, Yes, YesOffline

# A session that nobody could keep alive through an outage says nothing about the license.
SESSION_IS_OVER = "session_expired"


class OfflineStore:
    """A file on this machine with the last license file, and the latest moment that was ever seen here.

    Both are this user's to change. A moment that is set back, or a file that is put back, is no more than another license file
    would be: of this device, and good until it ends.
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        public_keys: Sequence[str],
        application_id: str,
    ) -> None:
        self.path = pathlib.Path(path)
        self.public_keys = tuple(public_keys)
        self.application_id = application_id

    def judge(self, outcome: Outcome, hwid: str) -> Outcome:
        """Keep what an answer brings, and put the file in the place of one that did not come."""
        if isinstance(outcome, CouldNotAsk):
            return self.grant(outcome, hwid)
        kept = self._read()
        if isinstance(outcome, No) and outcome.code != SESSION_IS_OVER:
            kept.pop("license_file", None)
        elif isinstance(outcome, Yes) and "license_file" in outcome.body:
            kept["license_file"] = outcome.body["license_file"]
        # A signed answer tells the time: whoever had set the clock ahead, and right again, starts anew.
        kept["clock"] = _told_time(outcome.body)
        self._write(kept)
        return outcome

    def grant(self, failure: CouldNotAsk, hwid: str) -> Outcome:
        """Return a YesOffline where the kept file counts now, or else the failure with the reason in it."""
        kept, now = self._read(), time.time()
        if now < kept.get("clock", 0) - CLOCK_TOLERANCE_SECONDS:
            return CouldNotAsk(f"{failure.reason}; offline: the clock was turned back")
        try:
            claims = self._claims(kept.get("license_file"), hwid, now)
        except NotALicenseFile as error:
            return CouldNotAsk(f"{failure.reason}; offline: {error}")
        self._write({**kept, "clock": max(kept.get("clock", 0), int(now))})
        return YesOffline(_body(claims))

    def take(self, license_file: str, hwid: str) -> Dict[str, Any]:
        """Keep a license file that came another way, and return its claims; raises NotALicenseFile."""
        kept, now = self._read(), time.time()
        if now < kept.get("clock", 0) - CLOCK_TOLERANCE_SECONDS:
            raise NotALicenseFile("the clock was turned back")
        license_file = "".join(license_file.split())
        claims = self._claims(license_file, hwid, now)
        self._write(
            {"license_file": license_file, "clock": max(kept.get("clock", 0), claims["iat"])}
        )
        return claims

    def forget(self) -> None:
        """Keep no license file any more: this machine gave up its place."""
        kept = self._read()
        kept.pop("license_file", None)
        self._write(kept)

    def is_half_over(self, hwid: str) -> bool:
        """Tell whether it is time to fetch a new file: there is none, or half of its time has gone."""
        now = time.time()
        try:
            claims = self._claims(self._read().get("license_file"), hwid, now)
        except NotALicenseFile:
            return True
        return bool(now >= (claims["iat"] + claims["exp"]) / 2)

    def _claims(self, license_file: Any, hwid: str, now: float) -> Dict[str, Any]:
        if not isinstance(license_file, str):
            raise NotALicenseFile("no license file is kept")
        return verified_claims(
            license_file,
            public_keys=self.public_keys,
            application_id=self.application_id,
            hwid=hwid,
            now=now,
        )

    def _read(self) -> Dict[str, Any]:
        """Return what is kept; what is not there, or not as it was written, is nothing."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(kept, dict) or type(kept.get("clock", 0)) is not int:
            return {}
        return kept

    def _write(self, kept: Dict[str, Any]) -> None:
        """Put the new in the place of the old at once, so that a crash leaves one of the two; a full disk is no verdict."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=str(self.path.parent), prefix=self.path.name)
            try:
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    json.dump(kept, file)
                os.replace(name, self.path)
            except OSError:
                os.unlink(name)


def _told_time(body: Dict[str, Any]) -> int:
    try:
        moment = dt.datetime.strptime(str(body.get("server_time")), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return int(time.time())
    return int(moment.replace(tzinfo=dt.timezone.utc).timestamp())


def _body(claims: Dict[str, Any]) -> Dict[str, Any]:
    """Return the claims in the form in which the server answers, for a program that asks both the same way."""
    ends = claims.get("license_expires_at")
    return {
        "success": True,
        "code": "offline",
        "username": claims.get("username", ""),
        "metadata": claims.get("metadata", {}),
        "expires_at": _written(claims["exp"]),
        "license": {
            "id": claims["license"],
            "status": "active",
            "expires_at": _written(ends) if isinstance(ends, int) else None,
            "policy": claims.get("policy", ""),
            "entitlements": claims.get("entitlements", {}),
        },
    }


def _written(seconds: int) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def offline_store(
    path: Optional[Union[str, "os.PathLike[str]"]],
    public_keys: Sequence[str],
    application_id: Optional[str],
) -> Optional[OfflineStore]:
    """Return the store that a client asked for; raises ValueError where it cannot tell whose files to believe."""
    if path is None:
        return None
    if application_id is None:
        raise ValueError("application_id is missing: license files are for one application")
    return OfflineStore(path, public_keys=public_keys, application_id=application_id)
