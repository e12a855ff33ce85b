"""What `lockence doctor` asks a server, and how far it believes the answer."""

import dataclasses
import json
import re
import secrets
import time
import urllib.request
import uuid
from typing import Any

from lockence_client import transport, verification
from lockence_client.command_line import api, login_file, options, text
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.failures import CouldNotAsk, NotAllowed

# Well formed, and no application's: the answer to it is signed by the installation.
NO_API_KEY = "lck_pk_00000000000000000000000000"
_TIMEOUT_SECONDS = 15
_CREATED = re.compile(r";created=([0-9]{1,15});")

_REMEDIES = {
    "invalid_api_key": "Copy it anew from the application's settings; was it rotated?",
    "application_disabled": "Enable the application in its settings.",
    "license_not_found": "Was it typed right, and is it of this application?",
    "license_suspended": "`lockence licenses restore` lets it in again.",
    "license_revoked": "`lockence licenses reinstate` takes that back; or issue another one.",
    "license_expired": "`lockence licenses extend` gives it a later end.",
    "access_denied": "Your access rules keep it out: look at Access, and at what the license is for alone.",
    "user_limit_reached": "All its named users are others: remove one on the license's page.",
    "hwid_mismatch": "All its places are taken: `lockence devices release` frees one.",
    "session_limit_reached": "`lockence sessions end` ends one that runs elsewhere.",
    "rate_limited": "This network asked too often: wait some minutes.",
    "temporarily_unavailable": "Wait a minute, then ask again.",
}


@dataclasses.dataclass(frozen=True)
class Question:
    """A call of the client API; one without a license key is about a session that nobody has."""

    url: str
    call: str
    api_key: str
    license_key: str = ""
    hwid: str = ""
    session_token: str = ""

    @property
    def fields(self) -> dict[str, str]:
        if self.call == "init":
            return {"license_key": self.license_key, "hwid": self.hwid}
        return {"session_token": self.session_token or str(uuid.uuid4())}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server said, and when by this machine's clock."""

    url: str
    request: verification.Request
    response: verification.Response
    body: dict[str, Any]
    at: float

    @property
    def code(self) -> str:
        return str(self.body.get("code"))

    @property
    def told(self) -> str:
        return f"{self.body.get('message')} ({self.code})"


@dataclasses.dataclass(frozen=True)
class Believed:
    """An answer whose signature is good: by which key, and how this clock stands to the signed time."""

    key: str
    clock_ahead_seconds: float


class Unbelievable(Exception):
    """An answer that a program would not believe."""

    def __init__(self, told: str, remedy: str) -> None:
        super().__init__(told)
        self.remedy = remedy


def ask(question: Question) -> Answer:
    """Ask, and return the answer whoever gave it; raises CouldNotAsk when it is none of Lockence."""
    nonce = secrets.token_urlsafe(24)
    document = {"api_key": question.api_key, "nonce": nonce, **question.fields}
    address = f"{question.url}/api/v1/{question.call}"
    request = verification.Request(address, json.dumps(document).encode(), nonce)
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": verification.digest_of(request.body),
    }
    started = time.time()
    try:
        response = transport.send(request, headers, _TIMEOUT_SECONDS)
    except transport.NotReached as error:
        raise CouldNotAsk(f"no answer: {error}") from error
    body = _object(response.body)
    if "code" not in body:
        raise CouldNotAsk(f"something that is not Lockence answered: HTTP {response.status}")
    return Answer(question.url, request, response, body, (started + time.time()) / 2)


def close_session(url: str, api_key: str, opened: Answer) -> None:
    ask(Question(url, "logout", api_key, session_token=str(opened.body.get("session_token"))))


def believed(answer: Answer, pinned: tuple[str, ...]) -> Believed:
    """Check the signature of an answer; raises Unbelievable, or CouldNotAsk when the keys are not to be had."""
    instance_keys = _published(answer.url, "instance/keys")
    application = str(answer.body.get("application_id") or "")
    known = bool(application) and answer.response.status != 401
    published = _published(answer.url, f"applications/{application}/keys") if known else ()
    created = _created(answer)
    try:
        # By its own time: whether the clock is right is another question.
        verification.verified_body(
            answer.request,
            answer.response,
            public_keys=pinned or published,
            instance_keys=instance_keys,
            now=created,
        )
    except verification.Unverified as error:
        raise Unbelievable(str(error), _doubt_remedy(str(error), pinned)) from error
    key = "the installation's key" if not known else "a pinned key" if pinned else "a published key"
    return Believed(key, answer.at - created)


def look_up(url: str, license_key: str) -> Row | None:
    """Return the license with a key as the management API tells it; None when the log-in sees none like it."""
    login = login_file.current()
    if login.url != url:
        raise NotAllowed(f"you are not logged in to {url}")
    found = Api(login)
    rows = (
        options.with_key(found, f"applications/{application['id']}", license_key)
        for application in found.rows("applications")
    )
    return next((row for row in rows if row), None)


def standing_of(license: Row) -> tuple[str, str]:
    """Return the code that a program would get for a license, as far as it shows without a device, and why."""
    status = str(license["status"])
    if status != "active":
        return f"license_{status}", f"the license …{license['key_last5']} is {status}"
    ends = text.shown_moment(license["expires_at"], "never")
    told = f"active, ends {ends}, {license['devices_used']} devices bound"
    return "ok", told


def remedy_for(code: str) -> str:
    return _REMEDIES.get(code, f"The handbook has a page on it: /docs/errors/{text.plain(code)}/")


def _created(answer: Answer) -> float:
    try:
        found = _CREATED.search(answer.response.header("signature-input"))
    except verification.Unverified:
        found = None
    if found is None:
        remedy = "A proxy that changes answers, or drops their headers, keeps programs from believing them."
        raise Unbelievable("the answer is not signed", remedy)
    return float(found[1])


def _doubt_remedy(doubt: str, pinned: tuple[str, ...]) -> str:
    if pinned and "pinned" in doubt:
        return "Pin the current and the next key that the application's settings show."
    return "Something on the way changes answers; if not, somebody forges them."


def _published(url: str, place: str) -> tuple[str, ...]:
    answer = api.send(urllib.request.Request(f"{url}/api/v1/{place}"), _TIMEOUT_SECONDS)
    keys = (answer.document or {}).get("keys")
    if answer.status != 200 or not isinstance(keys, list):
        raise CouldNotAsk(f"the published keys are not to be had: HTTP {answer.status}")
    return tuple(str(key.get("x")) for key in keys if isinstance(key, dict))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
