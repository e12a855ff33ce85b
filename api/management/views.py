"""What every management view is made of: whose call it is, whether it may, what it asks for and how it is answered."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits import Outcome
from api.authentication import ManagementTokenAuthentication
from api.errors import outcome_headers
from api.management.inputs import Input, parameters_of
from api.parsers import parse_object
from api.permissions import HasScope
from api.problems import FaultyParametersError, answer_exception, problem
from api.runtime.requests import has_body, read_body
from licensing import errors
from licensing.events import Actor, token_actor
from licensing.management_tokens import count_call
from licensing.models import ManagementToken
from licensing.scopes import Scope

# Eight kilobytes of metadata and five thousand letters of a note, in the longest writing that JSON has for them.
BODY_MAX_BYTES = 128 * 1024

_Row = TypeVar("_Row", bound=Model)


class _JsonOnly(DefaultContentNegotiation):
    """JSON to everybody who accepts it; no parameter of the address says otherwise."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        if not request._request.accepts("application/json"):
            raise exceptions.NotAcceptable
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


@method_decorator(login_not_required, name="dispatch")
class ManagementView(APIView):
    """Views name the scope of each of their methods; what has none cannot be called."""

    authentication_classes = (ManagementTokenAuthentication,)
    permission_classes = (HasScope,)
    content_negotiation_class = _JsonOnly
    http_method_names = ("get", "head", "post", "patch", "delete")
    scopes: ClassVar[Mapping[str, Scope]]
    outcome: Outcome | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        self.perform_authentication(request)
        # Counted before anything else is looked at, so that refused calls count as well.
        self.outcome = count_call(self.token)
        if not self.outcome.allowed:
            raise errors.RateLimitedError(self.outcome)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "no-store")
        if self.outcome is not None:
            for name, value in outcome_headers(self.outcome).items():
                response[name] = value
        return response

    def get_exception_handler(self) -> Callable[..., Any]:
        return answer_exception

    @property
    def token(self) -> ManagementToken:
        token: Any = self.request.auth
        assert isinstance(token, ManagementToken)
        return token

    @property
    def actor(self) -> Actor:
        return token_actor(self.token, self.request.META.get("REMOTE_ADDR") or None)

    def body(self, kind: type[Input], *, partial: bool = False) -> dict[str, Any]:
        """Return the checked members of the body; `partial`: only those that were sent."""
        environ = self.request.META
        sent = read_body(environ, BODY_MAX_BYTES) if has_body(environ) else b""
        # What is missing in nothing is told like what is missing in an object.
        return _checked(kind(data=parse_object(sent or b"{}"), partial=partial))

    def nothing(self) -> None:
        """Check that the body of an act that takes nothing holds nothing."""
        self.body(Input)

    def query(self, kind: type[Input]) -> dict[str, Any]:
        """Return the checked parameters of the query string."""
        try:
            return _checked(kind(data=parameters_of(self.request.query_params)))
        except serializers.ValidationError as error:
            raise FaultyParametersError(error.detail) from error

    def page(
        self,
        rows: QuerySet[_Row],
        wanted: Mapping[str, Any],
        output: type[serializers.Serializer[Any]],
    ) -> Response:
        """Answer with rows from the cursor on, newest first; the edge is an id, so that none is skipped or told twice."""
        limit, cursor = wanted["limit"], wanted["cursor"]
        if cursor is not None:
            rows = rows.filter(pk__lt=cursor)
        found = list(rows.order_by("-pk")[: limit + 1])
        shown = found[:limit]
        return Response(
            {
                "data": output(shown, many=True, context={"now": self.now}).data,
                "next_cursor": str(shown[-1].pk) if len(found) > limit else None,
            }
        )

    def one(
        self, row: object, output: type[serializers.Serializer[Any]], status: int = 200
    ) -> Response:
        return Response(output(row, context={"now": self.now}).data, status)


@csrf_exempt
@login_not_required
def not_found(request: HttpRequest) -> HttpResponse:
    """What an address that the management API does not have answers."""
    return problem(errors.NotFoundError("No such address in the API"), request.META)


def _checked(given: Input) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    checked: dict[str, Any] = given.validated_data
    return checked
