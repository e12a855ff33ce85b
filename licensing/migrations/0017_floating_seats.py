from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0016_consumption")]

    operations = [
        migrations.AddField(
            model_name="license",
            name="sessions_overdraft",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Instead of the policy's number. Empty: the policy's.",
                null=True,
                verbose_name="overdraft",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="borrow_max_seconds",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How long a program may keep its session without a heartbeat. Empty: not at all.",
                null=True,
                verbose_name="seats may be borrowed for",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="sessions_overdraft",
            field=models.PositiveIntegerField(
                default=0,
                help_text="So many sessions more are let in, and flagged.",
                verbose_name="overdraft",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="sessions_per",
            field=models.CharField(
                choices=[
                    ("license", "All copies of one license together"),
                    ("user", "Each user name that programs send"),
                    ("device", "Each device"),
                ],
                default="license",
                max_length=10,
                verbose_name="sessions are counted for",
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="borrowed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="is_overdraft",
            field=models.BooleanField(db_default=False, default=False, verbose_name="overdraft"),
        ),
        migrations.AddField(
            model_name="session",
            name="user_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AlterField(
            model_name="policy",
            name="sessions_max",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Open sessions at the same time. Empty: no limit.",
                null=True,
                verbose_name="sessions at once",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("sessions_per__in", ("license", "user", "device"))),
                name="policy_sessions_per_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("borrow_max_seconds", None),
                    ("borrow_max_seconds__range", (1, 31622400)),
                    _connector="OR",
                ),
                name="policy_borrowing_is_sane",
            ),
        ),
    ]
