"""The developer's own words for refusals: all of them, and the form that chooses one."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import Right
from accounts.pages import actor_of, reads_or_acts, refusals_shown_in
from licensing.access import application_for
from licensing.forms.applications import WordsForm
from licensing.own_words import SAID_BY_APPLICATIONS, choose_words
from licensing.views.pages import show


@reads_or_acts
def words(request: HttpRequest, application_id: uuid.UUID) -> HttpResponse:
    """`?code=&language=` fills the form with the words that are there."""
    application = application_for(request.user, application_id, Right.MANAGE_SETTINGS)
    code, language = request.GET.get("code", ""), request.GET.get("language", "")
    text = application.own_words.get(code, {}).get(language, "")
    form = WordsForm(
        request.POST or None, initial={"code": code, "language": language, "text": text}
    )
    if form.is_valid():
        with refusals_shown_in(form):
            choose_words(
                application=application,
                actor=actor_of(request),
                now=timezone.now(),
                **form.cleaned_data,
            )
            messages.success(request, "Programs are refused in these words from now on.")
            return redirect("words", application.pk)
    return show(
        request,
        "licensing/words.html",
        application,
        section="settings",
        trail=(
            ("Settings", reverse("application-settings", args=[application.pk])),
            ("Your own words", ""),
        ),
        form=form,
        said=[
            (code, language, text)
            for code in SAID_BY_APPLICATIONS
            for language, text in sorted(application.own_words.get(code, {}).items())
        ],
        ours=[(code, refusal.default_message) for code, refusal in SAID_BY_APPLICATIONS.items()],
    )
