"""The Lockence client: init, validate, heartbeat and logout, with every answer verified. Standard library only."""

from lockence_client.client import Client
from lockence_client.machine import machine_hwid
from lockence_client.outcomes import CouldNotAsk, No, Outcome, Yes

__all__ = ["Client", "CouldNotAsk", "No", "Outcome", "Yes", "machine_hwid"]
