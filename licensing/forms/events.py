"""What people look for in a team's log."""

from typing import Any

from django import forms

from accounts.models import Team
from licensing.event_log import Search
from licensing.models import Application


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
