"""The OpenAPI document and the page that shows it, both for everybody."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.description.document import document


@login_not_required
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(document(), content_type="application/json")
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@login_not_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html")
