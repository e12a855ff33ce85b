"""Where the installed command begins: it must load on a Python, and beside packages, that the rest could not do with."""

from __future__ import annotations

import sys

USAGE = 2


def main() -> None:
    """Run the command that `sys.argv` holds, and leave with its exit code."""
    sys.exit(_run())


def _run() -> int:
    if sys.version_info < (3, 11):
        return _complain("the command needs Python 3.11 or newer; the library itself does not")
    try:
        from lockence_client.command_line.commands import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        return _complain(f"{error.name} is missing, install it with: pip install click rich")
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:])


def _complain(text: str) -> int:
    print(f"lockence: {text}", file=sys.stderr)
    return USAGE
