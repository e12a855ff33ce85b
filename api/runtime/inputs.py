"""What the client calls accept, field by field; a refusal names the field and what is wrong with it."""

import dataclasses
import datetime as dt
import re
import uuid
from typing import Any

from licensing import hardware_ids, request_codes
from licensing.callers import Caller
from licensing.errors import InvalidRequestError
from licensing.keys import MANAGEMENT_TOKEN_PREFIX
from licensing.models.entitlement import NUMBER_MAX
from licensing.session_facts import Program

HWID_MAX = hardware_ids.TEXT_MAX
HWID_PARTS_MAX = hardware_ids.PARTS_MAX
# Far longer than any key of ours, so that imported ones fit.
KEY_MAX = 256
LANGUAGE_MAX = 35
_ACCEPTED_MAX = 200
_WEIGHT = re.compile(r"q=(?P<q>[01](?:\.\d{0,3})?)")
DEVICE_NAME_MAX = 100
PLATFORM_MAX = 50
APP_VERSION_MAX = 50
NAME_MAX = 64
NAMES_MAX = 50
IDEMPOTENCY_KEY_MAX = 100
USER_MAX = 150
# 16 characters of base64url are 96 random bits.
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_MOMENT_MAX = 40
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclasses.dataclass(frozen=True, slots=True)
class InitInput:
    api_key: str
    license_key: str
    program: Program


@dataclasses.dataclass(frozen=True, slots=True)
class OfflineInput:
    api_key: str
    license_key: str
    code: request_codes.RequestCode
    user_name: str


@dataclasses.dataclass(frozen=True, slots=True)
class SessionInput:
    api_key: str
    session_token: uuid.UUID


@dataclasses.dataclass(frozen=True, slots=True)
class ConsumeInput(SessionInput):
    entitlement: str
    amount: int
    idempotency_key: str


@dataclasses.dataclass(frozen=True, slots=True)
class VariablesInput(SessionInput):
    names: list[str] | None


def init_input(body: dict[str, Any], caller: Caller) -> InitInput:
    """Return the fields of `init`; raises InvalidRequestError."""
    return InitInput(
        api_key=_api_key(body),
        license_key=_text(body, "license_key", KEY_MAX),
        program=Program(
            **_hwid(body),
            device_name=_optional_text(body, "device_name", DEVICE_NAME_MAX),
            platform=_optional_text(body, "platform", PLATFORM_MAX),
            app_version=_optional_text(body, "app_version", APP_VERSION_MAX),
            user_name=_optional_text(body, "user", USER_MAX),
            idempotency_key=_optional_text(body, "idempotency_key", IDEMPOTENCY_KEY_MAX),
            ip_address=caller.ip_address,
            country=caller.country,
        ),
    )


def _hwid(body: dict[str, Any]) -> dict[str, Any]:
    """Return a hardware id as one text, and its parts where it has any."""
    parts = body.get("hwid")
    if not isinstance(parts, dict):
        return {"hwid": _text(body, "hwid", HWID_MAX)}
    if not 1 <= len(parts) <= HWID_PARTS_MAX:
        raise InvalidRequestError(f"hwid must be an object of 1 to {HWID_PARTS_MAX} parts")
    for name in parts:
        if not hardware_ids.is_part(name):
            raise InvalidRequestError(
                "hwid must name its parts with 1 to 32 characters of a-z, 0-9 and _"
            )
        _text(parts, name, HWID_MAX, place="hwid.")
    return {"hwid": hardware_ids.whole(parts), "components": parts}


def offline_input(body: dict[str, Any]) -> OfflineInput:
    """Return the fields of `offline`; raises InvalidRequestError."""
    return OfflineInput(
        api_key=_api_key(body),
        license_key=_text(body, "license_key", KEY_MAX),
        code=request_codes.read(_text(body, "request_code", request_codes.LENGTH_MAX)),
        user_name=_optional_text(body, "user", USER_MAX),
    )


def session_input(body: dict[str, Any]) -> SessionInput:
    """Return the fields of `validate`, `heartbeat` and `logout`; raises InvalidRequestError."""
    return SessionInput(api_key=_api_key(body), session_token=_uuid(body, "session_token"))


def consume_input(body: dict[str, Any]) -> ConsumeInput:
    """Return the fields of `consume`; raises InvalidRequestError."""
    return ConsumeInput(
        api_key=_api_key(body),
        session_token=_uuid(body, "session_token"),
        entitlement=_text(body, "entitlement", NAME_MAX),
        amount=_amount(body),
        idempotency_key=_text(body, "idempotency_key", IDEMPOTENCY_KEY_MAX),
    )


def moment(body: dict[str, Any], name: str) -> dt.datetime:
    """Return a moment as RFC 3339 writes it, with its offset; raises InvalidRequestError."""
    text = _text(body, name, _MOMENT_MAX)
    try:
        found = dt.datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        if found is not None:
            return found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(
        f"{name} must be a moment with its offset, such as 2030-01-31T12:00:00Z"
    )


def languages(body: dict[str, Any], accepted: str) -> tuple[str, ...]:
    """Return the languages that refusals should be worded in, the dearest first: `language`, else those of Accept-Language.

    Of the header (RFC 9110, section 12.5.4) so much is read as a browser sends; raises InvalidRequestError of the field only.
    """
    if language := _optional_text(body, "language", LANGUAGE_MAX):
        return (language,)
    if not accepted:
        return ()
    weighed = [_weighed(part) for part in accepted[:_ACCEPTED_MAX].split(",")]
    return tuple(
        language for language, weight in sorted(weighed, key=lambda one: -one[1]) if weight > 0
    )


def _weighed(part: str) -> tuple[str, float]:
    language, _, weight = part.partition(";")
    found = _WEIGHT.fullmatch(weight.strip())
    return language.strip(), float(found["q"]) if found else 1.0


def variables_input(body: dict[str, Any]) -> VariablesInput:
    """Return the fields of `variables`; raises InvalidRequestError."""
    return VariablesInput(
        api_key=_api_key(body),
        session_token=_uuid(body, "session_token"),
        names=_names(body),
    )


def nonce(body: dict[str, Any]) -> str | None:
    """Return the caller's nonce, 16 to 64 characters of base64url (RFC 4648, section 5), if it sent one."""
    value = body.get("nonce")
    if value is None:
        return None
    if not isinstance(value, str) or not _NONCE.fullmatch(value):
        raise InvalidRequestError("nonce must be 16 to 64 characters of A-Z, a-z, 0-9, - and _")
    return value


def _api_key(body: dict[str, Any]) -> str:
    api_key = _text(body, "api_key", KEY_MAX)
    if api_key.startswith(MANAGEMENT_TOKEN_PREFIX):
        raise InvalidRequestError(
            "api_key holds a secret management token (lck_sk_…): never ship it in a program, and use "
            "the application's API key (lck_pk_…) here"
        )
    return api_key


def _text(body: dict[str, Any], name: str, length_max: int, place: str = "") -> str:
    value, name = body.get(name), f"{place}{name}"
    if value is None:
        raise InvalidRequestError(f"{name} is required")
    if not isinstance(value, str):
        raise InvalidRequestError(f"{name} must be a string")
    if not value:
        raise InvalidRequestError(f"{name} must not be empty")
    if len(value) > length_max:
        raise InvalidRequestError(f"{name} must be at most {length_max} characters long")
    return value


def _optional_text(body: dict[str, Any], name: str, length_max: int) -> str:
    if body.get(name) in (None, ""):
        return ""
    return _text(body, name, length_max)


def _names(body: dict[str, Any]) -> list[str] | None:
    names = body.get("names")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidRequestError("names must be a list of strings")
    if not 1 <= len(names) <= NAMES_MAX:
        raise InvalidRequestError(f"names must hold 1 to {NAMES_MAX} names")
    if any(not 1 <= len(name) <= NAME_MAX for name in names):
        raise InvalidRequestError(f"names must be 1 to {NAME_MAX} characters long each")
    return names


def _amount(body: dict[str, Any]) -> int:
    value = body.get("amount")
    if value is None:
        return 1
    # True is 1 to Python, and no number to anybody who writes JSON.
    if type(value) is not int:
        raise InvalidRequestError("amount must be a whole number")
    if not 1 <= value <= NUMBER_MAX:
        raise InvalidRequestError(f"amount must be between 1 and {NUMBER_MAX}")
    return value


def _uuid(body: dict[str, Any], name: str) -> uuid.UUID:
    value = _text(body, name, KEY_MAX)
    if not _UUID.fullmatch(value):
        raise InvalidRequestError(f"{name} must be a UUID")
    return uuid.UUID(value)
