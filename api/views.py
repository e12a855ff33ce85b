"""What every unknown address below /api/ answers: JSON, never a page."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from api.runtime import answers
from api.runtime.views import http_response
from licensing import errors


@csrf_exempt
@login_not_required
def not_found(request: HttpRequest) -> HttpResponse:
    refusal = errors.NotFoundError("No such address in the API")
    return http_response(answers.refuse(refusal, request.META))
