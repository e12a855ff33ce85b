"""What people fill in about an access rule."""

from typing import Any

from django import forms

from licensing import hardware_ids
from licensing.errors import InvalidRequestError
from licensing.models import AccessRule
from licensing.models.access_rule import NOTE_MAX

# Eight parts with all that each may hold.
_VALUE_MAX = 3_000


class AccessRuleForm(forms.Form):
    """A new rule, of an application's block list or of a license's allow list: only the latter knows user names."""

    kind = forms.ChoiceField(
        label="What", widget=forms.RadioSelect, initial=AccessRule.Kind.NETWORK
    )
    value = forms.CharField(
        max_length=_VALUE_MAX,
        help_text="A hardware id as your program sends it, or its parts as a JSON object; an address or network such as "
        "203.0.113.0/24; a country's code such as DE.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    note = forms.CharField(max_length=NOTE_MAX, required=False, help_text="For your team only.")
    # Pressed twice, the form adds one rule.
    id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, of_a_license: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = AccessRule.Kind.choices
        self.fields["kind"].choices = kinds if of_a_license else kinds[:-1]  # type: ignore[attr-defined]
        if of_a_license:
            value = self.fields["value"]
            value.help_text = f"{value.help_text.removesuffix('.')}; a user name."

    def clean_value(self) -> Any:
        value = self.cleaned_data["value"]
        if self.cleaned_data.get("kind") != AccessRule.Kind.HWID:
            return value
        try:
            return hardware_ids.typed(value)
        except InvalidRequestError as refusal:
            raise forms.ValidationError(f"{refusal.message}.") from refusal
