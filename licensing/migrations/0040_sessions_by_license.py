"""Find a license's sessions, the open ones and all, by one index; it is made while programs go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("licensing", "0039_names_of_keys_and_deliveries")]

    operations = [
        AddIndexConcurrently(
            model_name="session",
            index=models.Index(fields=["license", "ended_at"], name="session_by_license"),
        ),
    ]
