"""What people fill in about a policy: its rules."""

import dataclasses
import datetime as dt
from typing import Any

from django import forms

from licensing.fields import LIMIT_MAX, DurationField, LimitField, VersionField
from licensing.forms.days import end_of
from licensing.models import Policy
from licensing.models.policy import (
    BORROW_MAX_SECONDS,
    DURATION_MAX_SECONDS,
    GRACE_MAX_SECONDS,
    HEARTBEAT_INTERVAL_MIN_SECONDS,
    LICENSE_FILE_MAX_SECONDS,
    LICENSE_FILE_MIN_SECONDS,
    RELEASES_PERIOD_MAX_SECONDS,
    SESSION_LIFETIME_MAX_SECONDS,
    SESSION_LIFETIME_MIN_SECONDS,
)
from licensing.policies import Rules


class PolicyForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Your programs receive it, such as Pro.")
    duration_seconds = DurationField(
        label="A license is valid for",
        max_seconds=DURATION_MAX_SECONDS,
        forever="for ever",
        help_text="A month counts as 30 days, a year as 365.",
    )
    ends_on = forms.DateField(
        label="Or to the end of a day, UTC",
        required=False,
        help_text="All licenses of this policy end then, whenever they are issued. Choose “for ever” above.",
        widget=forms.DateInput({"type": "date"}),
    )
    clock_start = forms.ChoiceField(
        label="The time starts",
        choices=Policy.ClockStart.choices,
        initial=Policy.ClockStart.CREATION,
        widget=forms.RadioSelect,
    )
    renewal = forms.ChoiceField(
        label="A renewal counts",
        choices=Policy.Renewal.choices,
        initial=Policy.Renewal.FROM_NOW_IF_EXPIRED,
        widget=forms.RadioSelect,
    )
    is_trial = forms.BooleanField(
        label="Its licenses are trials",
        required=False,
        help_text="Each device may try your program once, with whichever license. A trial can become a paid license with the same key.",
    )
    suspension_freezes_time = forms.BooleanField(
        label="A suspension freezes the time",
        required=False,
        help_text="Whoever is restored gets back the time that they were suspended.",
    )
    grace_seconds = DurationField(
        label="Grace period",
        max_seconds=GRACE_MAX_SECONDS,
        nothing="none",
        initial=0,
        help_text="How long a license still works after its end. Its programs are told, and nobody is refused.",
    )
    expiry_strategy = forms.ChoiceField(
        label="After its end and the grace",
        choices=Policy.ExpiryStrategy.choices,
        initial=Policy.ExpiryStrategy.REFUSE,
        widget=forms.RadioSelect,
    )
    app_version_min = VersionField(
        label="From version", empty="Any", help_text="Older versions of your program are refused."
    )
    app_version_max = VersionField(
        label="Up to version",
        empty="Any",
        help_text="With all that begins like it: 2 lets in 2.9.1, and refuses 3.0.",
    )
    download_url = forms.URLField(
        label="Download link",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="Programs of a version that is refused receive it with the refusal.",
    )
    devices_max = LimitField(
        label="Devices", empty="No limit", help_text="On how many machines one license works."
    )
    hwid_matching = forms.ChoiceField(
        label="A device is known again by",
        choices=Policy.HwidMatching.choices,
        initial=Policy.HwidMatching.MOST,
        widget=forms.RadioSelect,
        help_text="Where your program sends a hardware id in parts, such as board, disk and network card.",
    )
    releases_max = LimitField(
        label="Releases by programs",
        empty="No limit",
        least=0,
        help_text="How often customers may release a device of theirs themselves, in the time beside it.",
    )
    releases_period_seconds = DurationField(label="In", max_seconds=RELEASES_PERIOD_MAX_SECONDS)
    releases_pause_seconds = DurationField(
        label="Time between two releases",
        max_seconds=RELEASES_PERIOD_MAX_SECONDS,
        forever="none",
    )
    sessions_max = LimitField(
        label="Sessions at once",
        empty="No limit",
        help_text="How many copies may run at the same time.",
    )
    users_max = LimitField(
        label="Named users",
        empty="No limit",
        help_text="How many people may use one license, by the user names that your program sends.",
    )
    sessions_per = forms.ChoiceField(
        label="Sessions are counted for",
        choices=Policy.SessionsPer.choices,
        initial=Policy.SessionsPer.LICENSE,
        widget=forms.RadioSelect,
    )
    sessions_overdraft = forms.IntegerField(
        label="Overdraft",
        min_value=0,
        max_value=LIMIT_MAX,
        help_text="So many more are let in, and flagged for you and for your program.",
    )
    borrow_max_seconds = DurationField(
        label="Seats may be borrowed for",
        max_seconds=BORROW_MAX_SECONDS,
        forever="not at all",
        help_text="How long a program may keep its seat without a heartbeat, if it asks for it. Where it is to run without a "
        "network for so long, let its device do so as long, below.",
    )
    sessions_overflow = forms.ChoiceField(
        label="When one more starts than may run",
        choices=Policy.SessionsOverflow.choices,
        initial=Policy.SessionsOverflow.REFUSE,
        widget=forms.RadioSelect,
    )
    session_lifetime_seconds = DurationField(
        label="A session ends without a heartbeat for",
        min_seconds=SESSION_LIFETIME_MIN_SECONDS,
        max_seconds=SESSION_LIFETIME_MAX_SECONDS,
    )
    heartbeat_interval_seconds = DurationField(
        label="Programs send a heartbeat every",
        min_seconds=HEARTBEAT_INTERVAL_MIN_SECONDS,
        max_seconds=SESSION_LIFETIME_MAX_SECONDS,
        help_text="Shorter than the time above, so that one lost heartbeat ends nothing.",
    )
    license_file_seconds = DurationField(
        label="A device may run without asking for",
        min_seconds=LICENSE_FILE_MIN_SECONDS,
        max_seconds=LICENSE_FILE_MAX_SECONDS,
        forever="no time: no license files",
        help_text="From 1 hour to 90 days. A revocation or suspension takes effect offline when the file ends, so this is also "
        "how long a revoked license can run on.",
    )
    # Pressed twice, the form adds one policy.
    id = forms.UUIDField(widget=forms.HiddenInput, required=False)

    NAMES = tuple(field.name for field in dataclasses.fields(Rules))

    def rules(self) -> Rules:
        given = self.cleaned_data
        return Rules(
            ends_at=self._ends_at(given["ends_on"]),
            **{name: given[name] for name in self.NAMES if name != "ends_at"},
        )

    @classmethod
    def initial_of(cls, rules: Rules | Policy) -> dict[str, Any]:
        initial = {name: getattr(rules, name) for name in cls.NAMES}
        return initial | {"ends_on": rules.ends_at.date() if rules.ends_at else None}

    def _ends_at(self, day: dt.date | None) -> dt.datetime | None:
        # A day that nobody touched keeps the hour that a script may have set.
        untouched = day is not None and day == self.initial.get("ends_on")
        return self.initial["ends_at"] if untouched else end_of(day)
