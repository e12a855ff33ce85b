from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The table is in use: its index is made beside the calls and not in their way.
    atomic = False
    dependencies = [("licensing", "0030_sessions_ended_by_transfers")]

    operations = [
        AddIndexConcurrently(
            model_name="trialuse",
            index=models.Index(fields=["license_id"], name="trial_by_license"),
        ),
    ]
