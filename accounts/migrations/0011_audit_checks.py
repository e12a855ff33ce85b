from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_second_factors_bound_to_their_user"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("checked_at", models.DateTimeField(db_index=True)),
                ("events", models.BigIntegerField()),
                ("faults", models.BigIntegerField()),
            ],
            options={
                "ordering": ("-id",),
            },
        ),
    ]
