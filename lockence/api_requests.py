"""The short way for programs: /api/v1/ is answered without the middleware that only pages need."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse

PREFIX = "/api/v1/"


class ApiRequestsMiddleware:
    """A program has no session, cookie, form, message or language: skip the rest of MIDDLEWARE for it.

    That rest costs more than twice what Django itself needs to call a view. Views behind the prefix get
    a request without `session` and `user`, and authenticate by themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answer: Callable[[HttpRequest], HttpResponse] = convert_exception_to_response(
            HandlerWithoutMiddleware().answer
        )  # type: ignore[assignment]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PREFIX):
            return self.answer(request)
        return self.get_response(request)


class HandlerWithoutMiddleware(BaseHandler):
    _view_middleware: ClassVar[list[Any]] = []
    _template_response_middleware: ClassVar[list[Any]] = []
    _exception_middleware: ClassVar[list[Any]] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Find the view, call it and render what it returns, as Django does at the end of its list."""
        response: HttpResponse = self._get_response(request)  # type: ignore[attr-defined]
        return response
