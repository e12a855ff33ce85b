"""What people bring from a device without network."""

from django import forms

from licensing.request_codes import LENGTH_MAX


class OfflineForm(forms.Form):
    """What a device without network shows, and the key of whoever it belongs to."""

    request_code = forms.CharField(
        max_length=LENGTH_MAX,
        help_text="As the program shows it; it begins with REQ1. Dashes, spaces and case do not count.",
        widget=forms.Textarea(
            {
                "rows": 4,
                "class": "code-area",
                "spellcheck": "false",
                "autocapitalize": "characters",
                # Filled in by static/js/from-fragment.js.
                "data-from-fragment": "",
            }
        ),
    )
    license_key = forms.CharField(
        max_length=256,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    user = forms.CharField(
        label="User name",
        max_length=150,
        required=False,
        help_text="Where the license is for named users.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
