"""The overview of all applications, and one application: its first steps, then its numbers."""

import datetime as dt
import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right
from accounts.pages import act, actor_of, reads_or_acts, refusals_shown_in, user_of
from accounts.teams import home_team, teams_with
from licensing import applications, handbook, licenses
from licensing.access import application_for, applications_of, rights_in
from licensing.events import history_of
from licensing.forms.applications import ApplicationForm
from licensing.forms.licenses import FirstLicenseForm
from licensing.models import Application, License, Session
from licensing.paging import page_of
from licensing.reports import numbers_of
from licensing.revealing import revealed
from licensing.samples import LICENSE_KEY, Sample
from licensing.views.pages import show

_CARDS_PER_PAGE = 24
_EVENTS_SHOWN = 6
# For so long the overview says that the program is connected: who checks again without JavaScript sees it there.
_NEWS_FOR = dt.timedelta(hours=1)


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    found = applications_of(request.user).select_related("team")
    page = page_of(found, request.GET, _CARDS_PER_PAGE)
    numbers = numbers_of(page.rows, timezone.now())
    cards = [(application, numbers[application.pk]) for application in page.rows]
    return show(
        request,
        "licensing/dashboard.html",
        section="dashboard",
        page=page,
        cards=cards,
        invitations=user_of(request).invitations().open(timezone.now()),
    )


@reads_or_acts
def application_new(request: HttpRequest) -> HttpResponse:
    teams = teams_with(user_of(request), Right.MANAGE_SETTINGS)
    form = ApplicationForm(request.POST or None, teams=teams)
    if form.is_valid():
        with refusals_shown_in(form):
            application = applications.create_application(
                team=form.cleaned_data["team"] or home_team(user=user_of(request)),
                name=form.cleaned_data["name"],
                actor=actor_of(request),
                id=form.cleaned_data["id"],
            )
            return redirect(application)
    return show(request, "licensing/application_new.html", section="dashboard", form=form)


@require_safe
def application(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    rights = rights_in(user_of(request), application)
    if application.first_init_at is None and {Right.SEE_KEYS, Right.MANAGE_LICENSES} <= rights:
        return _first_steps(request, application)
    return _overview(request, application, rights)


@require_safe
def application_connection(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    """The part of the first steps that waits for the first program, asked for again every two seconds."""
    application = application_for(request.user, application_id)
    return show(
        request,
        "licensing/_connection.html",
        application,
        section="application",
        session=_newest_session(application),
    )


@require_POST
def application_first_license(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, Right.MANAGE_LICENSES)
    form = FirstLicenseForm(request.POST)
    if not form.is_valid():
        return redirect(application)
    return act(
        request,
        lambda: licenses.issue_licenses(
            policy=application.default_policy(),
            count=1,
            actor=actor_of(request),
            now=timezone.now(),
            batch_id=form.cleaned_data["batch_id"],
        ),
        done="Your license key is ready. Copy it, then connect your program.",
        back=application.get_absolute_url(),
    )


def _first_steps(request: HttpRequest, application: Application) -> HttpResponse:
    api_key = _current_api_key(application)
    license = License.objects.for_application(application).usable(timezone.now()).first()
    license_key = revealed(license) if license else ""
    return show(
        request,
        "licensing/first_steps.html",
        application,
        section="application",
        step=4 if license else 2,
        api_key=api_key,
        license=license,
        license_key=license_key,
        samples=_samples(api_key, license_key) if license else [],
        form=FirstLicenseForm(),
    )


def _overview(
    request: HttpRequest, application: Application, rights: frozenset[Right]
) -> HttpResponse:
    now = timezone.now()
    connected_at = application.first_init_at
    api_key = _current_api_key(application) if Right.SEE_KEYS in rights else ""
    return show(
        request,
        "licensing/overview.html",
        application,
        section="application",
        now=now,
        is_newly_connected=connected_at is not None and now - connected_at < _NEWS_FOR,
        numbers=numbers_of([application], now)[application.pk],
        events=page_of(history_of(application), QueryDict(), _EVENTS_SHOWN),
        api_key=api_key,
        samples=_samples(api_key, LICENSE_KEY) if api_key else [],
    )


def _samples(api_key: str, license_key: str) -> list[Sample]:
    return handbook.snippets(api_key=api_key, license_key=license_key, url=settings.SITE_URL)


def _current_api_key(application: Application) -> str:
    return revealed(application.api_keys.current().get())


def _newest_session(application: Application) -> Session | None:
    if application.first_init_at is None:
        return None
    return application.sessions.select_related("license", "device").first()
