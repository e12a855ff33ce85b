"""Leave room on each page for the next version of its rows, so that a heartbeat writes neither another page nor an index."""

from django.db import migrations

# Heartbeats change nothing that an index holds; PostgreSQL calls that a heap-only-tuple update, if the page has room.
ROOM = {"licensing_session": 70, "licensing_device": 85, "licensing_license": 85}


class Migration(migrations.Migration):
    dependencies = [("licensing", "0003_events_move_to_accounts")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = {percent})",
            f"ALTER TABLE {table} RESET (fillfactor)",
        )
        for table, percent in ROOM.items()
    ]
