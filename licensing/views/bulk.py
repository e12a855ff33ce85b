"""Bulk jobs: one act on very many licenses, tried first, then done by a worker while the page shows how far it is."""

import datetime as dt
import uuid

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Right
from accounts.errors import RefusalError
from accounts.pages import Question, act, actor_of, reads_or_acts, refusals_shown_in
from licensing import bulk, bulk_files, exports
from licensing.access import application_for, bulk_job_for
from licensing.forms.bulk import BulkActForm, BulkFileForm, BulkIssueForm
from licensing.models import Application, BulkJob, BulkRow
from licensing.paging import page_of
from licensing.search import find_licenses
from licensing.views.licenses import licenses_crumb
from licensing.views.pages import Crumb, ask, download, show

_LICENSES = Right.MANAGE_LICENSES
_MEDIA_TYPES = {"csv": bulk_files.CSV, "jsonl": bulk_files.JSON_LINES}
# What each act does, for whoever is asked before it.
_WORDS = {
    BulkJob.Act.ISSUE: "Keys are issued. Issued keys cannot be taken back, only revoked.",
    BulkJob.Act.EXTEND: "Their end is moved. An earlier end reaches open sessions at once.",
    BulkJob.Act.SUSPEND: "Programs are refused from their next call on, until you restore the licenses.",
    BulkJob.Act.RESTORE: "They work again from the next call on.",
    BulkJob.Act.REVOKE: "Their sessions end at once, and programs are refused from then on.",
    BulkJob.Act.DELETE: "They are gone for good, with their devices and sessions.",
}


@require_safe
def bulk_jobs(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id)
    return show(
        request,
        "licensing/bulk_jobs.html",
        application,
        section="licenses",
        trail=(licenses_crumb(application), ("Bulk jobs", "")),
        page=page_of(application.bulk_jobs.all(), request.GET),
    )


@reads_or_acts
def bulk_issue(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, _LICENSES)
    initial = {"policy": application.default_policy()}
    form = BulkIssueForm(request.POST or None, application=application, initial=initial)
    if form.is_valid():
        with refusals_shown_in(form):
            job = bulk.issue_in_bulk(
                policy=form.cleaned_data["policy"],
                count=form.cleaned_data["count"],
                terms=form.terms(),
                expires_at=form.expires_at(),
                is_dry_run=True,
                actor=actor_of(request),
                now=timezone.now(),
            )
            return redirect(job)
    return _show_form(request, application, form, "bulk_issue", "Issue in bulk")


@reads_or_acts
def bulk_act(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, _LICENSES)
    form = BulkActForm(request.POST or None, application=application)
    if form.is_valid():
        wanted, now = form.cleaned_data, timezone.now()
        found = find_licenses(application, state=wanted["status"], at=now)
        if wanted["policy"]:
            found = found.filter(policy=wanted["policy"])
        with refusals_shown_in(form):
            job = bulk.act_in_bulk(
                application=application,
                act=BulkJob.Act(wanted["act"]),
                # One more than a job takes, so that it is refused and not cut off.
                license_ids=found.order_by("pk").values_list("pk", flat=True)[: bulk.ROWS_MAX + 1],
                expires_at=_end(form),
                is_dry_run=True,
                actor=actor_of(request),
                now=now,
            )
            return redirect(job)
    return _show_form(request, application, form, "bulk_act", "Change many licenses")


@reads_or_acts
def bulk_file(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    application = application_for(request.user, application_id, _LICENSES)
    form = BulkFileForm(
        request.POST or None,
        request.FILES or None,
        application=application,
        initial={"policy": application.default_policy()},
    )
    if form.is_valid():
        with refusals_shown_in(form):
            return redirect(_job_of_file(request, application, form))
    return _show_form(request, application, form, "bulk_file", "From a file")


@require_safe
def bulk_job(request: HttpRequest, application_id: uuid.UUID, job_id: uuid.UUID) -> HttpResponse:
    """The job, its part about progress asked for again every two seconds until it is over."""
    job = bulk_job_for(request.user, application_id, job_id)
    performed = BulkJob.objects.filter(dry_run=job).first()
    return show(
        request,
        "licensing/bulk_job.html",
        job.application,
        section="licenses",
        trail=(*_trail(job.application), (job.get_act_display(), "")),
        job=job,
        performed=performed,
        can_be_performed=job.is_dry_run and not job.is_open and job.rows_done and not performed,
        page=page_of(job.rows.failed(), request.GET),
    )


@reads_or_acts
def bulk_perform(
    request: HttpRequest, application_id: uuid.UUID, job_id: uuid.UUID
) -> HttpResponse:
    job = bulk_job_for(request.user, application_id, job_id, _LICENSES)
    if request.method == "POST":
        return _perform(request, job)
    count = f"{job.rows_done:,} license{'' if job.rows_done == 1 else 's'}"
    question = Question(
        heading=f"{job.get_act_display()} {count}",
        explanation=f"This is done to {count}, as the dry run found. {_WORDS[BulkJob.Act(job.act)]}",
        button=f"{job.get_act_display()} {count}",
        cancel_url=job.get_absolute_url(),
        danger=job.act in (BulkJob.Act.REVOKE, BulkJob.Act.DELETE, BulkJob.Act.SUSPEND),
    )
    return ask(request, job.application, question, section="licenses", trail=_job_trail(job))


@reads_or_acts
def bulk_cancel(request: HttpRequest, application_id: uuid.UUID, job_id: uuid.UUID) -> HttpResponse:
    job = bulk_job_for(request.user, application_id, job_id, _LICENSES)
    if request.method == "POST":
        return act(
            request,
            lambda: bulk.cancel_job(job=job, actor=actor_of(request), now=timezone.now()),
            done="Nothing more is done. What was done stays.",
            back=job.get_absolute_url(),
        )
    question = Question(
        heading="Cancel job",
        explanation="Nothing more is done. What was done stays.",
        button="Cancel job",
        cancel_url=job.get_absolute_url(),
    )
    return ask(request, job.application, question, section="licenses", trail=_job_trail(job))


@require_POST
def bulk_failures(
    request: HttpRequest, application_id: uuid.UUID, job_id: uuid.UUID
) -> HttpResponseBase:
    job = bulk_job_for(request.user, application_id, job_id)
    return _file(request, job, job.rows.failed(), "failures")


@require_POST
def bulk_results(
    request: HttpRequest, application_id: uuid.UUID, job_id: uuid.UUID
) -> HttpResponseBase:
    job = bulk_job_for(request.user, application_id, job_id)
    return _file(request, job, job.rows.over(), "results")


def _perform(request: HttpRequest, job: BulkJob) -> HttpResponse:
    try:
        performed = bulk.perform_dry_run(job=job, actor=actor_of(request), now=timezone.now())
    except RefusalError as refusal:
        messages.error(request, f"{refusal.message}.")
        return redirect(job)
    messages.success(request, "It has begun: this page shows how far it is.")
    return redirect(performed)


def _job_of_file(request: HttpRequest, application: Application, form: BulkFileForm) -> BulkJob:
    wanted_act = BulkJob.Act(form.cleaned_data["act"])
    sent, media_type = form.sent(), form.media_type()
    if wanted_act == BulkJob.Act.ISSUE:
        return bulk.issue_each(
            policy=form.cleaned_data["policy"],
            rows=bulk_files.new_licenses_in(sent, media_type, application.policies.all()),
            expires_at=_end(form),
            is_dry_run=True,
            actor=actor_of(request),
            now=timezone.now(),
        )
    return bulk.act_in_bulk(
        application=application,
        act=wanted_act,
        license_ids=bulk_files.known_licenses_in(sent, media_type),
        expires_at=_end(form),
        is_dry_run=True,
        actor=actor_of(request),
        now=timezone.now(),
    )


def _end(form: BulkActForm | BulkFileForm) -> dt.datetime | None:
    """Return the end that was chosen, where the act has one."""
    has_end = form.cleaned_data["act"] in (BulkJob.Act.EXTEND, BulkJob.Act.ISSUE)
    return form.expires_at() if has_end else None


def _file(
    request: HttpRequest, job: BulkJob, rows: QuerySet[BulkRow], what: str
) -> HttpResponseBase:
    kind = request.POST.get("format", "csv")
    if kind not in _MEDIA_TYPES:
        kind = "csv"
    name = f"{job.act}-{what}-{job.created_at:%Y-%m-%d}.{kind}"
    return download(exports.outcomes(rows, kind), name, _MEDIA_TYPES[kind])


def _show_form(
    request: HttpRequest, application: Application, form: forms.Form, template: str, heading: str
) -> HttpResponse:
    return show(
        request,
        f"licensing/{template}.html",
        application,
        section="licenses",
        trail=(*_trail(application), (heading, "")),
        form=form,
        heading=heading,
    )


def _trail(application: Application) -> tuple[Crumb, ...]:
    url = reverse("bulk-jobs", args=[application.pk])
    return licenses_crumb(application), ("Bulk jobs", url)


def _job_trail(job: BulkJob) -> tuple[Crumb, ...]:
    return *_trail(job.application), (job.get_act_display(), job.get_absolute_url())
