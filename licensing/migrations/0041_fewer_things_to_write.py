"""Drop indexes that others begin with, and two questions of each new session that its device answers already."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0040_sessions_by_license")]

    operations = [
        migrations.RunSQL(
            # In the order in which programs come to them: who waits for the next table holds none that another waits for.
            "LOCK TABLE licensing_application, licensing_license, licensing_device, licensing_session",
            migrations.RunSQL.noop,
        ),
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
    ]
