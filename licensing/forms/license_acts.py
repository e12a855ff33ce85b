"""What people fill in where they do something with one license: a new end, a reason, another policy."""

import datetime as dt
from typing import Any

from django import forms

from licensing.forms.days import end_of
from licensing.models import Application, License, Policy


class EndForm(forms.Form):
    """When a license ends: a moment that the page offered, a day of one's own, or never."""

    NEVER, ON_A_DAY = "never", "day"
    # A browser would wait for a day that the page does not even show.
    use_required_attribute = False

    end = forms.CharField(widget=forms.RadioSelect, label="It ends")
    day = forms.DateField(
        label="Last day",
        help_text="To the end of this day, UTC.",
        widget=forms.DateInput({"type": "date"}),
    )

    def __init__(self, *args: Any, license: License, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["end"].widget
        assert isinstance(widget, forms.RadioSelect)
        widget.choices = [
            *_later_ends(max(license.expires_at or now, now)),
            (self.ON_A_DAY, "On a day of your choice"),
            (self.NEVER, "Never"),
        ]
        if self.is_bound and self.data.get("end") != self.ON_A_DAY:
            self.fields["day"].required = False

    def clean_end(self) -> str | dt.datetime:
        end: str = self.cleaned_data["end"]
        if end in (self.NEVER, self.ON_A_DAY):
            return end
        try:
            return dt.datetime.fromisoformat(end).astimezone(dt.UTC)
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError("Choose one of these.") from error

    def expires_at(self) -> dt.datetime | None:
        end = self.cleaned_data["end"]
        if end == self.NEVER:
            return None
        if isinstance(end, dt.datetime):
            return end
        return end_of(self.cleaned_data["day"])


class RevokeForm(forms.Form):
    reason = forms.CharField(max_length=500, required=False, help_text="For your team only.")


class RenewForm(forms.Form):
    # The end that the person saw: pressed twice, the form renews once.
    seen_end = forms.DateTimeField(widget=forms.HiddenInput)


class TransferForm(forms.Form):
    username = forms.CharField(
        max_length=150, required=False, help_text="Your program receives it when it starts."
    )
    email = forms.EmailField(label="Email", max_length=254, required=False)


class ConvertForm(forms.Form):
    policy = forms.ModelChoiceField(
        queryset=Policy.objects.none(), empty_label=None, label="What the customer paid for"
    )

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = application.policies.filter(is_trial=False)  # type: ignore[attr-defined]


class ConvertByNameForm(forms.Form):
    """For licenses of several applications at once."""

    policy = forms.CharField(
        label="Name of the policy", max_length=100, help_text="Of the license's own application."
    )


def _later_ends(start: dt.datetime) -> list[tuple[str, str]]:
    # Whole moments and not lengths: a form that is sent twice extends once.
    ends = [
        (label, start + dt.timedelta(days=days)) for label, days in _LENGTHS if start.year < 9999
    ]
    return [(end.isoformat(), f"{label} later, on {end:%-d %B %Y}") for label, end in ends]


_LENGTHS = (("7 days", 7), ("30 days", 30), ("90 days", 90), ("1 year", 365))
