"""License files: how long they last, until when each device may run on one, and what sessions keep for writing them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0021_vacuum_sessions_often"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="license_file_ends_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="policy",
            name="license_file_seconds",
            field=models.PositiveIntegerField(
                blank=True,
                default=259200,
                help_text="How long a device may go without asking. A revocation takes effect there when the file ends. Empty: no license files.",
                null=True,
                verbose_name="license files last",
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="sealed_device_digest",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("license_file_seconds", None),
                    ("license_file_seconds__range", (3600, 7776000)),
                    _connector="OR",
                ),
                name="policy_license_files_end_in_time",
            ),
        ),
    ]
