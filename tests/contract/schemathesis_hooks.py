"""What schemathesis loads beside its configuration: how JSON lines are sent, which it does not know of itself."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/jsonl")
def json_lines(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
