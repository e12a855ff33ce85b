"""Rules of who is kept out of an application, and of whom alone a license is for.

They are judged in a function, which the statements of the client calls name behind a CASE: where an application has no rules,
PostgreSQL sets nothing up for them.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import accounts.ids

# A rule without a license blocks whom it meets; of a license's rules of one kind, one must be met. What is not known of a caller
# meets no rule.
IS_DENIED = """
CREATE FUNCTION licensing_access_is_denied(
    of_application uuid, of_license uuid, matching text,
    own_digests text[], own_address inet, own_country text, own_user text
) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN COALESCE((
        SELECT bool_or(CASE WHEN list.license_id IS NULL THEN list.is_met ELSE NOT list.is_met END)
        FROM (
            SELECT rule.license_id, bool_or(COALESCE(CASE rule.kind
                WHEN 'hwid' THEN licensing_is_same_device(rule.digests, own_digests, matching)
                WHEN 'network' THEN rule.value::cidr >>= own_address
                WHEN 'country' THEN rule.value = own_country
                WHEN 'user' THEN rule.value = own_user
            END, false)) AS is_met
            FROM licensing_accessrule rule
            WHERE rule.application_id = of_application
                AND (rule.license_id IS NULL OR rule.license_id = of_license)
            GROUP BY rule.license_id, rule.kind
        ) list
    ), false);
END
$$
"""

# By the whole hardware id, or by as many of the parts that the rule knows as the policy calls the same device.
IS_SAME_DEVICE = """
CREATE FUNCTION licensing_is_same_device(known text[], digests text[], matching text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT COALESCE(
        bool_or(name = '' AND is_same)
        OR count(DISTINCT name) FILTER (WHERE name <> '' AND is_same) >= GREATEST(1, CASE matching
            WHEN 'any' THEN 1
            WHEN 'two' THEN LEAST(2, count(DISTINCT name) FILTER (WHERE name <> ''))
            WHEN 'all' THEN count(DISTINCT name) FILTER (WHERE name <> '')
            ELSE count(DISTINCT name) FILTER (WHERE name <> '') / 2 + 1
        END),
        false
    )
    FROM (
        SELECT split_part(part, ':', 1) AS name, part = ANY(digests) AS is_same
        FROM unnest(known) part
    ) part
$$
"""


class Migration(migrations.Migration):
    dependencies = [("licensing", "0032_tokens_made_by_tokens")]

    operations = [
        migrations.AddField(
            model_name="application",
            name="has_access_rules",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.CreateModel(
            name="AccessRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("hwid", "Device"),
                            ("network", "Network"),
                            ("country", "Country"),
                            ("user", "User name"),
                        ],
                        max_length=10,
                    ),
                ),
                ("value", models.CharField(max_length=150)),
                (
                    "digests",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        db_default=[],
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                ("hwid_key_id", models.CharField(default="", editable=False, max_length=32)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access_rules",
                        to="licensing.application",
                    ),
                ),
                (
                    "license",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access_rules",
                        to="licensing.license",
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        fields=["application", "license", "-id"], name="access_rule_by_license"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("license__isnull", False), models.Q(("kind", "hwid"), _negated=True)
                        ),
                        fields=("application", "license", "kind", "value"),
                        name="access_rule_stands_once_on_a_license",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("license", None), models.Q(("kind", "hwid"), _negated=True)
                        ),
                        fields=("application", "kind", "value"),
                        name="access_rule_stands_once_in_an_application",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("hwid", "network", "country", "user"))),
                        name="access_rule_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "user"), _negated=True),
                            ("license__isnull", False),
                            _connector="OR",
                        ),
                        name="access_rule_about_users_is_a_licenses",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "network"), _negated=True),
                            ("value__regex", "^[0-9a-f:.]+/[0-9]+$"),
                            _connector="OR",
                        ),
                        name="access_rule_network_has_a_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "hwid"), _negated=True),
                            models.Q(("digests", []), _negated=True),
                            _connector="OR",
                        ),
                        name="access_rule_device_has_digests",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            IS_SAME_DEVICE, "DROP FUNCTION licensing_is_same_device(text[], text[], text)"
        ),
        migrations.RunSQL(
            IS_DENIED,
            "DROP FUNCTION licensing_access_is_denied(uuid, uuid, text, text[], inet, text, text)",
        ),
    ]
