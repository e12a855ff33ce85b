"""Acts on variables: write, change, show and delete them, and tell them to programs that may know them."""

import contextlib
import dataclasses
import datetime as dt
import json
import logging
import re
import uuid
from collections.abc import Iterator, Sequence

from django.db import IntegrityError, transaction

from accounts import ciphers
from accounts.ciphers import UndecipherableError
from accounts.ids import uuid7
from licensing import callers, errors
from licensing.callers import Caller
from licensing.client_calls import fetch, live_session, session_parameters
from licensing.events import Actor, record
from licensing.models import Application, Entitlement, Variable
from licensing.models.variable import VALUE_MAX_BYTES, VARIABLE_NAME_PATTERN
from licensing.signatures import SigningFacts
from licensing.variable_statements import FIND_VARIABLES

logger = logging.getLogger(__name__)

# One answer may hold them all.
VARIABLES_MAX = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What a program is told: values by name."""

    signing: SigningFacts
    values: dict[str, str]


def tell_variables(
    *,
    api_key: str,
    session_token: uuid.UUID,
    names: Sequence[str] | None = None,
    caller: Caller = callers.UNKNOWN,
) -> Told:
    """Return the variables that a live session may know: all of them, or those named.

    Raises what `validate_session` does, and VariableNotFoundError for a name that is unknown or bound to an entitlement that the
    license does not have: the two are told alike.
    """
    parameters = {
        **session_parameters(api_key, session_token, caller),
        "names": None if names is None else json.dumps(list(names)),
    }
    row = fetch(FIND_VARIABLES, parameters)
    signing = live_session(row[:-1] if row else None).signing
    found = json.loads(row[-1]) if row and row[-1] else []
    unknown = set(names or ()) - {name for _id, name, _ciphertext in found}
    if unknown:
        raise errors.VariableNotFoundError(signing=signing)
    try:
        return Told(signing, {name: _opened(text, id) for id, name, text in found})
    except UndecipherableError as error:
        logger.exception("A variable of application %s does not open", signing.application_id)
        raise errors.TemporarilyUnavailableError(signing=signing) from error


def create_variable(
    *,
    application: Application,
    name: str,
    value: str,
    entitlement: Entitlement | None = None,
    actor: Actor,
    now: dt.datetime,
    id: uuid.UUID | None = None,
) -> Variable:
    """Write a variable. `id` is chosen by the asker: asking twice with the same one writes once.

    Raises InvalidRequestError when the name is taken or not plain, the value too long, the entitlement another application's,
    or when there are VARIABLES_MAX already.
    """
    if not re.fullmatch(VARIABLE_NAME_PATTERN, name):
        raise errors.InvalidRequestError(
            "name must begin with a letter and go on with letters, digits, _, . or -, 64 at most"
        )
    _check(application.pk, value, entitlement)
    row = id or uuid7()
    with _gone_or_taken_refused(), transaction.atomic():
        # The application's row is the lock: two at once do not pass the limit together.
        Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        variable, is_new = Variable.objects.get_or_create(
            id=row,
            defaults={
                "application": application,
                "name": name,
                "entitlement": entitlement,
                "value_ciphertext": _sealed(value, row),
                "changed_at": now,
            },
        )
        if variable.application_id != application.pk:
            raise errors.InvalidRequestError("id is taken")
        if not is_new:
            return variable
        if application.variables.count() > VARIABLES_MAX:
            raise errors.InvalidRequestError(
                f"an application has at most {VARIABLES_MAX} variables"
            )
        record(
            "variable.created",
            target=variable,
            actor=actor,
            application=application,
            after={"name": name, "entitlement": _name_of(entitlement)},
        )
    return variable


def change_variable(
    *,
    variable: Variable,
    value: str | None = None,
    entitlement: Entitlement | None,
    actor: Actor,
    now: dt.datetime,
) -> Variable:
    """Give a variable another value (None: leave it) and bind it to an entitlement, or to none. Programs are told from now on.

    Raises InvalidRequestError as `create_variable` does, NotFoundError when the variable was deleted.
    """
    _check(variable.application_id, value or "", entitlement)
    with _gone_or_taken_refused(), transaction.atomic():
        held = _held(variable)
        if held is None:
            raise errors.NotFoundError("This variable was deleted")
        if value is not None and value == _opened_or_none(held):
            value = None
        if value is None and held.entitlement == entitlement:
            return held
        before = held.entitlement
        held.entitlement, held.changed_at = entitlement, now
        if value is not None:
            held.value_ciphertext = _sealed(value, held.pk)
        held.save(update_fields=["entitlement", "value_ciphertext", "changed_at"])
        moved = before != entitlement
        record(
            "variable.changed",
            target=held,
            actor=actor,
            application=held.application,
            before={"entitlement": _name_of(before)} if moved else {},
            # That it changed, and never to what.
            after={
                "name": held.name,
                **({"entitlement": _name_of(entitlement)} if moved else {}),
                **({"value": "changed"} if value is not None else {}),
            },
        )
    return held


@transaction.atomic
def delete_variable(*, variable: Variable, actor: Actor) -> bool:
    """Delete a variable; return False when it was deleted already."""
    held = _held(variable)
    if held is None:
        return False
    record(
        "variable.deleted",
        target=held,
        actor=actor,
        application=held.application,
        before={"name": held.name},
    )
    held.delete()
    return True


def reveal_variable(*, variable: Variable, actor: Actor) -> str:
    """Return the value and record who saw it; raises UndecipherableError when it does not open."""
    value = variable.reveal()
    record(
        "variable.revealed",
        target=variable,
        actor=actor,
        application=variable.application,
        after={"name": variable.name},
    )
    return value


def _check(application_id: uuid.UUID, value: str, entitlement: Entitlement | None) -> None:
    if len(value.encode()) > VALUE_MAX_BYTES:
        raise errors.InvalidRequestError(f"value must be at most {VALUE_MAX_BYTES} bytes long")
    if entitlement is not None and entitlement.application_id != application_id:
        raise errors.InvalidRequestError("entitlement is another application's")


def _held(variable: Variable) -> Variable | None:
    rows = Variable.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("application", "entitlement").filter(pk=variable.pk).first()


def _sealed(value: str, row: uuid.UUID) -> str:
    return ciphers.encrypt(value, table=Variable._meta.db_table, column="value_ciphertext", row=row)


def _opened(ciphertext: str, row: object) -> str:
    return ciphers.decrypt(
        ciphertext, table=Variable._meta.db_table, column="value_ciphertext", row=row
    )


def _opened_or_none(variable: Variable) -> str | None:
    try:
        return variable.reveal()
    except UndecipherableError:
        return None


def _name_of(entitlement: Entitlement | None) -> str:
    return entitlement.name if entitlement else ""


@contextlib.contextmanager
def _gone_or_taken_refused() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "variable_name_is_unique" in str(error):
            raise errors.InvalidRequestError(
                "name is taken by another variable of this application"
            ) from error
        raise errors.InvalidRequestError("entitlement was deleted") from error
