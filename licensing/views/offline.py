"""The public page where a request code becomes a license file: made for a phone beside a machine without network."""

import segno
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from segno.encoder import DataOverflowError

from accounts.entrance import too_many
from accounts.pages import reads_or_acts, refusals_shown_in
from licensing import license_files, request_codes
from licensing.callers import caller_of
from licensing.errors import RateLimitedError
from licensing.forms.offline import OfflineForm
from licensing.offline import exchange_on_page


@login_not_required
@never_cache
@reads_or_acts
def offline(request: HttpRequest) -> HttpResponse:
    """A code behind the # of the address fills the form in (static/js/from-fragment.js): no log on the way keeps it."""
    form = OfflineForm(request.POST or None)
    if form.is_valid():
        with refusals_shown_in(form):
            try:
                return _file_page(request, form)
            except RateLimitedError as refusal:
                return too_many(request, refusal.outcome)
    return render(request, "site/offline.html", {"form": form})


def _file_page(request: HttpRequest, form: OfflineForm) -> HttpResponse:
    grant = exchange_on_page(
        code=request_codes.read(form.cleaned_data["request_code"]),
        license_key=form.cleaned_data["license_key"],
        user_name=form.cleaned_data["user"],
        caller=caller_of(request.META),
    )
    text = license_files.written(grant, timezone.now())
    context = {"license_file": text, "qr": _qr(text), "ends_at": grant.ends_at}
    return render(request, "site/offline_file.html", context)


def _qr(text: str) -> str:
    """Return a QR code as an image address; nothing for a text that is too long for one."""
    try:
        return segno.make_qr(text, error="l").svg_data_uri(scale=3, border=4)
    except DataOverflowError:
        return ""
