"""Drop indexes that others begin with, and two questions of each new session that its device answers already.

Django would drop and check anew the foreign keys of all devices as well, and make everybody wait for that: so the statements are our own.
Those that were carried out may be carried out again.
"""

import time
from typing import Any

import django.db.models.deletion
from django.db import OperationalError, migrations, models, transaction
from psycopg.errors import LockNotAvailable

# Sooner than PostgreSQL looks for a deadlock, so that no program's call is what ends one.
LOCK_TIMEOUT, TRIES, REST_SECONDS = "300ms", 200, 0.2

INDEXES = {
    "licensing_device_application_id_bd50dea3": "licensing_device (application_id)",
    "licensing_device_license_id_ff7a8246": "licensing_device (license_id)",
    "licensing_session_application_id_648936cd": "licensing_session (application_id)",
    "licensing_session_license_id_1c4e4e9f": "licensing_session (license_id)",
    "session_open_by_license": "licensing_session (license_id, id) WHERE ended_at IS NULL",
}
FOREIGN_KEYS = {
    "licensing_session_application_id_648936cd_fk_licensing": (
        "(application_id) REFERENCES licensing_application (id)"
    ),
    "licensing_session_license_id_1c4e4e9f_fk_licensing_license_id": (
        "(license_id) REFERENCES licensing_license (id)"
    ),
}


def drop_foreign_keys(apps: Any, schema_editor: Any) -> None:
    for name in FOREIGN_KEYS:
        _try(
            schema_editor.connection,
            f"ALTER TABLE licensing_session DROP CONSTRAINT IF EXISTS {name}",
        )


def add_foreign_keys(apps: Any, schema_editor: Any) -> None:
    drop_foreign_keys(apps, schema_editor)
    for name, definition in FOREIGN_KEYS.items():
        _try(
            schema_editor.connection,
            f"ALTER TABLE licensing_session ADD CONSTRAINT {name} FOREIGN KEY {definition}"
            " DEFERRABLE INITIALLY DEFERRED NOT VALID",
        )
        _try(
            schema_editor.connection,
            f"ALTER TABLE licensing_session VALIDATE CONSTRAINT {name}",
        )


def _try(connection: Any, statement: str) -> None:
    """Wait for a lock only shortly, for all who come meanwhile wait behind, and try again."""
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                cursor.execute(statement)
        except OperationalError as error:
            if not (tries_left and isinstance(error.__cause__, LockNotAvailable)):
                raise
            time.sleep(REST_SECONDS)
        else:
            return


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("licensing", "0040_sessions_by_license")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(drop_foreign_keys, add_foreign_keys),
                *(
                    migrations.RunSQL(
                        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
                        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}",
                    )
                    for name, definition in INDEXES.items()
                ),
            ],
            state_operations=[
                migrations.RemoveIndex(model_name="session", name="session_open_by_license"),
                migrations.AlterField(
                    model_name="device",
                    name="application",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="devices",
                        to="licensing.application",
                    ),
                ),
                migrations.AlterField(
                    model_name="device",
                    name="license",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="devices",
                        to="licensing.license",
                    ),
                ),
                migrations.AlterField(
                    model_name="session",
                    name="application",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="licensing.application",
                    ),
                ),
                migrations.AlterField(
                    model_name="session",
                    name="license",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="licensing.license",
                    ),
                ),
            ],
        ),
    ]
