from django.db import migrations


class Migration(migrations.Migration):
    """The table of the database cache, so that `migrate` alone makes the whole database.

    Unlogged: what it holds are counts of log-in attempts, which may be lost in a crash but not cost a
    write-ahead log record each. The columns are those of `createcachetable`.
    """

    dependencies = [("accounts", "0001_people")]

    operations = [
        migrations.RunSQL(
            """
            CREATE UNLOGGED TABLE cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX cache_expires ON cache (expires);
            """,
            "DROP TABLE cache",
        )
    ]
