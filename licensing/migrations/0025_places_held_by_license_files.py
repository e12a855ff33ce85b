"""Places of devices that were let go and may run on under a license file."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0024_licenses_by_state"),
    ]

    operations = [
        migrations.AddField(
            model_name="license",
            name="places_held",
            field=models.JSONField(db_default={}, default=dict, editable=False),
        ),
    ]
