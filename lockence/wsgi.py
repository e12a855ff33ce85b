"""What gunicorn serves: `gunicorn -c ops/gunicorn.conf.py lockence.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")

application = get_wsgi_application()
