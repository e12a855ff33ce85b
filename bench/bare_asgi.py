"""The bare Django view where the server speaks ASGI (Granian): through Django's own handler, as the view that is faster there."""

import gc
import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.bare_settings")


async def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"success": True, "code": "ok"})


urlpatterns = [path("bare", bare)]
settings.ROOT_URLCONF = __name__
application = get_asgi_application()
# As lockence/asgi.py has it.
gc.collect()
gc.freeze()
