# ruff: noqa: S608 (statements are put together from constants of our own files alone)
"""A bench's database with any number of licenses in little time: `python -m bench.multiplying FOLDER LICENSES SAMPLE`.

The first thousand come from the verbs, as everywhere in the bench. The others are copies that PostgreSQL makes of one of
those, each with a device and an open session, with ids, digests and names of their own. Real secrets belong to a random
sample alone, spread over all of the table: who calls must be known, and who does not call takes as much room without.
"""

import os
import random
import secrets
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path

import django
from django.db import connection, transaction
from django.db.models import Model

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from bench import seed  # noqa: E402
from licensing import keys, tokens  # noqa: E402
from licensing.models import Application, Device, License, LicenseBatch, Session  # noqa: E402

FIRST = 1_000


def main(folder: str, licenses_count: str, sample_count: str) -> None:
    count, wanted = int(licenses_count), int(sample_count)
    first = min(count, FIRST)
    application, bodies = seed.seed(first, ("session",))
    if count > first:
        # As many of the first as their share of all is.
        of_first = -(-first * wanted // count)
        bodies = {
            name: random.sample(lines, min(first, of_first)) for name, lines in bodies.items()
        }
        more = multiply(application, count - first, min(count - first, wanted - of_first))
        bodies = {name: [*lines, *more[name]] for name, lines in bodies.items()}
    seed.write(Path(folder), bodies)


@transaction.atomic
def multiply(application: Application, count: int, sample_count: int) -> seed.Bodies:
    """Add `count` licenses, each with a device and an open session, and return what `sample_count` of them would post."""
    _sql(_TABLE_OF_THE_SAMPLE)
    bodies = _draw_sample(application, count, sample_count)
    _sql("ANALYZE bench_sample")
    _leave_references_unasked()
    _sql(_MADE, [count])
    _sql("ANALYZE bench_made")
    for model, source, own in _COPIES:
        _copy(model, source, own)
    LicenseBatch.objects.update(licenses_count=application.licenses.count())
    return bodies


def _draw_sample(application: Application, count: int, sample_count: int) -> seed.Bodies:
    api_key = application.api_keys.get().reveal()
    bodies: seed.Bodies = {"init": [], "session": []}
    with connection.cursor() as cursor, cursor.copy("COPY bench_sample FROM STDIN") as copy:
        for number in random.sample(range(1, count + 1), sample_count):
            key, hwid, token = keys.new_license_key(), secrets.token_hex(32), uuid.uuid4()
            copy.write_row(
                (
                    number,
                    tokens.license_key_digests(key)[0],
                    key[-5:],
                    tokens.hwid_digest(application.pk, hwid),
                    tokens.session_token_digest(token),
                )
            )
            bodies["init"].append(seed.body(api_key, license_key=key, hwid=hwid))
            bodies["session"].append(seed.body(api_key, session_token=str(token)))
    return bodies


def _leave_references_unasked() -> None:
    """Spare PostgreSQL to look for each row's application, license and device, where it lets us: they are there."""
    [[is_superuser]] = _sql("SELECT current_setting('is_superuser') = 'on'")
    if is_superuser:
        _sql("SET LOCAL session_replication_role = replica")


def _copy(model: type[Model], source: str, own: dict[str, str]) -> None:
    table = model._meta.db_table
    columns = [str(field.column) for field in model._meta.concrete_fields]
    values = [own.get(column, f"example.{column}") for column in columns]
    _sql(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM {source}, (SELECT * FROM {table} LIMIT 1) example"
    )


def _sql(statement: str, parameters: Iterable[object] = ()) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters] or None)
        return cursor.fetchall() if cursor.description else []


_TABLE_OF_THE_SAMPLE = """
    CREATE TEMPORARY TABLE bench_sample (
        number integer PRIMARY KEY, key_digest bytea, key_last5 text, hwid_digest bytea, token_digest bytea
    ) ON COMMIT DROP
"""

# As accounts/ids.py makes them: 48 bits of milliseconds and 12 of their fractions, with the version between, then random ones.
_UUID7 = """(
    overlay(
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 4096000)::bigint), 15, '0')
        PLACING '7' FROM 13 FOR 0
    ) || right(gen_random_uuid()::text, 17)
)::uuid"""
_DIGEST = "sha256(uuid_send(gen_random_uuid()))"
_SYMBOL = f"substr('{keys.SYMBOLS}', 1 + floor(random() * 32)::integer, 1)"

_MADE = f"""
    CREATE TEMPORARY TABLE bench_made ON COMMIT DROP AS
    SELECT number, {_UUID7} AS license_id,
        COALESCE(key_digest, {_DIGEST}) AS key_digest,
        COALESCE(key_last5, {" || ".join([_SYMBOL] * 5)}) AS key_last5,
        COALESCE(hwid_digest, {_DIGEST}) AS hwid_digest,
        COALESCE(token_digest, {_DIGEST}) AS token_digest
    FROM generate_series(1, %s) number LEFT JOIN bench_sample USING (number)
    ORDER BY number
"""

# Programs start in another order than their licenses were issued in, and so do their rows lie.
_COPIES: tuple[tuple[type[Model], str, dict[str, str]], ...] = (
    (
        License,
        "bench_made made",
        {
            "id": "made.license_id",
            "key_digest": "made.key_digest",
            "key_last5": "made.key_last5",
            "username": "example.username || ' ' || made.number",
        },
    ),
    (
        Device,
        "(SELECT * FROM bench_made ORDER BY random()) made",
        {"id": _UUID7, "license_id": "made.license_id", "hwid_digest": "made.hwid_digest"},
    ),
    (
        Session,
        """(
            SELECT made.*, device.id AS device_id
            FROM bench_made made JOIN licensing_device device USING (license_id)
            ORDER BY random()
        ) made""",
        {
            "id": _UUID7,
            "license_id": "made.license_id",
            "device_id": "made.device_id",
            "token_digest": "made.token_digest",
        },
    ),
)


if __name__ == "__main__":
    main(*sys.argv[1:])
