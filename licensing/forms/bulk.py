"""What people fill in to have something done to many licenses at once."""

import datetime as dt
from typing import Any

from django import forms

from licensing.bulk_files import CSV, FILE_MAX_BYTES, JSON_LINES, ROWS_MAX
from licensing.forms.days import end_of
from licensing.forms.licenses import IssueForm, LicenseFilterForm
from licensing.models import Application, BulkJob, Policy

_ACTS = [(act, act.label) for act in BulkJob.Act if act is not BulkJob.Act.ISSUE]


class BulkIssueForm(IssueForm):
    count = forms.IntegerField(
        label="How many",
        min_value=1,
        max_value=ROWS_MAX,
        initial=1_000,
        help_text=f"Up to {ROWS_MAX:,} in one job.",
    )
    # A dry run may be asked for twice.
    batch_id = None  # type: ignore[assignment]


class _EndForm(forms.Form):
    expires_on = forms.DateField(
        label="New end",
        required=False,
        help_text="Valid to the end of this day, UTC. Empty: never ends.",
        widget=forms.DateInput({"type": "date"}),
    )

    def expires_at(self) -> dt.datetime | None:
        return end_of(self.cleaned_data["expires_on"])


class BulkActForm(_EndForm):
    """What to do, and which licenses it is done to."""

    act = forms.ChoiceField(label="Do", choices=_ACTS, initial=BulkJob.Act.SUSPEND)
    status = forms.ChoiceField(
        label="With licenses that are", choices=LicenseFilterForm.STATES, required=False
    )
    policy = forms.ModelChoiceField(
        label="Of the policy", queryset=Policy.objects.none(), empty_label="Any", required=False
    )
    field_order = ("act", "expires_on", "status", "policy")

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = application.policies.all()  # type: ignore[attr-defined]


class BulkFileForm(_EndForm):
    """A file of licenses, or of customers who are to get one."""

    act = forms.ChoiceField(label="Do", choices=BulkJob.Act.choices, initial=BulkJob.Act.ISSUE)
    file = forms.FileField(
        label="File",
        help_text=f"CSV with a line of headings, or JSON lines; up to {ROWS_MAX:,} licenses. The column <code>id</code> names licenses, "
        "as in exported files. To issue, each row may have <code>username</code>, <code>email</code>, <code>policy</code>, "
        "<code>expires_at</code>, <code>count</code> and whatever else can be written on a license.",
        widget=forms.FileInput({"accept": ".csv,.jsonl,.ndjson,text/csv,application/jsonl"}),
    )
    policy = forms.ModelChoiceField(
        label="Policy of rows that name none", queryset=Policy.objects.none(), empty_label=None
    )
    field_order = ("act", "file", "policy", "expires_on")

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = application.policies.all()  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > FILE_MAX_BYTES:
            raise forms.ValidationError(f"At most {FILE_MAX_BYTES // 1024**2} MiB.")
        return file

    def sent(self) -> bytes:
        return bytes(self.cleaned_data["file"].read())

    def media_type(self) -> str:
        return CSV if self.cleaned_data["file"].name.lower().endswith(".csv") else JSON_LINES
