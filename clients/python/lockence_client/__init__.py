"""The Lockence client: every call of the client API, with every answer verified. Standard library only."""

from lockence_client.client import Client
from lockence_client.license_file import NotALicenseFile
from lockence_client.machine import Hwid, machine_hwid
from lockence_client.outcomes import CouldNotAsk, No, Outcome, Yes, YesOffline
from lockence_client.request_code import request_code, request_url

__all__ = [
    "Client",
    "CouldNotAsk",
    "Hwid",
    "No",
    "NotALicenseFile",
    "Outcome",
    "Yes",
    "YesOffline",
    "machine_hwid",
    "request_code",
    "request_url",
]
