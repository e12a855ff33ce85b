"""What holds for every call that changes something: with `Idempotency-Key` it acts once, with `If-Match` only on what was seen."""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.inputs import Input
from api.parsers import parse_object
from api.problems import FaultyHeadersError
from licensing.idempotency import Answer, answer_kept, keep_answer

if TYPE_CHECKING:
    from api.management.views import ManagementView

KEY_MAX = 255
REPLAYED = "Idempotent-Replayed"
# What can be seen on paper, and so in a log.
_IS_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MAX}}}").fullmatch

# A file is not kept: whoever asks for it again gets it made anew, for it changes nothing.
_A_FILE = Answer(200, None)

_Handler = Callable[..., Response]


def act(handler: _Handler) -> _Handler:
    """Make a method of a view one that keeps the promises above: all that it does is one transaction, or is not done."""

    @functools.wraps(handler)
    def acts(view: "ManagementView", request: Request, *args: Any, **kwargs: Any) -> Response:
        if not view.takes_parameters:
            view.query(Input)
        key = _key_of(request)
        if key is None and not view.is_conditional:
            return handler(view, request, *args, **kwargs)
        with transaction.atomic():
            perform = functools.partial(handler, view, request, *args, **kwargs)
            response = perform() if key is None else _once(view, key, perform)
            view.refuse_unmet_conditions(response)
            return response

    return acts


def _once(view: "ManagementView", key: str, perform: Callable[[], Response]) -> Response:
    facts: dict[str, Any] = {
        "token": view.token,
        "key": key,
        "request_digest": _digest_of(view),
        "now": view.now,
    }
    kept = answer_kept(**facts)
    if kept and kept != _A_FILE:
        return Response(kept.data, kept.status, headers={REPLAYED: "true"})
    response = perform()
    if not kept:
        keep_answer(**facts, answer=_answer_of(response))
    return response


def _answer_of(response: Response) -> Answer:
    if response.streaming:
        return _A_FILE
    return Answer(response.status_code, json.loads(JSONRenderer().render(response.data)))


def _digest_of(view: "ManagementView") -> str:
    """Return the SHA-256 of an address and what was sent to it, however that was written down."""
    address = view.request.get_full_path() if view.takes_parameters else view.request.path
    sent = view.sent
    if not view.file_types:
        sent = json.dumps(parse_object(sent or b"{}"), sort_keys=True).encode()
    return hashlib.sha256(address.rstrip("/").encode() + b"\n" + sent).hexdigest()


def _key_of(request: Request) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY") if request.method == "POST" else None
    if key is not None and not _IS_KEY(key):
        wrong = f"Must be 1 to {KEY_MAX} visible ASCII characters, without spaces"
        raise FaultyHeadersError({"Idempotency-Key": [wrong]})
    return key
