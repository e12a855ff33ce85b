import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0017_floating_seats")]

    operations = [
        migrations.AddField(
            model_name="license",
            name="releases",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(),
                db_default=[],
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="license",
            name="releases_max",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Instead of the policy's number. Empty: the policy's.",
                null=True,
                verbose_name="releases by programs",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="releases_max",
            field=models.PositiveIntegerField(
                blank=True,
                default=3,
                help_text="How often customers may release a device themselves in the time below. Empty: no limit.",
                null=True,
                verbose_name="releases by programs",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="releases_pause_seconds",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Empty: none.",
                null=True,
                verbose_name="time between two releases",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="releases_period_seconds",
            field=models.PositiveIntegerField(
                default=2592000, help_text="Any stretch of time of this length.", verbose_name="in"
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("releases_max", None), ("releases_max__lte", 100), _connector="OR"
                ),
                name="license_releases_are_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("releases_max", None), ("releases_max__lte", 100), _connector="OR"),
                    models.Q(
                        ("releases_pause_seconds", None),
                        ("releases_pause_seconds__range", (1, 31622400)),
                        _connector="OR",
                    ),
                    ("releases_period_seconds__range", (1, 31622400)),
                ),
                name="policy_releases_are_sane",
            ),
        ),
    ]
