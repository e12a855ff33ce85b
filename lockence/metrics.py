"""Prometheus metrics of all web processes together, at /metrics for who has the token."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

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


def _route(request: HttpRequest) -> str:
    """The URL pattern, never the path: ids and typed-in addresses would make endless series."""
    return request.resolver_match.route if request.resolver_match else "unknown"


def _method(request: HttpRequest) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "other"
