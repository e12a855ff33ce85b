"""The events that an application's webhooks tell of: every act that its audit log knows. docs/webhook-events.md shows one of each."""

from collections.abc import Collection

from licensing import errors

EVERYTHING = "*"
# By what they happen to.
ACTIONS = (
    "access_rule.created",
    "access_rule.deleted",
    "api_key.retired",
    "api_key.rotated",
    "application.created",
    "application.disabled",
    "application.enabled",
    "application.renamed",
    "application.words_chosen",
    "bulk_job.cancelled",
    "bulk_job.created",
    "bulk_job.finished",
    "device.bound",
    "device.drifted",
    "device.place_freed",
    "device.released",
    "entitlement.created",
    "entitlement.deleted",
    "entitlement.described",
    "license.changed",
    "license.converted",
    "license.deleted",
    "license.entitlement_removed",
    "license.entitlement_set",
    "license.extended",
    "license.history_erased",
    "license.key_revealed",
    "license.reinstated",
    "license.renewed",
    "license.restored",
    "license.revoked",
    "license.suspended",
    "license.transferred",
    "license.trial_reset",
    "license.user_named",
    "license.user_removed",
    "licenses.exported",
    "licenses.issued",
    "policy.changed",
    "policy.created",
    "policy.deleted",
    "policy.entitlement_removed",
    "policy.entitlement_set",
    "policy.made_default",
    "session.borrowed",
    "session.ended",
    "session.overdrawn",
    "signing_key.promoted",
    "signing_key.replaced",
    "signing_key.retired",
    "token.created",
    "token.revoked",
    "usage.set",
    "variable.changed",
    "variable.created",
    "variable.deleted",
    "variable.revealed",
    "webhook_endpoint.changed",
    "webhook_endpoint.created",
    "webhook_endpoint.deleted",
    "webhook_endpoint.disabled",
    "webhook_endpoint.enabled",
    "webhook_endpoint.paused",
    "webhook_endpoint.replayed",
    "webhook_endpoint.secret_revealed",
    "webhook_endpoint.secret_rotated",
    "webhook_endpoint.tested",
)
FILTERS = (EVERYTHING, *sorted({f"{action.split('.')[0]}.*" for action in ACTIONS}), *ACTIONS)


def checked(filters: Collection[str]) -> list[str]:
    """Return a filter as it is kept; raise InvalidRequestError when it lets nothing through or names what there is not."""
    if not filters:
        raise errors.InvalidRequestError("events must name at least one, or *")
    for name in filters:
        if name not in FILTERS:
            raise errors.InvalidRequestError(f"events: there is no {name[:60]!r}")
    return [EVERYTHING] if EVERYTHING in filters else sorted(set(filters))
