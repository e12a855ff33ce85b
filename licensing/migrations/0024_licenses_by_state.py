"""Find the few licenses that are suspended, revoked or expired without walking past the many that are not."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("licensing", "0023_bulk_jobs")]

    operations = [
        AddIndexConcurrently(
            model_name="license",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True),
                fields=["application", "status", "-id"],
                name="license_by_status",
            ),
        ),
        AddIndexConcurrently(
            model_name="license",
            index=models.Index(
                condition=models.Q(("expires_at__isnull", False), ("status", "active")),
                fields=["application", "expires_at"],
                name="license_by_expiry",
            ),
        ),
    ]
