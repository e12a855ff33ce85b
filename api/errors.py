"""The one table from refusal to HTTP status."""

from http import HTTPStatus

from django.conf import settings

from accounts.limits import Outcome
from licensing import errors

STATUSES: dict[type[errors.RefusalError], HTTPStatus] = {
    errors.InvalidRequestError: HTTPStatus.BAD_REQUEST,
    errors.InvalidApiKeyError: HTTPStatus.UNAUTHORIZED,
    errors.InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    errors.InsufficientScopeError: HTTPStatus.FORBIDDEN,
    errors.ApplicationDisabledError: HTTPStatus.FORBIDDEN,
    errors.LicenseSuspendedError: HTTPStatus.FORBIDDEN,
    errors.LicenseRevokedError: HTTPStatus.FORBIDDEN,
    errors.LicenseExpiredError: HTTPStatus.FORBIDDEN,
    errors.VersionNotAllowedError: HTTPStatus.FORBIDDEN,
    errors.AccessDeniedError: HTTPStatus.FORBIDDEN,
    errors.UserLimitReachedError: HTTPStatus.FORBIDDEN,
    errors.HwidMismatchError: HTTPStatus.FORBIDDEN,
    errors.TrialUsedError: HTTPStatus.FORBIDDEN,
    errors.SessionLimitReachedError: HTTPStatus.FORBIDDEN,
    errors.EntitlementLimitReachedError: HTTPStatus.FORBIDDEN,
    errors.BorrowNotAllowedError: HTTPStatus.FORBIDDEN,
    errors.OfflineNotAllowedError: HTTPStatus.FORBIDDEN,
    errors.ReleaseLimitReachedError: HTTPStatus.FORBIDDEN,
    errors.LicenseNotFoundError: HTTPStatus.NOT_FOUND,
    errors.SessionNotFoundError: HTTPStatus.NOT_FOUND,
    errors.SessionEndedError: HTTPStatus.NOT_FOUND,
    errors.SessionExpiredError: HTTPStatus.NOT_FOUND,
    errors.EntitlementNotFoundError: HTTPStatus.NOT_FOUND,
    errors.VariableNotFoundError: HTTPStatus.NOT_FOUND,
    errors.EntitlementInUseError: HTTPStatus.CONFLICT,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.IdempotencyKeyInUseError: HTTPStatus.CONFLICT,
    errors.EntitlementNotMeteredError: HTTPStatus.CONFLICT,
    errors.LicenseStateError: HTTPStatus.CONFLICT,
    errors.TeamStateError: HTTPStatus.CONFLICT,
    errors.PolicyInUseError: HTTPStatus.CONFLICT,
    errors.PolicyIsDefaultError: HTTPStatus.CONFLICT,
    errors.SigningKeyInUseError: HTTPStatus.CONFLICT,
    errors.SigningKeyStateError: HTTPStatus.CONFLICT,
    errors.PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    errors.IdempotencyKeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAcceptableError: HTTPStatus.NOT_ACCEPTABLE,
    errors.MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.ServerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.TemporarilyUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

# Long enough for a restart of the database, short enough that a program's user need not notice.
UNAVAILABLE_RETRY_AFTER_SECONDS = 5
# As long as an act takes.
IN_USE_RETRY_AFTER_SECONDS = 1


def retry_after_seconds(refusal: errors.RefusalError) -> int | None:
    """Return when asking again makes sense, for the `Retry-After` header (RFC 9110, section 10.2.3); None: not at all."""
    if isinstance(refusal, errors.RateLimitedError):
        return refusal.outcome.retry_after_seconds
    if isinstance(refusal, errors.ReleaseLimitReachedError):
        return refusal.retry_after_seconds
    if isinstance(refusal, errors.TemporarilyUnavailableError):
        return UNAVAILABLE_RETRY_AFTER_SECONDS
    if isinstance(refusal, errors.IdempotencyKeyInUseError):
        return IN_USE_RETRY_AFTER_SECONDS
    return None


def limit_headers(refusal: errors.RefusalError) -> dict[str, str]:
    """Return `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) for a limit that was reached."""
    return outcome_headers(refusal.outcome) if isinstance(refusal, errors.RateLimitedError) else {}


def outcome_headers(outcome: Outcome) -> dict[str, str]:
    """Return the same of any limit: how many calls are left, and in how many seconds the count starts anew."""
    limit = outcome.limit
    return {
        "RateLimit-Policy": f'"{limit.name}";q={limit.hits_max};w={limit.window_seconds}',
        "RateLimit": f'"{limit.name}";r={outcome.remaining};t={outcome.retry_after_seconds}',
    }


def docs_url(code: str) -> str:
    return f"{settings.SITE_URL}/docs/errors/{code}/"
