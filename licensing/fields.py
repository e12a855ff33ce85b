"""Form fields of our own: a duration as number and unit, a limit that may be none, metadata as JSON."""

import json
from typing import Any

from django import forms

from licensing.errors import InvalidRequestError
from licensing.metadata import parse_metadata
from licensing.models.policy import SECONDS_PER_DAY
from licensing.versions import VERSION_MAX, version_key

FOREVER = "forever"
NOTHING = "nothing"
UNITS = {
    "years": 365 * SECONDS_PER_DAY,
    "months": 30 * SECONDS_PER_DAY,
    "days": SECONDS_PER_DAY,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}
# What the database keeps a limit in: PostgreSQL's integer.
LIMIT_MAX = 2**31 - 1


def number_and_unit(seconds: int) -> tuple[int, str]:
    """Return a duration (1 second or more) in the largest unit that tells it in whole numbers: 86,400 is 1 day.

    A month is 30 days, a year 365; one month alone stays 30 days, for that is what most people mean by either.
    """
    return next(
        (seconds // size, unit)
        for unit, size in UNITS.items()
        if seconds % size == 0 and (unit != "months" or seconds > size)
    )


class DurationInput(forms.MultiWidget):
    template_name = "licensing/widgets/duration.html"
    use_fieldset = True

    def __init__(self, choices: list[tuple[str, str]]) -> None:
        number = forms.NumberInput({"min": 1, "aria-label": "Number", "inputmode": "numeric"})
        super().__init__([number, forms.Select({"aria-label": "Unit"}, choices)])

    def decompress(self, value: int | None) -> list[Any]:
        if value:
            return list(number_and_unit(value))
        return [None, FOREVER if value is None else NOTHING]


class DurationField(forms.MultiValueField):
    """A time in seconds, typed as number and unit; None where `forever` is offered and chosen, 0 where `nothing` is."""

    def __init__(
        self,
        *,
        min_seconds: int = 1,
        max_seconds: int,
        forever: str = "",
        nothing: str = "",
        **options: Any,
    ) -> None:
        self.min_seconds, self.max_seconds = min_seconds, max_seconds
        self.empty = None if forever else 0
        choices = [(FOREVER, forever)] if forever else []
        choices += [(NOTHING, nothing)] if nothing else []
        choices += [(unit, unit) for unit in UNITS if UNITS[unit] <= max_seconds]
        fields = (
            forms.IntegerField(min_value=1, max_value=DURATION_NUMBER_MAX, required=False),
            forms.ChoiceField(choices=choices),
        )
        super().__init__(
            fields,
            widget=DurationInput(choices),
            require_all_fields=False,
            required=not (forever or nothing),
            **options,
        )

    def compress(self, data_list: list[Any]) -> int | None:
        if not data_list and not self.required:
            return self.empty
        number, unit = data_list or (None, "")
        if unit in (FOREVER, NOTHING):
            return None if unit == FOREVER else 0
        if not number:
            raise forms.ValidationError("Enter a number.")
        seconds = int(number * UNITS[unit])
        if not self.min_seconds <= seconds <= self.max_seconds:
            raise forms.ValidationError(
                f"Choose something between {_words(self.min_seconds)} and {_words(self.max_seconds)}."
            )
        return seconds


# Far more than any bound in any unit, and still a number that can be calculated with.
DURATION_NUMBER_MAX = 10**12


class LimitField(forms.IntegerField):
    """A count, of at least 1 unless told otherwise; empty for none."""

    def __init__(self, *, empty: str, least: int = 1, **options: Any) -> None:
        widget = forms.NumberInput({"placeholder": empty, "inputmode": "numeric"})
        super().__init__(
            min_value=least, max_value=LIMIT_MAX, required=False, widget=widget, **options
        )


class VersionField(forms.CharField):
    """A version of a program; empty for none."""

    def __init__(self, *, empty: str, **options: Any) -> None:
        widget = forms.TextInput({"placeholder": empty, "autocomplete": "off"})
        super().__init__(max_length=VERSION_MAX, required=False, widget=widget, **options)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not version_key(text):
            raise forms.ValidationError("Enter a version, such as 2.4.1.")
        return text


class MetadataField(forms.CharField):
    """A JSON object, `{}` when nothing is typed."""

    def __init__(self, **options: Any) -> None:
        # What a person sees in a text area is code: no red line under every word.
        attributes = {"rows": 5, "spellcheck": "false", "class": "code-area"}
        super().__init__(required=False, widget=forms.Textarea(attributes), **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
        return value

    def clean(self, value: Any) -> Any:
        try:
            return parse_metadata(super().clean(value))
        except InvalidRequestError as error:
            raise forms.ValidationError(f"{error.message}.") from error


def _words(seconds: int) -> str:
    number, unit = number_and_unit(seconds)
    return f"{number} {unit if number > 1 else unit[:-1]}"
