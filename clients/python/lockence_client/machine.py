"""Ids of this machine: one that survives restarts and updates and tells nobody which machine it is, or its parts by name."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid
from typing import Mapping, Union

# One text, or the parts of the machine by name.
Hwid = Union[str, Mapping[str, str]]


def machine_hwid(application: str) -> str:
    """Return 64 hex digits that stay the same on this machine; `application` makes them differ between programs."""
    return hashlib.sha256(f"{application}\0{_machine_id()}".encode()).hexdigest()


def hwid_text(hwid: Hwid) -> str:
    """Return a hardware id as license files and request codes know it: parts are the JSON text of their object, in order."""
    return hwid if isinstance(hwid, str) else json.dumps(dict(hwid), sort_keys=True)


def _machine_id() -> str:
    try:
        return _system_machine_id()
    except (OSError, ValueError, subprocess.SubprocessError):
        return f"mac-{uuid.getnode():012x}"


def _system_machine_id() -> str:
    if sys.platform == "win32":
        import winreg

        path = r"SOFTWARE\Microsoft\Cryptography"
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, access) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    if sys.platform == "darwin":
        command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
        listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        found = re.search(r'"IOPlatformUUID" = "([^"]+)"', listing.stdout)
        if found is None:
            raise ValueError("ioreg tells no IOPlatformUUID")
        return found[1]
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        text = pathlib.Path(path).read_text() if pathlib.Path(path).exists() else ""
        if text.strip():
            return text.strip()
    raise ValueError("this system has no machine id")
