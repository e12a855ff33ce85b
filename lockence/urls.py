"""Every address of the site; what each part answers is decided in its own urls.py."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/", include("api.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("dashboard/", include("accounts.team_urls")),
    path("", include("licensing.urls")),
]

handler400 = "lockence.failures.bad_request"
handler500 = "lockence.failures.server_error"
