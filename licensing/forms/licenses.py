"""What people fill in about licenses: what is written on them, and which ones to show."""

import dataclasses
import datetime as dt
from typing import Any

from django import forms

from accounts.ids import uuid7
from licensing.fields import DurationField, LimitField, MetadataField, VersionField
from licensing.forms.days import end_of
from licensing.licenses import BATCH_MAX, LicenseTerms
from licensing.models import Application, License, Policy
from licensing.models.policy import BORROW_MAX_SECONDS, GRACE_MAX_SECONDS

_POLICYS_OWN = "As the policy says"


class FirstLicenseForm(forms.Form):
    batch_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)


class LicenseTermsForm(forms.Form):
    """What is written on a license beside its policy."""

    policy = forms.ModelChoiceField(queryset=Policy.objects.none(), empty_label=None)
    username = forms.CharField(
        max_length=150, required=False, help_text="Your program receives it when it starts."
    )
    email = forms.EmailField(label="Email", max_length=254, required=False)
    note = forms.CharField(
        max_length=5_000,
        required=False,
        help_text="For your team only.",
        widget=forms.Textarea({"rows": 2}),
    )
    metadata = MetadataField(
        help_text="A JSON object that your program receives with every answer, such as "
        "<code>{&quot;plan&quot;: &quot;pro&quot;}</code>."
    )
    devices_max = LimitField(label="Devices", empty=_POLICYS_OWN)
    releases_max = LimitField(label="Releases by programs", empty=_POLICYS_OWN, least=0)
    sessions_max = LimitField(label="Sessions at once", empty=_POLICYS_OWN)
    sessions_overdraft = LimitField(label="Overdraft", empty=_POLICYS_OWN, least=0)
    users_max = LimitField(label="Named users", empty=_POLICYS_OWN)
    hwid_matching = forms.ChoiceField(
        label="A device is known again by",
        choices=[("", _POLICYS_OWN), *Policy.HwidMatching.choices],
        required=False,
    )
    sessions_per = forms.ChoiceField(
        label="Sessions are counted for",
        choices=[("", _POLICYS_OWN), *Policy.SessionsPer.choices],
        required=False,
    )
    borrow_max_seconds = DurationField(
        label="Seats may be borrowed for",
        max_seconds=BORROW_MAX_SECONDS,
        forever="policy’s",
        nothing="no time",
    )
    grace_seconds = DurationField(
        label="Grace period",
        max_seconds=GRACE_MAX_SECONDS,
        forever="policy’s",
        nothing="none",
    )
    expiry_strategy = forms.ChoiceField(
        label="After its end and the grace",
        choices=[("", _POLICYS_OWN), *Policy.ExpiryStrategy.choices],
        required=False,
    )
    app_version_min = VersionField(label="From version", empty=_POLICYS_OWN)
    app_version_max = VersionField(label="Up to version", empty=_POLICYS_OWN)

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = application.policies.all()  # type: ignore[attr-defined]

    def terms(self) -> LicenseTerms:
        names = [field.name for field in dataclasses.fields(LicenseTerms)]
        return LicenseTerms(**{name: self.cleaned_data[name] for name in names})


class IssueForm(LicenseTermsForm):
    count = forms.IntegerField(
        label="How many",
        min_value=1,
        max_value=BATCH_MAX,
        initial=1,
        help_text=f"Up to {BATCH_MAX:,} at once.",
    )
    expires_on = forms.DateField(
        label="Fixed end",
        required=False,
        help_text="Instead of the policy's duration: valid to the end of this day, UTC.",
        widget=forms.DateInput({"type": "date"}),
    )
    # Pressed twice, the form issues once.
    batch_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    field_order = ("policy", "count", "username", "email")

    MORE = (
        "expires_on",
        "devices_max",
        "releases_max",
        "sessions_max",
        "sessions_overdraft",
        "users_max",
        "hwid_matching",
        "sessions_per",
        "borrow_max_seconds_0",
        "grace_seconds_0",
        "expiry_strategy",
        "app_version_min",
        "app_version_max",
        "metadata",
        "note",
    )

    def more_is_open(self) -> bool:
        """Tell whether something is filled in, or wrong, in the part of the form that is folded away."""
        return any(self.data.get(name) or name in self.errors for name in self.MORE)

    def expires_at(self) -> dt.datetime | None:
        return end_of(self.cleaned_data["expires_on"])


class LicenseForm(LicenseTermsForm):
    @classmethod
    def initial_of(cls, license: License) -> dict[str, Any]:
        return {name: getattr(license, name) for name in cls.base_fields}


class LicenseFilterForm(forms.Form):
    STATES = (
        ("", "All"),
        ("active", "Active"),
        ("expired", "Expired"),
        ("suspended", "Suspended"),
        ("revoked", "Revoked"),
    )
    q = forms.CharField(
        label="Search",
        max_length=200,
        required=False,
        widget=forms.TextInput(
            {"type": "search", "placeholder": "Name, email, whole key or its last five"}
        ),
    )
    status = forms.ChoiceField(choices=STATES, required=False, widget=forms.HiddenInput)

    def wanted(self) -> dict[str, str]:
        """Return what to look for; a part that makes no sense asks for nothing."""
        self.is_valid()
        return {
            "text": self.cleaned_data.get("q", ""),
            "state": self.cleaned_data.get("status", ""),
        }
