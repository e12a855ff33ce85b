"""The bare Django view that every call is compared with: no middleware, no database, one small JsonResponse."""

import os

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.bare_settings")


def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"success": True, "code": "ok"})


urlpatterns = [path("bare", bare)]
application = get_wsgi_application()
