"""The pages of one's own account that are ours: signed-in browsers, one's data, leaving."""

import tempfile
import uuid

from django.contrib import messages
from django.contrib.auth import logout
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts import browsers, deletion, exports
from accounts.errors import SoleOwnerError
from accounts.pages import act, reads_or_acts, show_privately, user_of
from accounts.reauthentication import recent_authentication_required

# Exports of one person are small; a long one goes to the disk.
_EXPORT_IN_MEMORY_BYTES = 4 * 1024 * 1024


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    user, now = user_of(request), timezone.now()
    return show_privately(
        request,
        "accounts/sessions.html",
        this=browsers.this_browser(request, user),
        browsers=browsers.signed_in_browsers(user, now=now),
    )


@require_POST
def session_end(request: HttpRequest, browser_id: uuid.UUID) -> HttpResponse:
    browser = user_of(request).browsers.filter(pk=browser_id).first()
    if browser is None:
        raise Http404("No such browser")
    return act(
        request,
        lambda: browsers.sign_out(browser=browser),
        done=f"{browser} is signed out.",
        back=reverse("account-sessions"),
    )


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    browsers.sign_out_everywhere(user=user, but=browsers.this_browser(request, user))
    messages.success(request, "All other browsers are signed out.")
    return redirect("account-sessions")


@require_safe
def data(request: HttpRequest) -> HttpResponse:
    return show_privately(request, "accounts/data.html")


@require_POST
@recent_authentication_required()
def export(request: HttpRequest) -> FileResponse:
    file = tempfile.SpooledTemporaryFile(_EXPORT_IN_MEMORY_BYTES)  # noqa: SIM115 (the answer closes it)
    exports.write_account(user_of(request), file)
    file.seek(0)
    name = f"lockence-account-{timezone.now():%Y-%m-%d}.zip"
    response = FileResponse(file, as_attachment=True, filename=name)
    patch_cache_control(response, private=True, no_store=True)
    return response


@reads_or_acts
@recent_authentication_required()
def delete(request: HttpRequest) -> HttpResponse:
    user, now = user_of(request), timezone.now()
    if request.method == "POST":
        try:
            deletion.request_deletion(user=user, now=now)
        except SoleOwnerError:
            # The page says which teams these are.
            return redirect("account-delete")
        logout(request)
        due_on = f"{now + deletion.GRACE:%-d %B %Y}"
        words = f"Your account is deleted on {due_on}. Log in before then if you change your mind."
        messages.success(request, words)
        return redirect("landing")
    return show_privately(
        request,
        "accounts/delete.html",
        orphans=deletion.teams_without_another_owner(user),
        doomed=deletion.teams_of_nobody_else(user),
        due_at=now + deletion.GRACE,
    )
