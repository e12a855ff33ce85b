"""While programs wait too long for an answer, pages, exports and the management API make way for them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from api.runtime import overload
from lockence import failures


class MakingWayMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if overload.gates().refuse_page():
            return failures.unavailable(request)
        return self.get_response(request)
