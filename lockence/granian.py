"""What Granian serves (ops/granian): the same site as gunicorn, behind a door that counts."""

import os

# First, for it sets Django up.
from lockence import wsgi
from lockence.door import Door

application = Door(wsgi.application, int(os.environ.get("WEB_THREADS", "4")))
