"""The team itself and its people, for tokens of the whole team. What makes owners is left to people."""

import uuid

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import teams
from accounts.access import Role
from accounts.models import Invitation as InvitationRow
from accounts.models import Membership
from api.management.inputs import Input, ListInput, Text
from api.management.outputs import Output
from api.management.views import ManagementView
from licensing.access import row_of_team, team_of_token
from licensing.scopes import Scope


class TeamInput(Input):
    name = Text(max_length=150)


class TeamOutput(Output):
    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class RoleInput(Input):
    role = serializers.ChoiceField(Role.values)


class InvitationInput(RoleInput):
    email = serializers.EmailField(max_length=254)


class MemberOutput(Output):
    id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(Role.values)
    created_at = serializers.DateTimeField()


class InvitationOutput(Output):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(Role.values)
    sent_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class Team(ManagementView):
    scopes = {"GET": Scope.TEAM_READ, "PATCH": Scope.TEAM_WRITE}

    def get(self, request: Request) -> Response:
        return self.one(team_of_token(self.token), TeamOutput)

    def patch(self, request: Request) -> Response:
        team = self.held(team_of_token(self.token), TeamOutput)
        changes = self.body(TeamInput, partial=True)
        if "name" in changes:
            teams.rename_team(team=team, name=changes["name"], actor=self.actor)
        return self.one(team, TeamOutput)


class _MemberView(ManagementView):
    def members(self) -> QuerySet[Membership]:
        return team_of_token(self.token).memberships.select_related("user", "team")

    def member(self, id: uuid.UUID) -> Membership:
        return self.held(row_of_team(self.members(), id), MemberOutput)


class Members(_MemberView):
    scopes = {"GET": Scope.TEAM_READ}

    def get(self, request: Request) -> Response:
        return self.page(self.members(), self.query(ListInput), MemberOutput)


class Member(_MemberView):
    scopes = {"GET": Scope.TEAM_READ, "PATCH": Scope.TEAM_WRITE, "DELETE": Scope.TEAM_WRITE}

    def get(self, request: Request, id: uuid.UUID) -> Response:
        return self.one(self.member(id), MemberOutput)

    def patch(self, request: Request, id: uuid.UUID) -> Response:
        member = self.member(id)
        changes = self.body(RoleInput, partial=True)
        if "role" in changes:
            role = Role(changes["role"])
            teams.change_role(membership=member, role=role, actor=self.actor)
        return self.one(member, MemberOutput)

    def delete(self, request: Request, id: uuid.UUID) -> Response:
        member = self.member(id)
        self.nothing()
        teams.remove_member(membership=member, actor=self.actor)
        return Response(status=204)


class _InvitationView(ManagementView):
    def invitations(self) -> QuerySet[InvitationRow]:
        return team_of_token(self.token).invitations.select_related("team")

    def invitation(self, id: uuid.UUID) -> InvitationRow:
        return self.held(row_of_team(self.invitations(), id), InvitationOutput)


class Invitations(_InvitationView):
    scopes = {"GET": Scope.TEAM_READ, "POST": Scope.TEAM_WRITE}

    def get(self, request: Request) -> Response:
        return self.page(self.invitations(), self.query(ListInput), InvitationOutput)

    def post(self, request: Request) -> Response:
        team = team_of_token(self.token)
        given = self.body(InvitationInput)
        invitation = teams.invite_member(
            team=team,
            email=given["email"],
            role=Role(given["role"]),
            actor=self.actor,
            now=self.now,
        )
        return self.one(invitation, InvitationOutput, 201)


class Invitation(_InvitationView):
    scopes = {"GET": Scope.TEAM_READ, "DELETE": Scope.TEAM_WRITE}

    def get(self, request: Request, id: uuid.UUID) -> Response:
        return self.one(self.invitation(id), InvitationOutput)

    def delete(self, request: Request, id: uuid.UUID) -> Response:
        invitation = self.invitation(id)
        self.nothing()
        teams.withdraw_invitation(invitation=invitation, actor=self.actor)
        return Response(status=204)
