"""The client API for the OpenAPI document: what programs send, what they are answered, and every refusal."""

from http import HTTPStatus
from typing import Any

from api.errors import STATUSES
from api.runtime import inputs
from licensing import errors, request_codes

TAG = "client API"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_MAYBE_A_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
_WARNINGS: Schema = {"type": "array", "items": _TEXT}
_SECONDS: Schema = {"type": "integer", "minimum": 1}


def _text(length_max: int, *, required: bool = True) -> Schema:
    if required:
        return {"type": "string", "minLength": 1, "maxLength": length_max}
    # Nothing said is the same as null.
    return {"type": ["string", "null"], "maxLength": length_max}


_API_KEY = {"api_key": _text(inputs.KEY_MAX)}
_SESSION = {**_API_KEY, "session_token": {"type": "string", "format": "uuid"}}
_NONCE = {
    "nonce": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]{16,64}$"},
    "language": _text(inputs.LANGUAGE_MAX, required=False),
}
_HWID: Schema = {
    "oneOf": [
        _text(inputs.HWID_MAX),
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": inputs.HWID_PARTS_MAX,
            "propertyNames": {"pattern": "^[a-z0-9_]{1,32}$"},
            "additionalProperties": _text(inputs.HWID_MAX),
        },
    ]
}
_PROGRAM = {
    "device_name": _text(inputs.DEVICE_NAME_MAX, required=False),
    "platform": _text(inputs.PLATFORM_MAX, required=False),
    "app_version": _text(inputs.APP_VERSION_MAX, required=False),
    "user": _text(inputs.USER_MAX, required=False),
    "idempotency_key": _text(inputs.IDEMPOTENCY_KEY_MAX, required=False),
}
_LICENSE: Schema = {
    "type": "object",
    "required": ["id", "status", "expires_at", "grace_until", "policy", "entitlements"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "status": _TEXT,
        "expires_at": _MAYBE_A_MOMENT,
        "grace_until": _MAYBE_A_MOMENT,
        "policy": _TEXT,
        "entitlements": {},
    },
}
_STATE = {
    "username": _TEXT,
    "metadata": {"type": "object"},
    "expires_at": _MOMENT,
    "license": _LICENSE,
    "overdraft": {"type": "boolean"},
    "borrowed_until": _MAYBE_A_MOMENT,
    "heartbeat_interval": _SECONDS,
    "warnings": _WARNINGS,
    "server_time": _MOMENT,
}
_BEAT = {
    "expires_at": _MOMENT,
    "heartbeat_interval": _SECONDS,
    "warnings": _WARNINGS,
    "server_time": _MOMENT,
}
_BORROWED = {
    "expires_at": _MOMENT,
    "borrowed_until": _MAYBE_A_MOMENT,
    "heartbeat_interval": _SECONDS,
}
_LEFT = {
    "used": {"type": "integer"},
    "limit": {"type": ["integer", "null"]},
    "remaining": {"type": ["integer", "null"]},
    "resets_at": _MAYBE_A_MOMENT,
}
_WHAT = {
    "entitlement": _text(inputs.NAME_MAX),
    "idempotency_key": _text(inputs.IDEMPOTENCY_KEY_MAX),
}

_APPLICATION_ID: Schema = {
    "in": "path",
    "name": "application_id",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}

# Members that a program must send, those that it may, and those of the answer beside success, code and message.
CALLS: dict[str, tuple[str, Schema, Schema, Schema]] = {
    "init": (
        "Check a license key, bind the device and open a session",
        {**_API_KEY, "license_key": _text(inputs.KEY_MAX), "hwid": _HWID},
        {**_PROGRAM, **_NONCE},
        {"session_token": {"type": "string", "format": "uuid"}, **_STATE},
    ),
    "validate": ("Tell whether a session is good; reads only", _SESSION, _NONCE, _STATE),
    "heartbeat": ("Keep a session alive", _SESSION, _NONCE, _BEAT),
    "logout": ("End a session", _SESSION, _NONCE, {}),
    "release": (
        "Release the device that a session runs on, within the policy's budget",
        _SESSION,
        _NONCE,
        {"releases_left": {"type": ["integer", "null"]}},
    ),
    "offline": (
        "Exchange the request code of a device without network for its license file",
        {
            **_API_KEY,
            "license_key": _text(inputs.KEY_MAX),
            "request_code": _text(request_codes.LENGTH_MAX),
        },
        {"user": _text(inputs.USER_MAX, required=False), **_NONCE},
        {"license_file": _TEXT, "license_file_expires_at": _MOMENT},
    ),
    "checkout": (
        "Get a license file, which the program checks without asking",
        _SESSION,
        _NONCE,
        {"license_file": _TEXT, "license_file_expires_at": _MOMENT},
    ),
    "borrow": (
        "Keep a seat without heartbeats until a moment",
        {**_SESSION, "until": _MOMENT},
        _NONCE,
        _BORROWED,
    ),
    "variables": (
        "Tell the variables that the session may know",
        _SESSION,
        {"names": {"type": "array", "items": _text(64), "minItems": 1, "maxItems": 50}, **_NONCE},
        {"variables": {"type": "object", "additionalProperties": _TEXT}},
    ),
    "consume": (
        "Count what was used up of an entitlement, once per idempotency_key",
        {**_SESSION, **_WHAT},
        {"amount": {"type": "integer", "minimum": 1}, **_NONCE},
        {"entitlement": _TEXT, "amount": {"type": "integer"}, **_LEFT},
    ),
}
# Those that are told to scripts and to people.
_NEVER_TOLD = (
    errors.InvalidTokenError,
    errors.InsufficientScopeError,
    errors.PreconditionFailedError,
    errors.NotAcceptableError,
)


def paths() -> Schema:
    """Return an OpenAPI path item for each call."""
    calls = {f"/api/v1/{call}": {"post": _operation(call, *facts)} for call, facts in CALLS.items()}
    return calls | {
        "/api/v1/instance/keys": {"get": _key_set("instance")},
        "/api/v1/applications/{application_id}/keys": {
            "get": {**_key_set("application"), "parameters": [_APPLICATION_ID]}
        },
    }


def components() -> Schema:
    return {
        "ClientRefusal": _object(
            {
                "success": {"const": False},
                "code": {"type": "string", "enum": sorted({one.code for one in STATUSES})},
                "message": _TEXT,
                "docs": {"type": "string", "format": "uri"},
            }
        )
    }


def _operation(call: str, summary: str, required: Schema, optional: Schema, told: Schema) -> Schema:
    sent = {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": True,
    }
    answer = _object(
        {"success": {"const": True}, "code": {"const": "ok"}, "message": _TEXT, **told}
    )
    return {
        "operationId": f"client_{call}",
        "summary": summary,
        "description": "Unknown members are passed over. Every answer is signed (RFC 9421).",
        "tags": [TAG],
        "security": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": sent}}},
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
            **{str(status): _refusal(status) for status in _statuses()},
        },
    }


def _key_set(whose: str) -> Schema:
    """Describe where public keys are published, as a JSON Web Key Set (RFC 7517)."""
    keys = _object({"keys": {"type": "array", "items": {"type": "object"}}})
    return {
        "operationId": f"keys_of_the_{whose}",
        "summary": f"Public keys of the {whose}",
        "tags": [TAG],
        "security": [],
        "responses": {
            "200": {
                "description": "The keys that answers are signed with",
                "content": {"application/jwk-set+json": {"schema": keys}},
            },
            **{str(status): _refusal(status) for status in (400, 404, 405, 500, 503)},
        },
    }


def _object(members: Schema) -> Schema:
    return {"type": "object", "required": list(members), "properties": members}


def _statuses() -> list[int]:
    return sorted({its.value for one, its in STATUSES.items() if not issubclass(one, _NEVER_TOLD)})


def _refusal(status: int) -> Schema:
    reference = {"$ref": "#/components/schemas/ClientRefusal"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/json": {"schema": reference}},
    }
