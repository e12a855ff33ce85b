"""The pages about teams."""

from django.urls import URLPattern, URLResolver, include, path

from accounts import team_views as views

_team = [
    path("", views.team, name="team"),
    path("rename/", views.team_rename, name="team-rename"),
    path("invite/", views.team_invite, name="team-invite"),
    path("members/<uuid:member_id>/role/", views.member_role, name="member-role"),
    path("members/<uuid:member_id>/remove/", views.member_remove, name="member-remove"),
    path(
        "invitations/<uuid:invitation_id>/withdraw/",
        views.invitation_withdraw,
        name="invitation-withdraw",
    ),
]
_invitation = [
    path("", views.invitation, name="invitation"),
    path("accept/", views.invitation_accept, name="invitation-accept"),
    path("decline/", views.invitation_decline, name="invitation-decline"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("teams/", views.teams_list, name="teams"),
    path("teams/<uuid:team_id>/", include(_team)),
    path("invitations/<uuid:invitation_id>/", include(_invitation)),
]
