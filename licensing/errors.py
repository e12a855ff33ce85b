"""Every refusal that Lockence knows: one class, one code that never changes, one message. No HTTP here."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from accounts import errors
from accounts.limits import Outcome
from licensing.signatures import SigningFacts


class RefusalError(errors.RefusalError):
    """A request was understood and is refused; `code` is for programs, `message` for people."""

    code: ClassVar[str]

    def __init__(self, message: str | None = None, *, signing: SigningFacts | None = None) -> None:
        super().__init__(message)
        # Known as soon as the API key is: the application that refuses, and the key it signs with.
        self.signing = signing

    @property
    def members(self) -> dict[str, Any]:
        """What the answer to a program tells beside code and message."""
        return {}


class InvalidRequestError(RefusalError):
    """The request itself is wrong; the message names the field and what is wrong with it.

    Of a file, `faults` tells what is wrong with which members of each row, by its number from 0; the message names the row
    by its place, as people find it.
    """

    code = "invalid_request"
    default_message = "Invalid request"
    faults: Mapping[int, Mapping[str, Collection[str]]] = {}

    @classmethod
    def of_rows(
        cls, faults: Mapping[tuple[int, str], Mapping[str, Collection[str]]]
    ) -> "InvalidRequestError":
        told = [
            f"{place}, {name or 'behind the last heading'}: {words}"
            for (_number, place), members in faults.items()
            for name, wrong in members.items()
            for words in wrong
        ]
        refusal = cls("; ".join(told[:3]))
        refusal.faults = {number: members for (number, _place), members in faults.items()}
        return refusal


class InvalidApiKeyError(RefusalError):
    code = "invalid_api_key"
    default_message = "Invalid API key"


class InvalidTokenError(RefusalError):
    """One answer for a token that never was, is revoked or has expired."""

    code = "invalid_token"
    default_message = "This management token is unknown, revoked or expired"


class InsufficientScopeError(RefusalError):
    """The management token is good, and was not made for this; `scope` would allow it."""

    code = "insufficient_scope"
    default_message = "This management token lacks the scope for it"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This management token lacks the scope {scope}")


class ApplicationDisabledError(RefusalError):
    code = "application_disabled"
    default_message = "Application disabled"


class LicenseNotFoundError(RefusalError):
    code = "license_not_found"
    default_message = "Invalid license key"


class LicenseSuspendedError(RefusalError):
    code = "license_suspended"
    default_message = "License disabled"


class LicenseRevokedError(RefusalError):
    code = "license_revoked"
    default_message = "License disabled"


class LicenseExpiredError(RefusalError):
    code = "license_expired"
    default_message = "License expired"


class VersionNotAllowedError(RefusalError):
    """The program is of a version that the license is not good for; it is told which ones are, and where to get one."""

    code = "version_not_allowed"
    default_message = "This version is not allowed"

    def __init__(
        self,
        *,
        app_version_min: str,
        app_version_max: str,
        download_url: str,
        signing: SigningFacts | None = None,
    ) -> None:
        self.allowed = {
            "app_version_min": app_version_min or None,
            "app_version_max": app_version_max or None,
            "download_url": download_url or None,
        }
        super().__init__(signing=signing)

    @property
    def members(self) -> dict[str, Any]:
        return self.allowed


class SessionNotFoundError(RefusalError):
    code = "session_not_found"
    default_message = "Session not found"


class SessionEndedError(RefusalError):
    code = "session_ended"
    default_message = "Session ended"


class SessionExpiredError(RefusalError):
    code = "session_expired"
    default_message = "Session expired"


class HwidMismatchError(RefusalError):
    """The license is bound to other devices, and no place is free."""

    code = "hwid_mismatch"
    default_message = "HWID mismatch"


class AccessDeniedError(RefusalError):
    """The developer's access rules keep the caller out. It is not told which, for that would tell a way around it."""

    code = "access_denied"
    default_message = "Access denied"


class UserLimitReachedError(RefusalError):
    """The license is for so many people, and all of them are named: the program's user is none of them."""

    code = "user_limit_reached"
    default_message = "User limit reached"


class TrialUsedError(RefusalError):
    """The device has had its trial of this application, with another license."""

    code = "trial_used"
    default_message = "Trial already used on this device"


class SessionLimitReachedError(RefusalError):
    code = "session_limit_reached"
    default_message = "Session limit reached"


class EntitlementNotFoundError(RefusalError):
    """The license does not have it, now: not by its policy, not by its own word, or no longer. Or nobody ever named it."""

    code = "entitlement_not_found"
    default_message = "This license does not have this entitlement"


class EntitlementNotMeteredError(RefusalError):
    code = "entitlement_not_metered"
    default_message = "This entitlement is not metered, there is nothing to use up"


class EntitlementLimitReachedError(RefusalError):
    """Less is left than was asked for, and nothing was counted."""

    code = "entitlement_limit_reached"
    default_message = "Entitlement limit reached"

    def __init__(self, left: dict[str, Any], *, signing: SigningFacts) -> None:
        self.left = left
        super().__init__(signing=signing)

    @property
    def members(self) -> dict[str, Any]:
        return self.left


class ReleaseLimitReachedError(RefusalError):
    """Programs of this license have released as many devices as its policy allows; None: they never may."""

    code = "release_limit_reached"
    default_message = "Release limit reached"

    def __init__(self, retry_after_seconds: int | None, *, signing: SigningFacts) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(signing=signing)


class BorrowNotAllowedError(RefusalError):
    """The policy lends no seats, or none for so long."""

    code = "borrow_not_allowed"
    default_message = "Seats of this license cannot be borrowed"


class OfflineNotAllowedError(RefusalError):
    """The license's policy gives no license files."""

    code = "offline_not_allowed"
    default_message = "Offline use is not allowed"


class MethodNotAllowedError(RefusalError):
    code = "method_not_allowed"
    default_message = "Method not allowed, use POST"


class BodyTooLargeError(RefusalError):
    code = "body_too_large"
    default_message = "Request body too large"


class UnsupportedMediaTypeError(RefusalError):
    code = "unsupported_media_type"
    default_message = "Content-Type must be application/json"


class NotAcceptableError(RefusalError):
    code = "not_acceptable"
    default_message = "Answers are application/json, which the Accept header leaves out"


class RateLimitedError(RefusalError):
    """Too much of something from one place; `outcome` says which limit was reached and when asking again makes sense."""

    code = "rate_limited"
    default_message = "Too many requests"

    def __init__(
        self, outcome: Outcome, message: str | None = None, *, signing: SigningFacts | None = None
    ) -> None:
        self.outcome = outcome
        super().__init__(message, signing=signing)


class NotFoundError(RefusalError):
    code = "not_found"
    default_message = "Not found"


class TeamStateError(RefusalError):
    """What the rules of people and teams refuse (accounts/errors.py), told to a script."""

    code = "team_state"
    default_message = "The team's people do not allow this"


class PolicyInUseError(RefusalError):
    code = "policy_in_use"
    default_message = "Licenses follow this policy: give them another one first"


class PolicyIsDefaultError(RefusalError):
    code = "policy_is_default"
    default_message = "New licenses get this policy: make another one the default first"


class SigningKeyInUseError(RefusalError):
    code = "signing_key_in_use"
    default_message = "Answers are signed with this key: promote the next one first"


class SigningKeyStateError(RefusalError):
    code = "signing_key_state"
    default_message = "This key has signed before and was replaced: it does not come back"


class VariableNotFoundError(RefusalError):
    """Nobody wrote it, or the license lacks the entitlement that it is bound to: told alike."""

    code = "variable_not_found"
    default_message = "There is no such variable for this license"


class EntitlementInUseError(RefusalError):
    code = "entitlement_in_use"
    default_message = (
        "Variables are bound to this entitlement: delete them or bind them to another first"
    )


class IdempotencyKeyInUseError(RefusalError):
    code = "idempotency_key_in_use"
    default_message = "A call with this Idempotency-Key is not finished yet: ask again in a moment"


class IdempotencyKeyReusedError(RefusalError):
    code = "idempotency_key_reused"
    default_message = (
        "This Idempotency-Key came with another request before: take a new key for each act"
    )


class PreconditionFailedError(RefusalError):
    """What the caller saw last is not what is there now, so nothing was done."""

    code = "precondition_failed"
    default_message = "It has changed since you read it: read it again, and decide anew"


class LicenseStateError(RefusalError):
    """A license is not in a state from which the wanted move is allowed."""

    code = "license_state"
    default_message = "The license's status does not allow this"


class ServerError(RefusalError):
    code = "server_error"
    default_message = "Server error"


class TemporarilyUnavailableError(RefusalError):
    code = "temporarily_unavailable"
    default_message = "Temporarily unavailable, try again"
