"""Teams: who is in them, who is invited, who may do what."""

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import teams
from accounts.access import (
    Right,
    invitation_for,
    invitation_to,
    member_for,
    membership_for,
    team_for,
)
from accounts.models import Event, Membership, Team
from accounts.pages import (
    Question,
    act,
    actor_of,
    reads_or_acts,
    refusals_shown_in,
    show_privately,
    user_of,
)
from accounts.team_forms import InviteForm, RoleForm, TeamForm

# What fits a page: a team is people who know each other.
_MEMBERS_SHOWN = 200
_EVENTS_SHOWN = 10


@require_safe
def teams_list(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    memberships = user.memberships.select_related("team").order_by("team__name", "team_id")
    return show_privately(
        request,
        "accounts/teams.html",
        section="teams",
        memberships=memberships[:_MEMBERS_SHOWN],
        invitations=user.invitations().open(timezone.now()),
    )


@require_safe
def team(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    own = membership_for(request.user, team_id)
    team = own.team
    members = team.memberships.select_related("user").order_by("user__email")
    return show_privately(
        request,
        "accounts/team.html",
        section="teams",
        crumbs=[("Teams", reverse("teams")), (team.name, "")],
        team=team,
        own=own,
        may_manage=own.allows(Right.MANAGE_TEAM),
        members=members[:_MEMBERS_SHOWN],
        invitations=team.invitations.all()[:_MEMBERS_SHOWN],
        events=_events_of(team),
    )


@reads_or_acts
def team_rename(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    team = team_for(request.user, team_id, Right.MANAGE_TEAM)
    form = TeamForm(request.POST or None, initial={"name": team.name})
    if form.is_valid():
        with refusals_shown_in(form):
            teams.rename_team(team=team, name=form.cleaned_data["name"], actor=actor_of(request))
            messages.success(request, "The name is saved.")
            return redirect(_url(team))
    return _form_page(request, team, form, heading="Rename team", button="Save")


@reads_or_acts
def team_invite(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    team = team_for(request.user, team_id, Right.MANAGE_TEAM)
    form = InviteForm(request.POST or None)
    if form.is_valid():
        with refusals_shown_in(form):
            invitation = teams.invite_member(
                team=team,
                email=form.cleaned_data["email"],
                role=form.cleaned_data["role"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            messages.success(request, f"{invitation.email} is invited: a mail is on its way.")
            return redirect(_url(team))
    return _form_page(request, team, form, heading="Invite somebody", button="Send invitation")


@reads_or_acts
def member_role(request: HttpRequest, team_id: uuid.UUID, member_id: uuid.UUID) -> HttpResponse:
    team_for(request.user, team_id, Right.MANAGE_TEAM)
    member = member_for(request.user, team_id, member_id)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if form.is_valid():
        with refusals_shown_in(form):
            role = form.cleaned_data["role"]
            teams.change_role(membership=member, role=role, actor=actor_of(request))
            messages.success(request, f"{member.user} is {role.label.lower()}.")
            return redirect(_url(member.team))
    return _form_page(
        request, member.team, form, heading=f"Role of {member.user}", button="Change role"
    )


@reads_or_acts
def member_remove(request: HttpRequest, team_id: uuid.UUID, member_id: uuid.UUID) -> HttpResponse:
    own = membership_for(request.user, team_id)
    member = member_for(request.user, team_id, member_id)
    if request.method == "POST":
        return act(
            request,
            lambda: teams.remove_member(membership=member, actor=actor_of(request)),
            done=f"You left {own.team}." if member == own else f"{member.user} is not a member.",
            back=reverse("teams") if member == own else _url(own.team),
        )
    question = _leaving(own.team) if member == own else _removing(member)
    return _question_page(
        request, own.team, question, "accounts/member_remove.html", member=member, own=own
    )


@reads_or_acts
def invitation_withdraw(
    request: HttpRequest, team_id: uuid.UUID, invitation_id: uuid.UUID
) -> HttpResponse:
    invitation = invitation_for(request.user, team_id, invitation_id)
    if request.method == "POST":
        return act(
            request,
            lambda: teams.withdraw_invitation(invitation=invitation, actor=actor_of(request)),
            done=f"The invitation to {invitation.email} is withdrawn.",
            back=_url(invitation.team),
        )
    question = Question(
        heading="Withdraw invitation",
        explanation=f"The link that {invitation.email} got by mail will lead nowhere.",
        button="Withdraw",
        cancel_url=_url(invitation.team),
    )
    return _question_page(request, invitation.team, question)


@require_safe
def invitation(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    try:
        invitation = invitation_to(request.user, invitation_id)
    except Http404:
        return _not_yours(request)
    return show_privately(request, "accounts/invitation.html", invitation=invitation)


@require_POST
def invitation_accept(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    try:
        invitation = invitation_to(request.user, invitation_id)
    except Http404:
        return _not_yours(request)
    return act(
        request,
        lambda: teams.accept_invitation(
            invitation=invitation,
            user=user_of(request),
            actor=actor_of(request),
            now=timezone.now(),
        ),
        done=f"Welcome to {invitation.team}.",
        back=reverse("teams"),
    )


@require_POST
def invitation_decline(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = invitation_to(request.user, invitation_id)
    return act(
        request,
        lambda: teams.decline_invitation(invitation=invitation, actor=actor_of(request)),
        done=f"You declined to join {invitation.team}.",
        back=reverse("dashboard"),
    )


def _leaving(team: Team) -> Question:
    return Question(
        heading="Leave team",
        explanation=f"You lose sight of everything that {team} owns, from the next page on. To come back you need a new "
        "invitation.",
        button="Leave",
        cancel_url=_url(team),
    )


def _removing(member: Membership) -> Question:
    return Question(
        heading="Remove member",
        explanation=f"{member.user} loses sight of everything that {member.team} owns, from the next page on. What they did "
        "stays in the events.",
        button="Remove member",
        cancel_url=_url(member.team),
    )


def _not_yours(request: HttpRequest) -> HttpResponse:
    """Say the same of an invitation that was answered, of another's, and of one that never was."""
    response = show_privately(request, "accounts/invitation_gone.html")
    response.status_code = 404
    return response


def _form_page(
    request: HttpRequest, team: Team, form: forms.Form, *, heading: str, button: str
) -> HttpResponse:
    return show_privately(
        request,
        "accounts/team_form.html",
        section="teams",
        crumbs=[("Teams", reverse("teams")), (team.name, _url(team)), (heading, "")],
        team=team,
        form=form,
        heading=heading,
        button=button,
    )


def _question_page(
    request: HttpRequest,
    team: Team,
    question: Question,
    template: str = "accounts/confirm.html",
    **context: object,
) -> HttpResponse:
    return show_privately(
        request,
        template,
        section="teams",
        crumbs=[("Teams", reverse("teams")), (team.name, _url(team)), (question.heading, "")],
        question=question,
        **context,
    )


def _events_of(team: Team) -> list[Event]:
    """What happened to the team itself; its applications have pages of their own."""
    events = Event.objects.filter(team_id=team.pk, application_id=None)
    return list(events.with_persons()[:_EVENTS_SHOWN])


def _url(team: Team) -> str:
    return reverse("team", args=[team.pk])
