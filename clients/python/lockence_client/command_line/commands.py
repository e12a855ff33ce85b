"""The whole command: its parts, and what becomes of everything that can go wrong in them."""

import os
import sys

import click

from lockence_client.command_line import (
    access_rules,
    applications,
    completion,
    devices,
    doctor,
    events,
    licenses,
    logging_in,
    named_users,
    output,
    policies,
    sessions,
    webhooks,
)
from lockence_client.command_line.failures import Exit, Failure, ReaderGone

_EPILOG = """\b
Exit codes:
   0  done
   1  the server refused, or doctor found something wrong
   2  the command was not understood
   3  no answer of the server came: try again later
   4  no token, or one that may not do this
  70  the command itself failed
 130  interrupted with Ctrl-C
 141  whoever read the output has closed it

Begin with `lockence login`, then `lockence licenses find`. Scripts set LOCKENCE_URL and LOCKENCE_TOKEN instead."""


@click.group(
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="lockence", prog_name="lockence")
def lockence() -> None:
    """Issue licenses, and look after them, from a terminal or a script.

    It does what your management token may do, and nothing more. Answers go to standard output, everything
    else to standard error; `--json` makes one JSON object a line of them.
    """


for _command in (
    logging_in.login,
    logging_in.logout,
    logging_in.whoami,
    applications.applications,
    policies.policies,
    licenses.licenses,
    devices.devices,
    sessions.sessions,
    named_users.named_users,
    access_rules.access_rules,
    events.events,
    webhooks.webhooks,
    doctor.doctor,
    completion.completion,
):
    lockence.add_command(_command)


def run(arguments: list[str]) -> int:
    """Run the command and return its exit code; whatever happens, it is one line on standard error."""
    # What was closed (`>&-`) goes nowhere.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        # Whatever a terminal of another time cannot write stands as an escape.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = lockence.main(arguments, prog_name="lockence", standalone_mode=False)
    except Exception as error:
        return _ended_badly(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.OK


def _ended_badly(error: Exception) -> int:
    if isinstance(error, ReaderGone):
        return error.exit
    if isinstance(error, Failure):
        output.note(f"lockence: {error}")
        return error.exit
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    if isinstance(error, click.Abort):
        return Exit.INTERRUPTED
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        hint = f" ({path} --help tells more)" if path else ""
        output.note(f"lockence: {error.format_message()}{hint}")
        return Exit.USAGE
    if "LOCKENCE_DEBUG" in os.environ:
        raise error
    output.note(
        f"lockence: a fault of this command, please report it: {type(error).__name__}: {error}"
    )
    return Exit.OUR_FAULT
