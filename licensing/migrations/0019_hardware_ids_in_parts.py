import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0018_releases_by_programs")]

    operations = [
        migrations.AddField(
            model_name="device",
            name="components",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=[],
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="drifted",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=[],
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="device",
            name="drifted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="policy",
            name="hwid_matching",
            field=models.CharField(
                choices=[
                    ("any", "One part that is the same"),
                    ("two", "Two parts that are the same"),
                    ("most", "More than half of its parts"),
                    ("all", "All of its parts"),
                ],
                default="most",
                help_text="For programs that send the parts of a hardware id one by one.",
                max_length=10,
                verbose_name="a device is known again by",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("hwid_matching__in", ("any", "two", "most", "all"))),
                name="policy_hwid_matching_is_known",
            ),
        ),
    ]
