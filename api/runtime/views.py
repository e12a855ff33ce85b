"""The client calls as DRF views: thin adaptors, so that every deployment serves them and the schema knows them."""

from typing import ClassVar

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from rest_framework.views import APIView

from api.runtime import answers


@method_decorator(login_not_required, name="dispatch")
class _ClientCall(APIView):
    """Hand the request over as it came: every method, every body and every failure is answered in `answers`."""

    call: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return http_response(answers.answer(self.call, request.META))


def http_response(answer: answers.Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


class Init(_ClientCall):
    """Check a license key, bind the device and open a session."""

    call = "init"


class Validate(_ClientCall):
    """Tell whether a session is good; reads only."""

    call = "validate"


class Heartbeat(_ClientCall):
    """Keep a session alive."""

    call = "heartbeat"


class Logout(_ClientCall):
    """End a session."""

    call = "logout"


class Consume(_ClientCall):
    """Use up some of a metered entitlement."""

    call = "consume"


class Borrow(_ClientCall):
    """Keep a session's seat for a time without heartbeats."""

    call = "borrow"


class Checkout(_ClientCall):
    """Write a license file, with which the device may run without asking."""

    call = "checkout"


class Release(_ClientCall):
    """Release the device that a session runs on."""

    call = "release"


class Variables(_ClientCall):
    """Tell the variables that the session may know."""

    call = "variables"


class Offline(_ClientCall):
    """Write a license file for a device that has no network, and shows a request code."""

    call = "offline"
