"""Every address of the site; what each part answers is decided in its own urls.py."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# The admin's own log-in form knows no second factor; staff come in through the same door as everybody.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("api/", include("api.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("licensing.urls")),
]

handler400 = "lockence.failures.bad_request"
handler500 = "lockence.failures.server_error"
