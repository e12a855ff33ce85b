"""The OpenAPI 3.1 document of both APIs, made from the code once in each process."""

import functools
import json
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from api.description import client, examples, webhooks
from api.management.views import ManagementView

_SECURITY = {
    "managementToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A management token: `lck_sk_…`",
    }
}


@functools.cache
def document() -> bytes:
    """Return the document as JSON."""
    told = SchemaGenerator().get_schema(request=None, public=True)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def of_management(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep what ManagementSchema describes, and of each address the form without a slash: drf-spectacular's PREPROCESSING_HOOKS."""
    return [
        endpoint
        for endpoint in endpoints
        if issubclass(endpoint[3].cls, ManagementView) and not endpoint[0].endswith("/")
    ]


def with_client_api(result: Any, **kwargs: Any) -> Any:
    """Add the calls of programs, and those that we make: DRF knows of neither. For drf-spectacular's POSTPROCESSING_HOOKS."""
    result["paths"] = {**client.paths(), **result["paths"]}
    examples.add_examples(result["paths"])
    result["components"].setdefault("schemas", {}).update(
        client.components() | webhooks.components()
    )
    result["webhooks"] = webhooks.webhooks()
    result["components"]["securitySchemes"] = _SECURITY
    return result
