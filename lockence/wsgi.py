"""What gunicorn serves: `gunicorn -c ops/gunicorn.conf.py lockence.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")

pages = get_wsgi_application()

# Models can be imported only now that Django is set up.
from lockence.fast_lane import FastLane  # noqa: E402

application = FastLane(pages)
