"""Log lines as JSON."""

import json
import logging
import sys

from lockence.logging import JsonFormatter, RequestIdFilter
from lockence.request_id import current_request_id


def line(record: logging.LogRecord) -> dict[str, str]:
    RequestIdFilter().filter(record)
    fields: dict[str, str] = json.loads(JsonFormatter().format(record))
    return fields


def record(message: str, *arguments: object, **more: object) -> logging.LogRecord:
    return logging.LogRecord(
        "lockence",
        logging.INFO,
        __file__,
        1,
        message,
        arguments,
        more.get("exc_info"),  # type: ignore[arg-type]
    )


def test_a_line_is_one_json_object() -> None:
    fields = line(record("Sent %d mails\nand more", 3))

    assert fields["message"] == "Sent 3 mails\nand more"
    assert (fields["level"], fields["logger"]) == ("info", "lockence")
    assert fields["time"].endswith("+00:00")
    assert "request_id" not in fields


def test_a_line_names_the_request_that_caused_it() -> None:
    token = current_request_id.set("abc")

    assert line(record("hello"))["request_id"] == "abc"

    current_request_id.reset(token)


def test_an_exception_keeps_its_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        fields = line(record("Oh", exc_info=sys.exc_info()))

    assert fields["traceback"].endswith("ValueError: broken")
