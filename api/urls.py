"""The API's addresses: all answer with and without a trailing slash, and never redirect."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, include, path, re_path

from api import keys
from api.description import views as description
from api.management import urls as management
from api.runtime import views as runtime
from api.views import not_found


def _both(address: str, view: Callable[..., Any], name: str | None = None) -> list[URLPattern]:
    """Make an address with a slash at its end, and without; what has a name is linked to with it."""
    return [path(address, view), path(f"{address}/", view, name=name)]


urlpatterns = [
    re_path(r"^v1/init/?$", runtime.Init.as_view(), name="api-init"),
    re_path(r"^v1/validate/?$", runtime.Validate.as_view(), name="api-validate"),
    re_path(r"^v1/heartbeat/?$", runtime.Heartbeat.as_view(), name="api-heartbeat"),
    re_path(r"^v1/logout/?$", runtime.Logout.as_view(), name="api-logout"),
    re_path(r"^v1/consume/?$", runtime.Consume.as_view(), name="api-consume"),
    re_path(r"^v1/variables/?$", runtime.Variables.as_view(), name="api-variables"),
    re_path(r"^v1/release/?$", runtime.Release.as_view(), name="api-release"),
    re_path(r"^v1/borrow/?$", runtime.Borrow.as_view(), name="api-borrow"),
    re_path(r"^v1/offline/?$", runtime.Offline.as_view(), name="api-offline"),
    re_path(r"^v1/checkout/?$", runtime.Checkout.as_view(), name="api-checkout"),
    *_both("v1/applications/<uuid:application_id>/keys", keys.ApplicationKeys.as_view()),
    *_both("v1/instance/keys", keys.InstanceKeys.as_view()),
    *_both("v1/schema", description.schema, name="api-schema"),
    *_both("docs", description.page, name="api-docs"),
    path("v1/", include(management.urlpatterns)),
    re_path(r"", not_found, name="api-not-found"),
]
