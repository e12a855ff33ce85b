"""Logging in with a management token, and out again."""

import sys
from urllib.parse import urlsplit

import click

from lockence_client.command_line import login_file, options, output, text
from lockence_client.command_line.api import Api, Row
from lockence_client.command_line.failures import NotAllowed, Refused
from lockence_client.command_line.login_file import Login

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command()
@click.argument("url", required=False)
def login(url: str | None) -> None:
    """Log in to the server at URL with a management token.

    Make a token on the website, under Settings → Management tokens of an application, and paste it here; nothing
    of it is shown. It is tried, and then kept in a file that only you can read. A script hands it over on
    standard input:

    \b
        echo "$TOKEN" | lockence login https://lockence.example

    In place of a log-in, LOCKENCE_URL and LOCKENCE_TOKEN do; they go before it.
    """
    address = login_file.tidy(url or login_file.current_url() or _asked_for_url())
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        output.note(f"Careful: everybody between here and {parts.hostname} can read the token.")
    entered = Login(address, _token())
    opened = _what_it_opens(entered)
    login_file.keep(entered)
    output.note(f"Logged in to {address}{opened}. Kept in {login_file.path()}.")


@click.command()
def logout() -> None:
    """Forget the token. The website, or `tokens/<id>/revoke` of the API, makes it useless for everybody."""
    output.note("Logged out." if login_file.forget() else "Nobody was logged in.")


@click.command()
@options.as_json
@options.with_api
def whoami(api: Api, as_json: bool) -> None:
    """Show the server, the token, what it may do and until when."""
    token = _own_token(api)
    row: Row = {"url": api.login.url, "token": f"…{api.login.token[-4:]}"}
    if token:
        row |= {
            "name": token["name"],
            "application": token["application"],
            "scopes": token["scopes"] if as_json else ", ".join(token["scopes"]),
            "expires_at": token["expires_at"],
        }
        if not as_json:
            row["application"] = row["application"] or "all of the team"
            row["expires_at"] = text.shown_moment(row["expires_at"], "never")
    output.say_one(row, as_json=as_json)


def _asked_for_url() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Name the server: lockence login https://lockence.example")
    return str(click.prompt("Server", err=True))


def _token() -> str:
    if sys.stdin.isatty():
        token = str(click.prompt("Management token", hide_input=True, err=True)).strip()
    else:
        token = sys.stdin.readline().strip()
    if token.startswith("lck_pk_"):
        raise NotAllowed("that is an API key, which programs carry; a management token is lck_sk_…")
    if not token.startswith("lck_sk_"):
        raise NotAllowed("that is no management token: they begin with lck_sk_")
    return token


def _what_it_opens(entered: Login) -> str:
    try:
        names = [row["name"] for row in Api(entered).rows("applications", count_max=4)]
    except NotAllowed as refusal:
        # A token without that scope is a good one all the same.
        if "(insufficient_scope)" not in str(refusal):
            raise
        return ""
    except Refused as refusal:
        raise NotAllowed(str(refusal)) from refusal
    return f", for {', '.join(names[:3])}{' …' if names[3:] else ''}" if names else ""


def _own_token(api: Api) -> Row | None:
    try:
        rows = [row for row in api.rows("tokens") if row["last4"] == api.login.token[-4:]]
    except NotAllowed as refusal:
        if "(insufficient_scope)" not in str(refusal):
            raise
        return None
    # Two may end alike: the one that was used last is the one that asks.
    rows.sort(key=lambda row: row["last_used_at"] or "")
    return rows[-1] if rows else None
