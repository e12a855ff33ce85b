"""The smallest valid object of every kind, through the verbs that people use. No random values."""

import datetime as dt
import itertools
import uuid
from typing import Any

from django.utils import timezone

from accounts.access import Role
from accounts.models import Invitation, Membership, Team, User
from accounts.teams import create_team, invite_member
from licensing import (
    access_rules,
    applications,
    bulk,
    bulk_pieces,
    devices,
    entitlements,
    licenses,
    management_tokens,
    policies,
    sessions,
    signing_keys,
    variables,
    webhooks,
)
from licensing.events import SYSTEM
from licensing.management_tokens import NewToken
from licensing.models import (
    AccessRule,
    Application,
    BulkJob,
    Device,
    Entitlement,
    License,
    NamedUser,
    Policy,
    Session,
    Variable,
    WebhookEndpoint,
)
from licensing.scopes import Scope

PASSWORD = "correct horse battery staple"
_counter = itertools.count(1)


def make_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(
        email or f"user{next(_counter)}@example.com", PASSWORD, **fields
    )


def make_team(owner: User | None = None, name: str = "Team") -> Team:
    return create_team(name=name, owner=owner or make_user())


def add_member(team: Team, role: Role, user: User | None = None) -> User:
    user = user or make_user()
    Membership.objects.create(team=team, user=user, role=role)
    return user


def make_invitation(team: Team, email: str = "", role: Role = Role.VIEWER) -> Invitation:
    return invite_member(
        team=team,
        email=email or f"invited{next(_counter)}@example.com",
        role=role,
        actor=SYSTEM,
        now=timezone.now(),
    )


def make_application(team: Team | None = None, name: str = "Application") -> Application:
    return applications.create_application(team=team or make_team(), name=name, actor=SYSTEM)


def make_policy(application: Application, **rules: Any) -> Policy:
    rules.setdefault("name", f"Policy {next(_counter)}")
    return policies.create_policy(
        application=application, rules=policies.Rules(**rules), actor=SYSTEM
    )


def make_entitlement(
    application: Application, name: str = "export", kind: str = "boolean", **facts: Any
) -> Entitlement:
    return entitlements.create_entitlement(
        application=application, name=name, kind=kind, actor=SYSTEM, **facts
    )


def make_variable(
    application: Application, name: str = "GREETING", value: str = "hello", **facts: Any
) -> Variable:
    return variables.create_variable(
        application=application,
        name=name,
        value=value,
        actor=SYSTEM,
        now=timezone.now(),
        **facts,
    )


def make_named_user(application: Application, name: str = "ann") -> NamedUser:
    """A user who was named by a session on a license of their own."""
    license = make_license(application, users_max=5)
    open_session(license, user_name=name)
    return license.named_users.get()


def make_access_rule(
    application: Application, kind: str = "network", value: Any = "192.0.2.0/24", **facts: Any
) -> AccessRule:
    """A rule of the block list, or of a license's allow list where one is named."""
    return access_rules.create_rule(
        application=application, kind=kind, value=value, actor=SYSTEM, **facts
    )


def grant(to: Policy | License, entitlement: Entitlement, value: Any = True, **facts: Any) -> None:
    """Say how much of an entitlement a policy or a license has."""
    facts |= {"entitlement": entitlement, "value": value, "actor": SYSTEM}
    if isinstance(to, Policy):
        entitlements.grant_to_policy(policy=to, **facts)
    else:
        entitlements.grant_to_license(license=to, **facts)


def make_licenses(
    application: Application,
    count: int,
    policy: Policy | None = None,
    expires_at: dt.datetime | None = None,
    **terms: Any,
) -> list[License]:
    batch = licenses.issue_licenses(
        policy=policy or application.default_policy(),
        count=count,
        terms=licenses.LicenseTerms(**terms),
        expires_at=expires_at,
        actor=SYSTEM,
        now=timezone.now(),
    )
    return list(batch.licenses.order_by("id"))


def make_license(application: Application | None = None, **facts: Any) -> License:
    [license] = make_licenses(application or make_application(), 1, **facts)
    return license


def make_token(
    application: Application, *scopes: Scope, for_the_team: bool = False, **facts: Any
) -> NewToken:
    """A management token of one application, with every scope unless some are named."""
    return management_tokens.create_token(
        team=application.team,
        application=None if for_the_team else application,
        name=facts.pop("name", "Script"),
        scopes=scopes or list(Scope),
        actor=SYSTEM,
        now=timezone.now(),
        **facts,
    )


def make_endpoint(
    application: Application, url: str = "http://127.0.0.1:9/hooks", **facts: Any
) -> WebhookEndpoint:
    """A webhook endpoint that wants everything, unless some events are named."""
    return webhooks.create_endpoint(
        application=application, url=url, events=facts.pop("events", ["*"]), actor=SYSTEM, **facts
    )


def api_key_of(application: Application) -> str:
    return application.api_keys.current().get().reveal()


def open_session(license: License, hwid: str = "device-1", **facts: Any) -> uuid.UUID:
    """Open a session as a program does, and return its token."""
    return sessions.open_session(
        api_key=api_key_of(license.application),
        license_key=license.reveal(),
        program=sessions.Program(hwid=hwid, **facts),
    ).token


def make_revoked_license(application: Application) -> License:
    license = make_license(application)
    licenses.revoke_license(license=license, actor=SYSTEM, now=timezone.now())
    return license


def make_bulk_job(*licenses: License, act: str = "suspend", **facts: Any) -> BulkJob:
    return bulk.act_in_bulk(
        application=licenses[0].application,
        act=BulkJob.Act(act),
        license_ids=[license.pk for license in licenses],
        actor=facts.pop("actor", SYSTEM),
        now=timezone.now(),
        **facts,
    )


def make_finished_dry_run(*licenses: License, act: str = "suspend") -> BulkJob:
    job = make_bulk_job(*licenses, act=act, is_dry_run=True)
    bulk_pieces.run_job(job_id=job.pk, now=timezone.now)
    job.refresh_from_db()
    return job


def make_session(license: License, hwid: str = "device-1", **facts: Any) -> Session:
    open_session(license, hwid, **facts)
    return license.sessions.latest("id")


def make_held_device(license: License) -> Device:
    """A released device that keeps its place for a day, until its license file ends."""
    now, device = timezone.now(), make_session(license).device
    Device.objects.filter(pk=device.pk).update(license_file_ends_at=now + dt.timedelta(days=1))
    devices.release_device(device=device, actor=SYSTEM, now=now, holds_place=True)
    return device


def promote_next_signing_key(application: Application) -> None:
    following = application.signing_keys.get(state="next")
    signing_keys.promote_signing_key(signing_key=following, actor=SYSTEM)
