"""What people fill in about their teams."""

from typing import Any

from django import forms

from accounts.access import Role

ROLES = (
    (Role.OWNER, "Owner: everything, the team itself included"),
    (Role.ADMIN, "Admin: everything but the team's people"),
    (Role.SUPPORT, "Support: licenses, but neither API keys nor settings"),
    (Role.VIEWER, "Viewer: may look, not touch"),
)


class TeamForm(forms.Form):
    name = forms.CharField(max_length=150, widget=forms.TextInput({"autocomplete": "off"}))


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(choices=ROLES, coerce=Role, widget=forms.RadioSelect)


class InviteForm(RoleForm):
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        help_text="With an account or without: the mail says how to join.",
        widget=forms.EmailInput({"autocomplete": "off"}),
    )
    field_order = ("email", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = Role.SUPPORT
