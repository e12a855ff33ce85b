"""gunicorn's threaded worker, which also tells how long each request waited for a thread."""

import time
from typing import Any

from gunicorn.workers import gthread

from lockence import waits


class ThreadWorker(gthread.ThreadWorker):  # type: ignore[misc]
    def enqueue_req(self, conn: Any) -> None:
        conn.waits_since = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        waits.tell(time.monotonic() - conn.waits_since)
        return super().handle(conn)
