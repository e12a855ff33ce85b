"""Doing one thing to many: each is told, and one that is refused keeps none of the others waiting."""

from collections.abc import Callable, Iterable

from lockence_client.command_line import output, text
from lockence_client.command_line.api import Row
from lockence_client.command_line.failures import Refused


def on_each(
    ids: Iterable[str], act: Callable[[str], Row | None], done: str, *, as_json: bool = False
) -> None:
    """Do `act` to each id and tell the outcome; raises Refused at the end when some were refused."""
    ids = list(dict.fromkeys(ids))
    refused = 0
    with output.progress(done, len(ids)) as advance:
        for id in ids:
            try:
                row = act(id)
            except Refused as refusal:
                if len(ids) == 1:
                    raise
                refused += 1
                output.note(f"lockence: {id}: {refusal}")
            else:
                output.say(text.as_json(row) if as_json else f"{done} {id}")
            advance(1)
    if refused:
        raise Refused(f"{refused} of {len(ids)} were refused")
