"""Vacuum the sessions when two in a hundred rows are dead, not twenty: of a hundred million, that is too late."""

from django.db import migrations

TABLES = ("licensing_session", "licensing_device")


class Migration(migrations.Migration):
    dependencies = [("licensing", "0020_devices_by_component")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02,"
            " autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)",
            f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)",
        )
        for table in TABLES
    ]
