"""What people fill in about a variable."""

from typing import Any

from django import forms

from licensing.models import Application, Entitlement, Variable
from licensing.models.variable import VALUE_MAX_BYTES


class VariableForm(forms.Form):
    """A new variable, or a change of one: then the name stands, and an empty value leaves the one that there is."""

    name = forms.CharField(
        max_length=64,
        help_text="What your program asks by, such as <code>MODEL_URL</code>.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    value = forms.CharField(
        max_length=VALUE_MAX_BYTES,
        strip=False,
        help_text="Up to 8 KiB. It is encrypted, and shown again only to those who may see keys.",
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "class": "code-area"}),
    )
    entitlement = forms.ModelChoiceField(
        label="Only with",
        queryset=Entitlement.objects.none(),
        required=False,
        empty_label="Every live session",
        help_text="Only programs whose license has this entitlement are told.",
    )
    # Pressed twice, the form writes one variable.
    id = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        application: Application,
        variable: Variable | None = None,
        **kwargs: Any,
    ) -> None:
        if variable is not None:
            kwargs["initial"] = {"entitlement": variable.entitlement_id}
        super().__init__(*args, **kwargs)
        self.fields["entitlement"].queryset = application.entitlements.all()  # type: ignore[attr-defined]
        if variable is not None:
            del self.fields["name"], self.fields["id"]
            value = self.fields["value"]
            value.label, value.required = "New value", False
            value.help_text = "Empty: the value stays as it is."

    def clean_value(self) -> str:
        # Browsers send a line break of a text area as two characters.
        value: str = self.cleaned_data["value"]
        return value.replace("\r\n", "\n")
