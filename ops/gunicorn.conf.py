"""gunicorn's settings, in development and in production."""

import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any

import environ

env = environ.Env()
env.read_env(Path(__file__).resolve().parent.parent / ".env")
DEVELOPMENT = env.bool("DEVELOPMENT", default=False)
DEBUG = env.bool("DEBUG", default=False)

bind = env.str("BIND", default=f"127.0.0.1:{env.int('PORT', default=8000)}")
# gthread, which answers by itself what programs ask all day.
worker_class = "lockence.worker.ThreadWorker"
workers = env.int("WEB_CONCURRENCY", default=max(2, os.cpu_count() or 1))
# Each thread keeps one database connection, and each worker three more: workers x (threads + 3) must stay below max_connections.
threads = env.int("WEB_THREADS", default=4)

# Longer than a load balancer's own, so that it never sends into a connection that we are closing.
keepalive = 75
timeout = 30
graceful_timeout = 20
# How long a thread waits for the next bytes of a request, or for a reader to take some of the answer. gunicorn itself would
# wait for ever for a program whose network went away.
silence_seconds_max = env.int("WEB_SILENCE_SECONDS", default=10)

# Loaded once and shared by the workers; reload needs each worker to load for itself.
preload_app = not DEBUG
reload = DEBUG
control_socket_disable = True

# lockence.proxies decides whom to believe about addresses and https.
secure_scheme_headers: dict[str, str] = {}

# The proxy keeps an access log; /metrics counts. In development every request is of interest.
accesslog = "-" if DEBUG else None
loglevel = "warning" if DEVELOPMENT and not DEBUG else "info"
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

# Where the workers' metrics meet. prometheus_client looks for it when it is imported, so it is not imported
# above.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="lockence-metrics-")


def when_ready(server: Any) -> None:
    if preload_app:
        from django.urls import get_resolver

        # All views, where workers that are forked from here share them, and not while the first visitor waits.
        get_resolver().url_patterns  # noqa: B018 (asking for it loads it)
    # Every connection inherits this from the socket that accepts it.
    for listener in server.LISTENERS:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.setsockopt(
                socket.SOL_SOCKET, option, struct.pack("@ll", silence_seconds_max, 0)
            )


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
