"""A program that asks Lockence whether it may run, and says goodbye when it is done. It needs `pip install requests`."""

import hashlib
import os
import random
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import requests

URL = os.environ.get("LOCKENCE_URL", "https://lockence.example")
API_KEY = os.environ.get("LOCKENCE_API_KEY", "lck_pk_YOUR_API_KEY")
TIMEOUT_SECONDS = 10
TRIES = 4
# What to tell the customer; any other code is a mistake in the program, or a session that is over.
ADVICE = {
    "license_not_found": "This license key does not exist. Please check it for typing mistakes.",
    "license_expired": "Your license has expired.",
    "license_suspended": "Your license is disabled. Please contact support.",
    "license_revoked": "Your license is disabled. Please contact support.",
    "hwid_mismatch": "Your license is in use on another device. Please contact support to move it.",
    "session_limit_reached": "Too many copies are running. Please close one and try again.",
}


class Refused(Exception):
    """Lockence answered, and the answer is no."""

    def __init__(self, answer):
        super().__init__(answer["message"])
        self.code = answer["code"]


class NoAnswer(Exception):
    """Nobody could be asked: no network, or the service is down. That is not a no."""


def call(name, **fields):
    """Make one call; retry what may pass, with growing waits that differ between programs."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(wait_seconds)
        wait_seconds = 2**attempt * random.uniform(0.5, 1)
        try:
            response = requests.post(
                f"{URL}/api/v1/{name}", json={"api_key": API_KEY, **fields}, timeout=TIMEOUT_SECONDS
            )
            answer = response.json()
            if answer["success"]:
                return answer
            if response.status_code != 429 and response.status_code < 500:
                raise Refused(answer)
            wait_seconds = min(int(response.headers.get("Retry-After", wait_seconds)), 30)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            pass  # no network, or what came is not from Lockence: a proxy's error page, say
    raise NoAnswer(f"{URL} does not answer")


def machine_id():
    """An id that stays the same on this machine. Work it out once and keep it while the program runs."""
    if given := os.environ.get("LOCKENCE_HWID"):
        return given
    return hashlib.sha256(f"my-program {system_id()}".encode()).hexdigest()


def system_id():
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
            return winreg.QueryValueEx(key, "MachineGuid")[0]
    if sys.platform == "darwin":
        listing = subprocess.check_output(["ioreg", "-rd1", "-c", "IOPlatformExpertDevice"], text=True)
        return listing.split('"IOPlatformUUID" = "')[1].split('"')[0]
    file = Path("/etc/machine-id")
    return file.read_text().strip() if file.exists() else socket.gethostname()


def work(session):
    """Your program. While it runs, call heartbeat every session["heartbeat_interval"] seconds, from a thread or timer."""
    token = session["session_token"]
    print("Valid until", call("validate", session_token=token)["expires_at"])
    print("Alive until", call("heartbeat", session_token=token)["expires_at"])


def main():
    # Never in the code: each customer has a license key of their own.
    license_key = os.environ.get("LOCKENCE_LICENSE_KEY") or input("License key: ")
    try:
        session = call(
            "init",
            license_key=license_key,
            hwid=machine_id(),
            platform=sys.platform,
            # The same in every try: where only the answer was lost, this takes no second seat.
            idempotency_key=str(uuid.uuid4()),
        )
        print("Welcome,", session["username"] or "customer")
        try:
            work(session)
        finally:
            print(call("logout", session_token=session["session_token"])["message"])
    except Refused as refusal:
        print(f"Refused: {refusal.code}")
        sys.exit(ADVICE.get(refusal.code, str(refusal)))
    except NoAnswer as problem:
        # Your choice: try again later, or let known customers work on for some days.
        sys.exit(f"Could not ask: {problem}")


if __name__ == "__main__":
    main()
