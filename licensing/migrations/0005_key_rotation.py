"""A second index column, and with each digest the id of its key: what changing keys while the service runs asks for."""

from django.conf import settings
from django.db import migrations, models


def name_the_only_key(apps, schema_editor):
    """Where there is one key, it made every digest; where there are two, `manage.py keys` finds out."""
    for names, ring, field in (
        (("ApiKey", "License"), settings.INDEX_KEYS, "index_key_id"),
        (("Device",), settings.HWID_KEYS, "hwid_key_id"),
    ):
        if len(ring) == 1:
            for name in names:
                apps.get_model("licensing", name).objects.update(**{field: next(iter(ring))})


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0004_room_for_heartbeats"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="index_key_id",
            field=models.CharField(default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="apikey",
            name="second_index_key_id",
            field=models.CharField(default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="apikey",
            name="second_key_digest",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="device",
            name="hwid_key_id",
            field=models.CharField(default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="license",
            name="index_key_id",
            field=models.CharField(default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="license",
            name="second_index_key_id",
            field=models.CharField(default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="license",
            name="second_key_digest",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.RunPython(name_the_only_key, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("second_key_digest__isnull", False)),
                fields=("second_key_digest",),
                name="api_key_is_unique_under_the_other_key_too",
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.UniqueConstraint(
                condition=models.Q(("second_key_digest__isnull", False)),
                fields=("application", "second_key_digest"),
                name="license_key_is_unique_under_the_other_key_too",
            ),
        ),
    ]
