"""/healthz: the process lives. /readyz: it can serve, database and migrations included. /metrics: numbers.

They are answered before the other middleware: a load balancer asks by address, without a host name that
ALLOWED_HOSTS knows, often over plain HTTP, and wants no session.
"""

import logging
import os
import secrets
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from lockence.metrics import of_the_database

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5


class ProbesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.probes: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "/healthz": healthz,
            "/readyz": Readiness(),
            "/metrics": metrics,
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = self.probes.get(request.path_info)
        return probe(request) if probe else self.get_response(request)


def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


class Readiness:
    """Answers /readyz, and remembers that the migrations were complete: they cannot become less so."""

    migrated = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reason = self.why_not()
        if reason is None:
            return JsonResponse({"status": "ok"})
        return JsonResponse(
            {"status": "unavailable", "reason": reason},
            status=503,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )

    def why_not(self) -> str | None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self.migrated = self.migrated or _is_migrated()
        except DatabaseError:
            logger.warning("The database does not answer", exc_info=True)
            return "database"
        return None if self.migrated else "migrations"


def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read_metrics(request):
        return HttpResponseNotFound()
    text = generate_latest(_registry()) + generate_latest(of_the_database())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _may_read_metrics(request: HttpRequest) -> bool:
    """With METRICS_TOKEN as a bearer token; without one set, in development only."""
    if not settings.METRICS_TOKEN:
        return bool(settings.DEVELOPMENT)
    given = request.headers.get("Authorization", "")
    return secrets.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())


def _registry() -> CollectorRegistry:
    """All processes' numbers where gunicorn runs several (ops/gunicorn.conf.py), else this one's."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
