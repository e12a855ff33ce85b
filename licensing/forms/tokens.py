"""What people choose when they make a management token."""

import datetime as dt

from django import forms

from accounts.access import Right
from accounts.ids import uuid7
from licensing.models import Application
from licensing.scopes import Scope

_ACCESS = {"read": "read", "write": "read and change"}


def scope_label(scope: Scope) -> str:
    """Return a scope as people read it: "Signing keys: read and change"."""
    access = _ACCESS["write" if scope.is_write else "read"]
    resource = scope.resource.replace("_", " ").capitalize().replace("Api", "API")
    return f"{resource}: {access}"


class TokenForm(forms.Form):
    APPLICATION, TEAM = "application", "team"

    name = forms.CharField(
        max_length=100,
        help_text="What it is for, such as Web shop.",
        widget=forms.TextInput({"autofocus": True, "autocomplete": "off"}),
    )
    reach = forms.ChoiceField(label="It opens", widget=forms.RadioSelect, initial=APPLICATION)
    scopes = forms.TypedMultipleChoiceField(
        label="It may",
        coerce=Scope,
        widget=forms.CheckboxSelectMultiple,
        help_text="As little as the script needs.",
    )
    expires_in_days = forms.TypedChoiceField(
        label="It expires",
        coerce=int,
        choices=[(30, "in 30 days"), (90, "in 90 days"), (365, "in a year"), (0, "never")],
        initial=90,
        widget=forms.RadioSelect,
    )
    # Pressed twice, the form makes one token.
    id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)

    def __init__(
        self, *args: object, application: Application, rights: frozenset[Right], **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.ChoiceField)
        scopes.choices = [
            (scope.value, scope_label(scope))
            for scope in Scope
            if Right.MANAGE_TEAM in rights or not scope.is_about_people
        ]
        reach = self.fields["reach"]
        assert isinstance(reach, forms.ChoiceField)
        reach.choices = [
            (self.APPLICATION, f"{application} alone"),
            (self.TEAM, f"All applications of {application.team}, those to come included"),
        ]

    def is_for_the_team(self) -> bool:
        return bool(self.cleaned_data["reach"] == self.TEAM)

    def expires_at(self, now: dt.datetime) -> dt.datetime | None:
        days: int = self.cleaned_data["expires_in_days"]
        return now + dt.timedelta(days=days) if days else None
