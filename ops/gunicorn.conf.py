"""gunicorn's settings, in development and in production."""

import os
import shutil
import tempfile
from typing import Any

from prometheus_client import multiprocess

DEVELOPMENT = os.environ.get("DEVELOPMENT", "").lower() in ("1", "true", "yes", "on")
DEBUG = os.environ.get("DEBUG", "").lower() in ("1", "true", "yes", "on")

bind = os.environ.get("BIND", f"127.0.0.1:{os.environ.get('PORT', '8000')}")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", max(2, os.cpu_count() or 1)))
# Each thread keeps one database connection: workers x threads must stay below max_connections.
threads = int(os.environ.get("WEB_THREADS", 8))

# Longer than a load balancer's own, so that it never sends into a connection that we are closing.
keepalive = 75
timeout = 30
graceful_timeout = 20

# Loaded once and shared by the workers; reload needs each worker to load for itself.
preload_app = not DEBUG
reload = DEBUG
control_socket_disable = True

# lockence.proxies decides whom to believe about addresses and https.
secure_scheme_headers: dict[str, str] = {}

# The proxy keeps an access log; /metrics counts. In development every request is of interest.
accesslog = "-" if DEBUG else None
loglevel = "warning" if DEVELOPMENT else "info"
if not DEVELOPMENT:
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "lockence.logging.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        },
    }

# Where the workers' metrics meet. It must be known before the application loads.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="lockence-metrics-")


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
