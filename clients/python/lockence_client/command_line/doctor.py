"""What keeps a program from its license: from the name of the server to the word that it says about a key."""

import dataclasses

import click

from lockence_client.command_line import checkups, login_file, options, output, text
from lockence_client.command_line.checkups import Outcome, Patient
from lockence_client.command_line.failures import Exit

_SIGNS = {Outcome.GOOD: "ok", Outcome.CARE: "care", Outcome.BAD: "BAD", Outcome.NOT_ASKED: "-"}


@click.command()
@click.argument("url", required=False)
@click.option(
    "--api-key",
    envvar="LOCKENCE_API_KEY",
    help="The application's, as programs carry it. Also LOCKENCE_API_KEY.",
)
@click.option(
    "--license-key",
    envvar="LOCKENCE_LICENSE_KEY",
    help="The customer's. Also LOCKENCE_LICENSE_KEY.",
)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    help="A signing key that the program pins; may be said twice.",
)
@click.option(
    "--bind",
    "hwid",
    metavar="HWID",
    help="Open a session for this hardware id and close it: takes a place for the device.",
)
@options.as_json
@click.pass_context
def doctor(
    context: click.Context,
    url: str | None,
    api_key: str | None,
    license_key: str | None,
    public_keys: tuple[str, ...],
    hwid: str | None,
    as_json: bool,
) -> None:
    """Find out what keeps a program on this machine from its license.

    It looks at the name, the way and the certificate of the server at URL, at this machine's clock, at the signature
    of an answer, and at what the server says to an API key and a license key. It never binds a device, unless --bind
    says so; without it a license key is looked up with your log-in.

    \b
        lockence doctor https://lockence.example --api-key lck_pk_…
        lockence doctor --api-key lck_pk_… --license-key XXXXX-XXXXX-XXXXX-XXXXX
    """
    address = login_file.tidy(url or login_file.current_url())
    if not address:
        raise click.UsageError("Name the server: lockence doctor https://lockence.example")
    patient = Patient(address, api_key or "", license_key or "", public_keys, hwid or "")
    worst = Exit.OK
    for finding in checkups.examine(patient):
        if as_json:
            output.say(text.as_json(dataclasses.asdict(finding)))
        else:
            output.say(
                f"{_SIGNS[finding.outcome]:<5} {finding.check:<12} {text.plain(finding.told)}"
            )
            if finding.remedy:
                output.say(f"{'':<18} → {text.plain(finding.remedy)}")
        if finding.outcome is Outcome.BAD and not worst:
            worst = Exit.COULD_NOT_ASK if finding.unreachable else Exit.REFUSED
    context.exit(worst)
