from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0029_variables")]

    operations = [
        migrations.AlterField(
            model_name="session",
            name="ended_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("logout", "Logged out"),
                    ("developer", "Ended by the developer"),
                    ("replaced", "Replaced by a newer session"),
                    ("released", "Device released"),
                    ("revoked", "License revoked"),
                    ("transfer", "License transferred"),
                ],
                max_length=10,
            ),
        ),
    ]
