"""Have the end of a chain looked up by its index, however the planner remembers the table.

A connection keeps the plans of these functions. One that was made while the tables were nearly empty reads all of them for each
event, and a job that records thousands takes four times as long.
"""

from django.db import migrations

_FUNCTIONS = ("accounts_chain_event()", "accounts_end_chain()")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_old_events_may_go")]

    operations = [
        migrations.RunSQL(
            [f"ALTER FUNCTION {name} SET enable_seqscan = off" for name in _FUNCTIONS],
            [f"ALTER FUNCTION {name} RESET enable_seqscan" for name in _FUNCTIONS],
        )
    ]
