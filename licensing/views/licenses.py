"""Licenses: the list, one of them, generating and changing them."""

import uuid
from typing import TypeVar

from django.contrib import messages
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right
from accounts.ciphers import UndecipherableError
from accounts.pages import actor_of, reads_or_acts, refusals_shown_in
from accounts.reauthentication import recent_authentication_required
from licensing import exports, licenses
from licensing.access import application_for, license_for
from licensing.events import history_of
from licensing.forms.licenses import IssueForm, LicenseFilterForm, LicenseForm
from licensing.grants import grants_of_license
from licensing.models import Application, License
from licensing.paging import FEW_ROWS, Page, page_of
from licensing.revealing import UNREADABLE
from licensing.search import find_licenses
from licensing.views.pages import Crumb, download, show

_ROWS_SHOWN = 10
# Nobody pages through more than these: who sees so many types another letter.
_MATCHES_MAX = 500
_Row = TypeVar("_Row", bound=Model)


@require_safe
def licenses_list(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    form, now = LicenseFilterForm(request.GET), timezone.now()
    wanted = form.wanted()
    found = find_licenses(application, **wanted, at=now, matches_max=_MATCHES_MAX).select_related(
        "policy"
    )
    return show(
        request,
        "licensing/licenses.html",
        application,
        section="licenses",
        trail=(("Licenses", ""),),
        now=now,
        form=form,
        wanted=wanted,
        page=page_of(found, request.GET, key=FEW_ROWS if wanted["text"] else F("pk")),
    )


@reads_or_acts
@recent_authentication_required()
def licenses_export(request: HttpRequest, application_id: uuid.UUID) -> HttpResponseBase:
    """The list as it is filtered, as CSV. Asking for whole keys is an act: a POST, for those who may see keys, recorded."""
    with_keys = request.method == "POST"
    right = Right.SEE_KEYS if with_keys else Right.VIEW
    application = application_for(request.user, application_id, right)
    wanted, now = LicenseFilterForm(request.GET).wanted(), timezone.now()
    if with_keys:
        licenses.record_export(
            application=application, actor=actor_of(request), state=wanted["state"]
        )
    found = find_licenses(application, text=wanted["text"], state=wanted["state"], at=now)
    pieces = exports.licenses_csv(found, at=now, with_keys=with_keys)
    return download(pieces, f"licenses-{now:%Y-%m-%d}.csv", "text/csv")


@reads_or_acts
def licenses_new(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_LICENSES)
    form = IssueForm(
        request.POST or None,
        application=application,
        initial={"policy": request.GET.get("policy") or application.default_policy()},
    )
    if form.is_valid():
        with refusals_shown_in(form):
            batch = licenses.issue_licenses(
                policy=form.cleaned_data["policy"],
                count=form.cleaned_data["count"],
                terms=form.terms(),
                expires_at=form.expires_at(),
                batch_id=form.cleaned_data["batch_id"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return redirect(batch)
    return show(
        request,
        "licensing/licenses_new.html",
        application,
        section="licenses",
        trail=(licenses_crumb(application), ("Generate", "")),
        form=form,
    )


@require_safe
def license(request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID) -> HttpResponse:
    return _license_page(request, license_for(request.user, application_id, license_id))


@require_POST
@recent_authentication_required()
def license_reveal(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    try:
        key = licenses.reveal_license_key(license=license, actor=actor_of(request))
    except UndecipherableError:
        key = UNREADABLE
    return _license_page(request, license, key)


@reads_or_acts
def license_edit(
    request: HttpRequest, application_id: uuid.UUID, license_id: uuid.UUID
) -> HttpResponse:
    license = license_for(request.user, application_id, license_id, Right.MANAGE_LICENSES)
    form = LicenseForm(
        request.POST or None,
        application=license.application,
        initial=LicenseForm.initial_of(license),
    )
    if form.is_valid():
        with refusals_shown_in(form):
            licenses.change_license(
                license=license,
                policy=form.cleaned_data["policy"],
                terms=form.terms(),
                actor=actor_of(request),
            )
            messages.success(request, f"License {license} is saved.")
            return redirect(license)
    return show(
        request,
        "licensing/license_edit.html",
        license.application,
        section="licenses",
        trail=(*license_trail(license), ("Edit", "")),
        license=license,
        form=form,
    )


def licenses_crumb(application: Application) -> Crumb:
    return "Licenses", reverse("licenses", args=[application.pk])


def license_trail(license: License) -> tuple[Crumb, ...]:
    return licenses_crumb(license.application), (str(license), license.get_absolute_url())


def _license_page(request: HttpRequest, license: License, key: str = "") -> HttpResponse:
    """The license with the newest of its devices, sessions and events: each list is one statement, and short."""
    now = timezone.now()
    return show(
        request,
        "licensing/license.html",
        license.application,
        section="licenses",
        trail=(licenses_crumb(license.application), (str(license), "")),
        now=now,
        license=license,
        key=key,
        grants=grants_of_license(license, now),
        access_rules=license.access_rules.all(),
        users=_newest(license.named_users.all()),
        users_count=license.named_users.count() if license.users_allowed() else 0,
        devices=_newest(license.devices.with_block()),
        sessions=_newest(license.sessions.select_related("device")),
        events=_newest(history_of(license)),
    )


def _newest(rows: QuerySet[_Row]) -> Page[_Row]:
    return page_of(rows, QueryDict(), _ROWS_SHOWN)
