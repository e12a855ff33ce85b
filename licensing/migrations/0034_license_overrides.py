from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0033_access_rules")]

    operations = [
        migrations.AddField(
            model_name="license",
            name="borrow_max_seconds",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Instead of the policy's. 0: not at all. Empty: the policy's.",
                null=True,
                verbose_name="seats borrowed for",
            ),
        ),
        migrations.AddField(
            model_name="license",
            name="hwid_matching",
            field=models.CharField(
                blank=True,
                choices=[
                    ("any", "One part that is the same"),
                    ("two", "Two parts that are the same"),
                    ("most", "More than half of its parts"),
                    ("all", "All of its parts"),
                ],
                db_default="",
                default="",
                help_text="Instead of what the policy says. Empty: the policy's.",
                max_length=10,
                verbose_name="known again by",
            ),
        ),
        migrations.AddField(
            model_name="license",
            name="sessions_per",
            field=models.CharField(
                blank=True,
                choices=[
                    ("license", "All copies of one license together"),
                    ("user", "Each user name that programs send"),
                    ("device", "Each device"),
                ],
                db_default="",
                default="",
                help_text="Instead of what the policy says. Empty: the policy's.",
                max_length=10,
                verbose_name="sessions counted for",
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.CheckConstraint(
                condition=models.Q(("hwid_matching__in", ("", "any", "two", "most", "all"))),
                name="license_hwid_matching_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.CheckConstraint(
                condition=models.Q(("sessions_per__in", ("", "license", "user", "device"))),
                name="license_sessions_per_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("borrow_max_seconds", None),
                    ("borrow_max_seconds__lte", 31622400),
                    _connector="OR",
                ),
                name="license_borrowing_is_sane",
            ),
        ),
    ]
