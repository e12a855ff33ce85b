"""What people fill in about webhooks."""

import datetime as dt

from django import forms

from accounts.ids import uuid7
from licensing import outgoing, webhook_events


class EndpointForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=outgoing.URL_MAX,
        help_text="An https:// address of your own server. Events are sent to it with POST.",
        widget=forms.URLInput({"autofocus": True, "autocomplete": "off"}),
    )
    description = forms.CharField(
        max_length=200, required=False, help_text="What it is for, such as Web shop."
    )
    events = forms.MultipleChoiceField(
        label="Events",
        initial=[webhook_events.EVERYTHING],
        widget=forms.SelectMultiple({"size": 12}),
        help_text="Everything, all of one kind (license.*), or some alone.",
        choices=[
            (name, "* everything" if name == webhook_events.EVERYTHING else name)
            for name in webhook_events.FILTERS
        ],
    )


class NewEndpointForm(EndpointForm):
    # Pressed twice, the form makes one endpoint.
    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)


class RotateSecretForm(forms.Form):
    overlap_hours = forms.TypedChoiceField(
        label="The secret of today signs as well for",
        coerce=int,
        choices=[(24 * 7, "7 days"), (24, "1 day"), (1, "1 hour"), (0, "No time at all")],
        initial=24,
        widget=forms.RadioSelect,
        help_text="Long enough for you to tell your server the new one.",
    )
    # Pressed twice, the form rotates once.
    replaces = forms.UUIDField(widget=forms.HiddenInput)

    def overlap(self) -> dt.timedelta:
        return dt.timedelta(hours=self.cleaned_data["overlap_hours"])


class ReplayForm(forms.Form):
    since = forms.DateTimeField(
        label="From (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label="Until (UTC)",
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
    )
