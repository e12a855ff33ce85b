"""The doors of the site as a whole."""

import pytest
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from accounts.models import User
from tests.staff import make_staff, signed_in


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for members")


urlpatterns = [
    path("plain/", plain),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]


def test_a_page_that_says_nothing_asks_for_a_log_in(client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__

    assert client.get("/plain/")["Location"] == "/accounts/login/?next=/plain/"


def test_staff_come_in_through_the_same_door_as_everybody(client: Client) -> None:
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1] == ("/accounts/login/?next=%2Fadmin%2F", 302)


def test_the_admin_is_for_staff(client: Client, developer: User) -> None:
    client.force_login(developer)
    assert client.get("/admin/", follow=True).status_code == 403

    assert signed_in(make_staff()).get("/admin/").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/no-such-call", "/api/v1/init/more"])
def test_a_wrong_address_of_the_api_is_answered_in_json(client: Client, path: str) -> None:
    response = client.post(path, "{}", content_type="application/json")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
