"""People: who signs in, the teams that own applications, and what was done in them."""

from accounts.models.audit import (
    AuditCheck,
    Event,
    EventAnchor,
    EventChain,
    EventDetail,
    EventLink,
    EventQuerySet,
)
from accounts.models.limit_window import LimitWindow
from accounts.models.people import (
    Browser,
    Invitation,
    InvitationQuerySet,
    Membership,
    Team,
    User,
    UserManager,
)

__all__ = [
    "AuditCheck",
    "Browser",
    "Event",
    "EventAnchor",
    "EventChain",
    "EventDetail",
    "EventLink",
    "EventQuerySet",
    "Invitation",
    "InvitationQuerySet",
    "LimitWindow",
    "Membership",
    "Team",
    "User",
    "UserManager",
]
