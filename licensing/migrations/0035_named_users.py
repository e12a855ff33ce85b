"""Licenses for so many people, whoever they are: the first session in a user's name takes a place until the developer frees it."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.ids

# Called where the license is judged, by the statement that opens the session. It is volatile, so each of its statements sees what
# was there when it began: behind the lock on the license that is everybody who was named before.
NAME_USER = """
CREATE FUNCTION licensing_name_user(of_license uuid, own_name text, places integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    new_user licensing_nameduser;
    new_event uuid;
BEGIN
    UPDATE licensing_nameduser SET last_seen_at = statement_timestamp()
    WHERE license_id = of_license AND name = own_name;
    IF FOUND THEN
        RETURN true;
    END IF;
    PERFORM FROM licensing_license WHERE id = of_license FOR NO KEY UPDATE;
    INSERT INTO licensing_nameduser (id, application_id, license_id, name, first_seen_at, last_seen_at)
    SELECT licensing_uuid7(), license.application_id, license.id, own_name,
        statement_timestamp(), statement_timestamp()
    FROM licensing_license license
    WHERE license.id = of_license
        AND own_name <> ''
        AND (SELECT count(*) FROM licensing_nameduser named WHERE named.license_id = of_license) < places
    ON CONFLICT (license_id, name) DO NOTHING
    RETURNING * INTO new_user;
    IF NOT FOUND THEN
        -- No place is free; or this very user was named while we waited.
        RETURN EXISTS (
            SELECT FROM licensing_nameduser named
            WHERE named.license_id = of_license AND named.name = own_name
        );
    END IF;
    INSERT INTO accounts_event (
        id, team_id, application_id, license_id, actor_kind, action, target_type, target_id,
        target_label, before, after, created_at
    )
    SELECT licensing_uuid7(), application.team_id, application.id, of_license,
        'program', 'license.user_named', 'nameduser', new_user.id, 'user', '{}', '{}', statement_timestamp()
    FROM licensing_application application WHERE application.id = new_user.application_id
    RETURNING id INTO new_event;
    INSERT INTO accounts_eventdetail (event_id, about, facts)
    VALUES (new_event, 'target', jsonb_build_object('after', jsonb_build_object('username', own_name)));
    RETURN true;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("licensing", "0034_license_overrides")]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="users_max",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many people may use one license, by the user names that programs send. Empty: no limit.",
                null=True,
                verbose_name="named users",
            ),
        ),
        migrations.AddField(
            model_name="license",
            name="users_max",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Instead of the policy's number. Empty: the policy's.",
                null=True,
                verbose_name="named users",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("users_max", None), ("users_max__gte", 1), _connector="OR"),
                name="policy_allows_a_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="license",
            constraint=models.CheckConstraint(
                condition=models.Q(("users_max", None), ("users_max__gte", 1), _connector="OR"),
                name="license_allows_a_user",
            ),
        ),
        migrations.CreateModel(
            name="NamedUser",
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
                ("name", models.CharField(max_length=150)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="named_users",
                        to="licensing.application",
                    ),
                ),
                (
                    "license",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="named_users",
                        to="licensing.license",
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["application", "-id"], name="named_user_by_application")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("license", "name"), name="user_is_named_once"),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="named_user_has_a_name",
                    ),
                ],
            },
        ),
        migrations.RunSQL(NAME_USER, "DROP FUNCTION licensing_name_user(uuid, text, integer)"),
    ]
