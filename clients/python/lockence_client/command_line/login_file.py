"""Whose token the command uses, and for which server: from the environment, or from a file that only its owner reads."""

import contextlib
import dataclasses
import json
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import click

from lockence_client.command_line.failures import Failure, NotAllowed

URL, TOKEN, APPLICATION = "LOCKENCE_URL", "LOCKENCE_TOKEN", "LOCKENCE_APPLICATION"
_HOW = "run `lockence login`, or set LOCKENCE_URL and LOCKENCE_TOKEN"


@dataclasses.dataclass(frozen=True)
class Login:
    """A server and the token for it."""

    url: str
    token: str


def path() -> Path:
    """Return where a log-in is kept: in the place that the system has for settings of programs."""
    return Path(click.get_app_dir("lockence")) / "login.json"


def current() -> Login:
    """Return the log-in to use; raises NotAllowed when there is none.

    A kept token is sent to the server that it was kept for, and to no other.
    """
    kept = _kept()
    url = os.environ.get(URL) or (kept.url if kept else "")
    token = os.environ.get(TOKEN, "").strip()
    if not token and kept and kept.url == tidy(url):
        token = kept.token
    if not url or not token:
        raise NotAllowed(f"no {'server' if not url else 'token for ' + url}: {_HOW}")
    return Login(tidy(url), token)


def current_url() -> str:
    """Return the server alone, "" when none is known."""
    kept = _kept()
    return tidy(os.environ.get(URL) or (kept.url if kept else ""))


def keep(login: Login) -> None:
    """Write a log-in down, in one step, for its owner's eyes only."""
    place = path()
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files of mode 600.
        number, name = tempfile.mkstemp(dir=place.parent, prefix="login-")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(login), file)
        os.replace(name, place)
    except OSError as error:
        raise _FileTrouble(f"could not write {place}: {error.strerror}") from error


def forget() -> bool:
    """Remove what was kept, and tell whether there was anything."""
    with contextlib.suppress(FileNotFoundError):
        path().unlink()
        return True
    return False


def tidy(url: str) -> str:
    """Return the address of a server without what does not belong to it; raises UsageError for what is none."""
    url = url.strip().rstrip("/").removesuffix("/api/v1")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or any(character <= " " for character in url):
        raise click.UsageError(f"{url} is no address of a server, such as https://lockence.example")
    return url


class _FileTrouble(NotAllowed, Failure):
    """The file of the log-in could not be used."""


def _kept() -> Login | None:
    try:
        facts = json.loads(path().read_text(encoding="utf-8"))
        return Login(str(facts["url"]), str(facts["token"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _FileTrouble(f"could not read {path()}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _FileTrouble(f"{path()} is damaged: {_HOW}") from error
