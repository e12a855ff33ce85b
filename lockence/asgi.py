"""What Granian serves (ops/granian), or any other server of ASGI 3: the site of lockence/wsgi.py, on an event loop."""

import gc
import os
import sys

# First, for it sets Django up.
from lockence import wsgi
from lockence.bridge import Bridge
from lockence.event_loop import Site

# A thread that renders a page would else keep the loop waiting for 5 ms each time.
SWITCH_SECONDS = 0.001

sys.setswitchinterval(SWITCH_SECONDS)
application = Site(
    wsgi.application,
    Bridge(
        wsgi.application,
        threads=int(os.environ.get("WEB_THREADS", "4")),
        silence_seconds_max=float(os.environ.get("WEB_SILENCE_SECONDS", "10")),
    ),
)
# What is loaded stays: to look through it for garbage each time takes 0.1 s, in which nobody is answered.
gc.collect()
gc.freeze()
