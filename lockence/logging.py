"""Log lines as JSON, one object a line, each with the id of the request that caused it."""

import json
import logging
from datetime import UTC, datetime

from lockence.request_id import current_request_id


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get()
        return True


class JobArgumentsFilter(logging.Filter):
    """Says of a job which one it is, and not what it was called with."""

    def filter(self, record: logging.LogRecord) -> bool:
        job = getattr(record, "job", None)
        if isinstance(job, dict) and "call_string" in job:
            name = f"{job['task_name']}[{job['id']}]"
            record.msg = record.getMessage().replace(job["call_string"], name)
            record.args = ()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", None),
            "status": getattr(record, "status_code", None),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None})
