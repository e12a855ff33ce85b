"""What people fill in on the dashboard: the shape of their input and no rule beyond it."""

import dataclasses
import datetime as dt
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.ids import uuid7
from accounts.models import Team
from licensing.event_log import Search
from licensing.fields import LIMIT_MAX, DurationField, LimitField, MetadataField, VersionField
from licensing.licenses import BATCH_MAX, LicenseTerms
from licensing.models import Application, License, Policy
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
from licensing.own_words import LANGUAGE_MAX, SAID_BY_APPLICATIONS, TEXT_MAX
from licensing.policies import Rules
from licensing.request_codes import LENGTH_MAX

_POLICYS_OWN = "As the policy says"


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


class OfflineForm(forms.Form):
    """What a device without network shows, and the key of whoever it belongs to."""

    request_code = forms.CharField(
        max_length=LENGTH_MAX,
        help_text="As the program shows it; it begins with REQ1. Dashes, spaces and case do not count.",
        widget=forms.Textarea(
            {"rows": 4, "class": "code-area", "spellcheck": "false", "autocapitalize": "characters"}
        ),
    )
    license_key = forms.CharField(
        max_length=256,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


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


class EventFilterForm(forms.Form):
    """What to look for in a team's log."""

    kind = forms.ChoiceField(
        label="About",
        required=False,
        choices=(
            ("", "Everything"),
            ("people", "Team and people"),
            ("applications", "Applications and policies"),
            ("keys", "API keys, tokens and signing keys"),
            ("licenses", "Licenses"),
            ("devices", "Devices and sessions"),
        ),
    )
    application = forms.ModelChoiceField(
        queryset=Application.objects.none(), required=False, empty_label="All"
    )
    actor = forms.ChoiceField(label="By", required=False)
    first_day = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"})
    )
    last_day = forms.DateField(label="To", required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["application"].queryset = team.applications.all()  # type: ignore[attr-defined]
        self.fields["actor"].choices = [  # type: ignore[attr-defined]
            ("", "Anybody"),
            *((str(user.pk), user.email) for user in team.members.order_by("email")),
            ("token", "Management tokens"),
            ("program", "Programs"),
            ("system", "Lockence"),
        ]

    def search(self) -> Search:
        """Return what to look for; a part that makes no sense asks for nothing."""
        self.is_valid()
        wanted = {name: value for name, value in self.cleaned_data.items() if value}
        application = wanted.pop("application", None)
        return Search(application_id=application.pk if application else None, **wanted)


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


class RevokeForm(forms.Form):
    reason = forms.CharField(max_length=500, required=False, help_text="For your team only.")


class RenewForm(forms.Form):
    # The end that the person saw: pressed twice, the form renews once.
    seen_end = forms.DateTimeField(widget=forms.HiddenInput)


class ConvertForm(forms.Form):
    policy = forms.ModelChoiceField(
        queryset=Policy.objects.none(), empty_label=None, label="What the customer paid for"
    )

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = application.policies.filter(is_trial=False)  # type: ignore[attr-defined]


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
        help_text="How long a program may keep its seat without a heartbeat, if it asks for it.",
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


def end_of(day: dt.date | None) -> dt.datetime | None:
    """Return the last second of a day in UTC, so that lists show the day that was chosen."""
    return dt.datetime.combine(day, dt.time(23, 59, 59), dt.UTC) if day else None


def _later_ends(start: dt.datetime) -> list[tuple[str, str]]:
    # Whole moments and not lengths: a form that is sent twice extends once.
    ends = [
        (label, start + dt.timedelta(days=days)) for label, days in _LENGTHS if start.year < 9999
    ]
    return [(end.isoformat(), f"{label} later, on {end:%-d %B %Y}") for label, end in ends]


_LENGTHS = (("7 days", 7), ("30 days", 30), ("90 days", 90), ("1 year", 365))
