"""The exchange of a request code for a license file, for devices that have no network."""

import uuid

from licensing import errors, failures, sessions
from licensing.callers import Caller
from licensing.models import ApiKey
from licensing.request_codes import RequestCode
from licensing.session_facts import FileGrant, Program

_DEVICE_NAME = "Offline device"


def exchange(
    *, code: RequestCode, api_key: str, license_key: str, caller: Caller, user_name: str = ""
) -> FileGrant:
    """Bind the device that a request code names, as `init` does and within the same limits, and let it run without asking.

    Raises as `open_session` does, OfflineNotAllowedError, and InvalidRequestError for a code of another application. The seat
    is free again at once.
    """
    return sessions.grant_file(
        api_key=api_key,
        license_key=license_key,
        application_id=code.application_id,
        program=Program(
            hwid=code.hwid,
            device_name=_DEVICE_NAME,
            user_name=user_name,
            ip_address=caller.ip_address,
            country=caller.country,
        ),
    )


def exchange_on_page(
    *, code: RequestCode, license_key: str, caller: Caller, user_name: str = ""
) -> FileGrant:
    """Do the same for somebody who holds no API key: the code names the application.

    An application that is none is answered as a license key that is none.
    """
    api_key = _api_key_of(code.application_id)
    if api_key is None:
        refusal = errors.LicenseNotFoundError()
        failures.count(refusal, caller.ip_address)
        raise refusal
    return exchange(
        code=code, api_key=api_key, license_key=license_key, caller=caller, user_name=user_name
    )


def _api_key_of(application_id: uuid.UUID) -> str | None:
    found = ApiKey.objects.current().filter(application_id=application_id).first()
    return found.reveal() if found else None
