"""What endpoints of webhooks are sent, for the OpenAPI document: one entry for each event, all of one shape."""

from typing import Any

from licensing.webhook_events import ACTIONS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "string", "format": "uuid"}
# Standard Webhooks, https://www.standardwebhooks.com
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def webhooks() -> Schema:
    return {action: {"post": _delivery(action)} for action in ACTIONS}


def components() -> Schema:
    data = {
        "id": _ID,
        "application": _ID,
        "license": {"type": ["string", "null"], "format": "uuid"},
        "actor": _object({"kind": _TEXT, "email": _TEXT, "token": _TEXT}),
        "target": _object({"type": _TEXT, "id": _ID, "label": _TEXT}),
        "before": {"type": "object"},
        "after": {"type": "object"},
    }
    moment = {"type": "string", "format": "date-time"}
    return {
        "WebhookEvent": _object({"type": _TEXT, "timestamp": moment, "data": _object(data)}),
    }


def _delivery(action: str) -> Schema:
    told = {
        "allOf": [
            {"$ref": "#/components/schemas/WebhookEvent"},
            {"properties": {"type": {"const": action}}},
        ]
    }
    return {
        "operationId": f"webhook_{action.replace('.', '_')}",
        "summary": action,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"in": "header", "name": name, "required": True, "schema": _TEXT} for name in _HEADERS
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": told}}},
        "responses": {
            "2XX": {"description": "Taken; whatever else is answered, it comes again"},
            "410": {"description": "The endpoint is gone: it is sent nothing more"},
        },
    }


def _object(members: Schema) -> Schema:
    return {"type": "object", "required": list(members), "properties": members}
