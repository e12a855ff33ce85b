"""How the staff pages name two tables; nothing in the database changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0038_access_rules_of_sessions"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="apikey",
            options={"ordering": ("-created_at", "-id"), "verbose_name": "API key"},
        ),
        migrations.AlterModelOptions(
            name="webhookdelivery",
            options={"ordering": ("-id",), "verbose_name_plural": "webhook deliveries"},
        ),
    ]
