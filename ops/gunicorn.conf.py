"""gunicorn's settings, in development and in production."""

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = 2
threads = 8
control_socket_disable = True
