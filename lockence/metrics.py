"""Prometheus metrics of all web processes together, at /metrics for who has the token."""

import logging
import time
from collections.abc import Callable, Iterator

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts import jobs
from accounts.models import AuditCheck

logger = logging.getLogger(__name__)

# From the budget of a validate (milliseconds) up to the server's own timeout.
BUCKETS_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)

REQUEST_SECONDS = Histogram(
    "lockence_request_seconds",
    "Time from the first middleware to the answer, by route",
    ["method", "route", "status"],
    buckets=BUCKETS_SECONDS,
)


class MetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        elapsed = time.perf_counter() - started
        REQUEST_SECONDS.labels(_method(request), _route(request), response.status_code).observe(
            elapsed
        )
        return response


class DatabaseCollector(Collector):
    """What the database knows, asked when Prometheus asks: how the queue stands, and how the last check of the audit log ended."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from _of_the_queue(jobs.queue())
            if last := AuditCheck.objects.first():
                yield from _of_the_audit_log(last)
        except DatabaseError:
            # What the processes counted themselves is told all the same.
            logger.warning("The database does not answer", exc_info=True)


def of_the_database() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    return registry


def _of_the_queue(queue: jobs.Queue) -> Iterator[GaugeMetricFamily]:
    yield _gauge("jobs_waiting", "Jobs that could start at once", queue.waiting)
    yield _gauge("jobs_oldest_seconds", "How long the oldest of them waits", queue.oldest_seconds)
    yield _gauge("jobs_running", "Jobs that workers have taken", queue.running)
    yield _gauge("jobs_failed", "Jobs that failed for good", queue.failed)
    yield _gauge("workers", "Workers that live", queue.workers)


def _of_the_audit_log(check: AuditCheck) -> Iterator[GaugeMetricFamily]:
    yield _gauge("audit_faults", "Faults that the last check of the audit log found", check.faults)
    checked_at = check.checked_at.timestamp()
    yield _gauge("audit_checked_timestamp_seconds", "When that was, in Unix time", checked_at)


def _gauge(name: str, help: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lockence_{name}", help, value)


def _route(request: HttpRequest) -> str:
    """The URL pattern, never the path: ids and typed-in addresses would make endless series."""
    return request.resolver_match.route if request.resolver_match else "unknown"


def _method(request: HttpRequest) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "other"
