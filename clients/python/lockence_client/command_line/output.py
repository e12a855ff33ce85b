"""What commands say: answers on standard output, everything else on standard error."""

import contextlib
import csv
import io
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lockence_client.command_line import text
from lockence_client.command_line.failures import CouldNotWrite, ReaderGone

# Where nobody looks, no line is broken: what reads it counts on whole ones.
_WIDTH_UNSEEN = 100_000
# A page of the API: lists that are no longer are there before a bar would be seen.
_READ_AT_ONCE = 100

_Row = TypeVar("_Row")


def say(line: str = "") -> None:
    """Write a line to standard output at once; raises ReaderGone when nobody reads it any more."""
    write(f"{line}\n")


def write(piece: str) -> None:
    try:
        sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError as error:
        silence_stdout()
        raise ReaderGone from error
    except OSError as error:
        silence_stdout()
        raise CouldNotWrite(f"could not write: {error.strerror}") from error


def silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere, instead of complaining about a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(line: str) -> None:
    """Write a line for people to standard error."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"{text.plain(line)}\n")
        sys.stderr.flush()


def say_rows(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, Any],
    *,
    as_json: bool,
    nothing: str = "Nothing found.",
) -> None:
    """Write a list: one JSON object a line, or a table. `columns` are titles, each with what makes its cell of a row."""
    rows = _watched(rows)
    if as_json:
        for row in rows:
            say(text.as_json(row))
        return
    cells = [[make(row) for make in columns.values()] for row in rows]
    if not cells:
        note(nothing)
        return
    write(table(list(columns), cells))


def _watched(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Yield rows, with a bar that counts them as soon as they are more than one page."""
    rows = iter(rows)
    first = list(itertools.islice(rows, _READ_AT_ONCE + 1))
    yield from first
    if len(first) <= _READ_AT_ONCE:
        return
    with progress("Reading", None) as advance:
        advance(len(first))
        for row in rows:
            advance(1)
            yield row


def say_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """Write one thing: a JSON object on a line, or its members below each other."""
    if as_json:
        say(text.as_json(row))
        return
    cells = [[name.replace("_", " "), _member(name, value)] for name, value in row.items()]
    write(table(None, cells))


def table(titles: Sequence[str] | None, cells: Iterable[Sequence[str]]) -> str:
    """Return a table without lines, for whatever width the terminal has; cells are taken as they are, not as markup."""
    made = Table(box=None, pad_edge=False, show_header=titles is not None, padding=(0, 2, 0, 0))
    for title in titles or ("", ""):
        made.add_column(Text(title), overflow="fold")
    for row in cells:
        made.add_row(*(Text(text.plain(cell)) for cell in row))
    seen = sys.stdout.isatty()
    paper = io.StringIO()
    console = Console(
        file=paper,
        force_terminal=seen and "NO_COLOR" not in os.environ,
        width=None if seen else _WIDTH_UNSEEN,
        highlight=False,
        legacy_windows=False,
    )
    console.print(made)
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())


def csv_line(cells: Iterable[object]) -> str:
    """Return a line of CSV (RFC 4180) that no spreadsheet runs as a formula."""
    paper = io.StringIO()
    csv.writer(paper).writerow([text.as_cell(cell) for cell in cells])
    return paper.getvalue()


@contextlib.contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while something takes long, and give what moves it.

    Nothing shows where that is no terminal, or where there is one thing to do; None is a total that nobody knows.
    """
    # Soft: what is said above the bar keeps to its lines, however long they are.
    console = Console(stderr=True, soft_wrap=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        # What is said meanwhile stands above the bar, but only where it is on the same screen: a file gets it all the same.
        redirect_stdout=sys.stdout.isatty(),
        disable=not console.is_terminal or total == 1,
    ) as bar:
        task = bar.add_task(title, total=total)
        yield lambda steps: bar.advance(task, steps)


def _member(name: str, value: Any) -> str:
    return text.shown_moment(value) if name.endswith("_at") else text.shown(value)
