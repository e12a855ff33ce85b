"""What people fill in about an application: its name, its keys, its own words."""

import datetime as dt
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.ids import uuid7
from accounts.models import Team
from licensing.own_words import LANGUAGE_MAX, SAID_BY_APPLICATIONS, TEXT_MAX


class ApplicationForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="What your customers know your program as. You can change it later.",
        widget=forms.TextInput({"autofocus": True, "autocomplete": "off"}),
    )
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(),
        empty_label=None,
        help_text="Its members will see this application.",
    )
    # Pressed twice, the form creates one application.
    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)

    def __init__(self, *args: Any, teams: QuerySet[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team = self.fields["team"]
        team.queryset = teams  # type: ignore[attr-defined]
        if len(teams) < 2:
            # Nothing to choose: the verb finds the person's team, or makes one.
            team.required, team.widget = False, forms.HiddenInput()
        else:
            team.initial = teams[0]


class RenameForm(forms.Form):
    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "off"}))


class RotateApiKeyForm(forms.Form):
    overlap_days = forms.TypedChoiceField(
        label="The key of today keeps working for",
        coerce=int,
        choices=[
            (90, "90 days"),
            (30, "30 days"),
            (7, "7 days"),
            (1, "1 day"),
            (0, "No time at all: it stops answering now"),
        ],
        initial=30,
        widget=forms.RadioSelect,
        help_text="Long enough for your customers to install a version with the new key.",
    )
    # The key that the person saw: pressed twice, the form makes one new key.
    replaces = forms.UUIDField(widget=forms.HiddenInput)

    def overlap(self) -> dt.timedelta:
        return dt.timedelta(days=self.cleaned_data["overlap_days"])


class WordsForm(forms.Form):
    code = forms.ChoiceField(
        label="When programs are refused with",
        choices=[(code, code) for code in SAID_BY_APPLICATIONS],
    )
    language = forms.CharField(
        max_length=LANGUAGE_MAX,
        required=False,
        help_text="Such as de or pt-BR. Empty: for every language that has no words of its own.",
        widget=forms.TextInput({"placeholder": "Every other language", "autocomplete": "off"}),
    )
    text = forms.CharField(
        label="Your words",
        max_length=TEXT_MAX,
        required=False,
        help_text="Empty: ours again.",
        widget=forms.Textarea({"rows": 3}),
    )
