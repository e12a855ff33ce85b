from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # The table is in use: its index is made beside the calls and not in their way.
    atomic = False
    dependencies = [("licensing", "0019_hardware_ids_in_parts")]

    operations = [
        AddIndexConcurrently(
            model_name="device",
            index=GinIndex(fields=["components"], name="device_by_component"),
        ),
    ]
