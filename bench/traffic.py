"""The traffic of a month in the bench's database, for bench/month.py: what the tables of sessions grow to.

Autovacuum cannot keep pace with days of two seconds, so the table is vacuumed here when its own settings would have it so.
"""

import datetime as dt
import os
from typing import Any

import django
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
django.setup()

# Models can be imported only now that Django is set up.
from licensing import clearing  # noqa: E402

BEATS_PER_DAY, DAYS, KEPT_DAYS = 12, 30, 7
TABLE = "licensing_session"
_LAYOUT = "{:>4} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}"


def main() -> None:
    _sql(f"TRUNCATE {TABLE}")
    today = dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS)
    print(_LAYOUT.format("day", "sessions", "dead", "table kB", "index kB", "HOT", "vacuums"))
    vacuums = 0
    for day in range(1, DAYS + 1):
        _sql(_END_YESTERDAYS, [today])
        _sql(_OPEN, [today, today, today, today])
        for beat in range(BEATS_PER_DAY):
            _sql(_BEAT, [today + dt.timedelta(hours=2 * beat)])
            vacuums += _vacuum_if_due()
        clearing.clear_sessions(over_before=today - dt.timedelta(days=KEPT_DAYS))
        vacuums += _vacuum_if_due()
        print(_LAYOUT.format(day, *_facts(), vacuums), flush=True)
        today += dt.timedelta(days=1)


def _facts() -> list[str]:
    _sql("SELECT pg_stat_force_next_flush()")
    [row] = _sql(_FACTS)
    sessions, dead, table_kb, index_kb, hot = row
    return [f"{sessions:,}", f"{dead:,}", f"{table_kb:,}", f"{index_kb:,}", f"{hot:.0%}"]


def _vacuum_if_due() -> bool:
    _sql("SELECT pg_stat_force_next_flush()")
    [[is_due]] = _sql(_IS_DUE)
    if is_due:
        _sql(f"VACUUM ANALYZE {TABLE}")
    return bool(is_due)


def _sql(statement: str, parameters: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


_END_YESTERDAYS = f"""
    UPDATE {TABLE} SET ended_at = GREATEST(%s, opened_at), ended_reason = 'logout' WHERE ended_at IS NULL
"""  # noqa: S608

# Ids tell the time (RFC 9562, section 5.7), and clearing looks for them by it.
_OPEN = f"""
    INSERT INTO {TABLE} (id, application_id, license_id, device_id, token_digest, app_version, ip_address,
        opened_at, last_seen_at, expires_at, ended_reason)
    SELECT encode(
            substring(int8send((extract(epoch FROM %s::timestamptz) * 1000)::bigint) FROM 3)
            || substring(uuid_send(gen_random_uuid()) FROM 7), 'hex'
        )::uuid,
        application_id, license_id, id, sha256(uuid_send(gen_random_uuid())), '1.0', '192.0.2.1',
        %s, %s, %s::timestamptz + interval '1 day', ''
    FROM licensing_device
"""  # noqa: S608

_BEAT = f"""
    UPDATE {TABLE} SET last_seen_at = beat.at, expires_at = beat.at + interval '1 day'
    FROM (SELECT %s::timestamptz AS at) beat WHERE ended_at IS NULL
"""  # noqa: S608

# https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM
_IS_DUE = f"""
    SELECT stat.n_dead_tup > COALESCE(
            (SELECT option_value::float FROM pg_options_to_table(class.reloptions)
             WHERE option_name = 'autovacuum_vacuum_threshold'),
            current_setting('autovacuum_vacuum_threshold')::float
        ) + COALESCE(
            (SELECT option_value::float FROM pg_options_to_table(class.reloptions)
             WHERE option_name = 'autovacuum_vacuum_scale_factor'),
            current_setting('autovacuum_vacuum_scale_factor')::float
        ) * GREATEST(class.reltuples, 0)
    FROM pg_class class JOIN pg_stat_user_tables stat ON stat.relid = class.oid
    WHERE class.relname = '{TABLE}'
"""  # noqa: S608

_FACTS = f"""
    SELECT (SELECT count(*) FROM {TABLE}), n_dead_tup, pg_relation_size(relid) / 1024,
        pg_indexes_size(relid) / 1024, n_tup_hot_upd::float / GREATEST(n_tup_upd, 1)
    FROM pg_stat_user_tables WHERE relname = '{TABLE}'
"""  # noqa: S608


if __name__ == "__main__":
    main()
