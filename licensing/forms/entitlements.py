"""What people fill in about entitlements: a name and kind, how much of it there is, and how much was used."""

import datetime as dt
from typing import Any

from django import forms

from licensing.entitlements import Value
from licensing.forms.days import end_of
from licensing.models import Entitlement
from licensing.models.entitlement import NUMBER_MAX, TEXT_MAX

_Kind = Entitlement.Kind


class EntitlementForm(forms.Form):
    name = forms.CharField(
        max_length=64,
        help_text="What your program asks by, such as <code>export</code>: small letters, digits, <code>_</code>, <code>.</code> and "
        "<code>-</code>. It stands for good.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(choices=_Kind.choices, initial=_Kind.BOOLEAN, widget=forms.RadioSelect)
    period = forms.ChoiceField(
        label="A metered one starts anew",
        choices=Entitlement.Period.choices,
        initial=Entitlement.Period.NEVER,
        help_text="By the calendar, in UTC.",
    )
    description = forms.CharField(
        max_length=200, required=False, help_text="For your team only. You can change it later."
    )
    # Pressed twice, the form names one entitlement.
    id = forms.UUIDField(widget=forms.HiddenInput, required=False)


class DescriptionForm(forms.Form):
    description = forms.CharField(max_length=200, required=False, help_text="For your team only.")


class GrantForm(forms.Form):
    """How much of one entitlement a policy or license has; the field is that of the entitlement's kind."""

    expires_on = forms.DateField(
        label="Until",
        required=False,
        help_text="To the end of this day, UTC. After it, it is as if this had never been said.",
        widget=forms.DateInput({"type": "date"}),
    )
    field_order = ("value", "expires_on")

    def __init__(self, *args: Any, entitlement: Entitlement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value"] = _value_field(entitlement)
        self.order_fields(self.field_order)

    def word(self) -> dict[str, Any]:
        return {"value": self.cleaned_data["value"], "expires_at": self._expires_at()}

    def _expires_at(self) -> dt.datetime | None:
        return end_of(self.cleaned_data["expires_on"])

    @classmethod
    def initial_of(cls, word: Any) -> dict[str, Any]:
        """Return what is said today; a form that says nothing else changes nothing."""
        if word is None:
            return {}
        expires_on = word.expires_at and word.expires_at.astimezone(dt.UTC).date()
        return {"value": word.value, "expires_on": expires_on}


class UsageForm(forms.Form):
    used = forms.IntegerField(
        label="Used in this period",
        min_value=0,
        max_value=NUMBER_MAX,
        help_text="It is written into the history of the license.",
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )


def _value_field(entitlement: Entitlement) -> forms.Field:
    if entitlement.kind == _Kind.BOOLEAN:
        return forms.TypedChoiceField(
            label="Allowed",
            choices=((True, "Yes"), (False, "No")),
            coerce=_is_true,
            widget=forms.RadioSelect,
        )
    if entitlement.kind == _Kind.TEXT:
        return forms.CharField(label="Text", max_length=TEXT_MAX)
    numeric = forms.NumberInput({"inputmode": "numeric"})
    if entitlement.kind == _Kind.INTEGER:
        return forms.IntegerField(
            label="Number", min_value=-NUMBER_MAX, max_value=NUMBER_MAX, widget=numeric
        )
    return forms.IntegerField(
        label="Limit",
        min_value=0,
        max_value=NUMBER_MAX,
        required=False,
        help_text="How much may be used in a period. Empty: no limit, it is only counted.",
        widget=numeric,
    )


def _is_true(value: Value) -> bool:
    return value in (True, "True")
