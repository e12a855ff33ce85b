"""What every management view is made of: whose call it is, whether it may, what it asks for and how it is answered."""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
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
from api.management.acts import REPLAYED, act
from api.management.inputs import Input, OneInput, parameters_of
from api.management.outputs import etag_of, expansions_of, related_of, sorts_of
from api.management.paging import BadCursorError, page_of
from api.parsers import parse_object
from api.permissions import HasScope
from api.problems import (
    FaultyHeadersError,
    FaultyParametersError,
    answer_exception,
    problem,
)
from api.runtime.requests import has_body, read_body
from licensing import errors
from licensing.access import hold_row
from licensing.bulk_files import FILE_MAX_BYTES
from licensing.events import Actor, token_actor
from licensing.management_tokens import count_call
from licensing.models import ManagementToken
from licensing.scopes import Scope

# Eight kilobytes of metadata and five thousand letters of a note, in the longest writing that JSON has for them.
BODY_MAX_BYTES = 128 * 1024
# The first is what scripts get that ask for none (docs/management/versions.md).
VERSIONS = ("2026-11-25",)
VERSION_HEADER = "Lockence-Version"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_CHANGING = ("post", "patch", "delete")
_ENTITY_TAGS = re.compile(r'\*|"[^"]*"')

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


class AnyAnswer(_JsonOnly):
    """For files: whoever asks for one says in the body of which kind."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
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
    # Whether a call that changes something takes parameters beside its body; and files of which types in place of JSON.
    takes_parameters: ClassVar[bool] = False
    file_types: ClassVar[Collection[str]] = ()
    outcome: Outcome | None = None

    def __init_subclass__(cls) -> None:
        """Whatever changes something keeps the promises of `acts`; no view has to remember."""
        super().__init_subclass__()
        for name in _CHANGING:
            if name in cls.__dict__:
                setattr(cls, name, act(cls.__dict__[name]))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.now = timezone.now()
        self.is_condition_met = False
        self.perform_authentication(request)
        # Counted before anything else is looked at, so that refused calls count as well.
        self.outcome = count_call(self.token)
        if not self.outcome.allowed:
            raise errors.RateLimitedError(self.outcome)
        super().initial(request, *args, **kwargs)
        if (wanted := request.META.get("HTTP_LOCKENCE_VERSION", VERSIONS[0])) not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise FaultyHeadersError({VERSION_HEADER: [f"{wanted[:20]} is none of {known}"]})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "no-store")
        response[VERSION_HEADER] = VERSIONS[0]
        if self.outcome is not None:
            for name, value in outcome_headers(self.outcome).items():
                # Another limit that refused has its own told.
                response.setdefault(name, value)
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

    @functools.cached_property
    def sent(self) -> bytes:
        """The body, which can be read from the network only once."""
        environ = self.request.META
        if self.file_types:
            return read_body(environ, FILE_MAX_BYTES, self.file_types)
        return read_body(environ, BODY_MAX_BYTES) if has_body(environ) else b""

    def body(self, kind: type[Input], *, partial: bool = False) -> dict[str, Any]:
        """Return the checked members of the body; `partial`: only those that were sent."""
        # What is missing in nothing is told like what is missing in an object.
        return _checked(kind(data=parse_object(self.sent or b"{}"), partial=partial))

    def nothing(self) -> None:
        """Check that the body of an act that takes nothing holds nothing."""
        self.body(Input)

    def query(self, kind: type[Input]) -> dict[str, Any]:
        """Return the checked parameters of the query string."""
        try:
            return _checked(kind(data=parameters_of(self.request.query_params)))
        except serializers.ValidationError as error:
            raise FaultyParametersError(error.detail) from error

    def held(self, row: _Row, output: type[serializers.Serializer[Any]]) -> _Row:
        """Return a row that came through a door; with `If-Match` only if it is still what the caller saw, and stays so.

        Raises PreconditionFailedError when it is not.
        """
        if not self.is_conditional or self.is_condition_met:
            return row
        told = output(hold_row(row), context={"now": self.now}).data
        if not _matches(self.request.META["HTTP_IF_MATCH"], etag_of(told)):
            raise errors.PreconditionFailedError
        self.is_condition_met = True
        return row

    @property
    def is_conditional(self) -> bool:
        """Whether an act is wanted only on what the caller saw (RFC 9110, section 13.1.1)."""
        return self.request.method not in ("GET", "HEAD") and "HTTP_IF_MATCH" in self.request.META

    def refuse_unmet_conditions(self, response: Response) -> None:
        """Raise where a call with `If-Match` would be answered without that anything was compared: let it be undone."""
        if self.is_conditional and not self.is_condition_met and REPLAYED not in response:
            raise errors.PreconditionFailedError(
                "There is no ETag at this address: leave If-Match out"
            )

    def page(
        self,
        rows: QuerySet[_Row],
        wanted: Mapping[str, Any],
        output: type[serializers.Serializer[Any]],
    ) -> Response:
        """Answer with rows from the cursor on, newest first unless another order is wanted."""
        if wanted["sort"] not in sorts_of(output):
            raise FaultyParametersError({"sort": [f"Must be one of {', '.join(sorts_of(output))}"]})
        expand = self._expansions(wanted["expand"], output)
        if related := related_of(output, expand):
            rows = rows.select_related(*related)
        try:
            shown, following = page_of(
                rows, limit=wanted["limit"], cursor=wanted["cursor"], sort=wanted["sort"]
            )
        except BadCursorError as error:
            raise FaultyParametersError(
                {"cursor": ["Must be the next_cursor of a list with the same sort"]}
            ) from error
        context = {"now": self.now, "expand": expand}
        data = output(shown, many=True, context=context).data
        return Response({"data": data, "next_cursor": following})

    def one(
        self, row: object, output: type[serializers.Serializer[Any]], status: int = 200
    ) -> Response:
        """Answer with one row and its ETag, or with 304 where the caller has it already."""
        is_read = self.request.method in ("GET", "HEAD")
        expand = self._expansions(self.query(OneInput)["expand"], output) if is_read else []
        told = output(row, context={"now": self.now, "expand": expand}).data
        etag = etag_of(told)
        if is_read and _matches(self.request.META.get("HTTP_IF_NONE_MATCH", ""), etag, weakly=True):
            return Response(status=304, headers={"ETag": etag})
        # What is shown in full within it has a tag of its own: this one would let nobody change the row.
        return Response(told, status, headers={"ETag": etag})

    def file(self, pieces: Iterator[str], kind: str) -> StreamingHttpResponse:
        """Answer with a file that comes in pieces, as one of MEDIA_TYPES."""
        return StreamingHttpResponse(pieces, content_type=MEDIA_TYPES[kind])

    def _expansions(self, wanted: str, output: type[serializers.Serializer[Any]]) -> list[str]:
        """Return the members to show in full; raises InsufficientScopeError where the token may not read them."""
        known, names = expansions_of(output), [name for name in wanted.split(",") if name]
        if len(set(names)) < len(names):
            raise FaultyParametersError({"expand": ["Names something twice"]})
        for name in names:
            if name not in known:
                told = ", ".join(known) or "nothing here"
                raise FaultyParametersError({"expand": [f"Can be {told}"]})
            if not self.token.allows(known[name].scope):
                raise errors.InsufficientScopeError(known[name].scope)
        return names


@csrf_exempt
@login_not_required
def not_found(request: HttpRequest) -> HttpResponse:
    """What an address that the management API does not have answers."""
    return problem(errors.NotFoundError("No such address in the API"), request.META)


def _checked(given: Input) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    checked: dict[str, Any] = given.validated_data
    return checked


def _matches(wanted: str, etag: str, *, weakly: bool = False) -> bool:
    """Compare what stands in If-Match or If-None-Match with a tag (RFC 9110, section 8.8.3.2)."""
    if weakly:
        wanted = wanted.replace('W/"', '"')
    tags = [] if 'W/"' in wanted else _ENTITY_TAGS.findall(wanted)
    return "*" in tags or etag in tags
