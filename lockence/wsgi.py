"""What gunicorn serves: `gunicorn -c ops/gunicorn.conf.py lockence.wsgi`."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")

pages = get_wsgi_application()
if not settings.DEBUG:
    # All views, here where workers that are forked later share them, and not while the first visitor waits. Who is at work on one
    # wants to see what is wrong with it on the page.
    get_resolver().url_patterns  # noqa: B018 (asking for it loads it)

# Models can be imported only now that Django is set up.
from lockence.fast_lane import FastLane  # noqa: E402

application = FastLane(pages)
