"""The same judgement for a session that is there, which finds what it needs by itself: statements that never call it fetch less."""

from django.db import migrations

SESSION_IS_DENIED = """
CREATE FUNCTION licensing_session_is_denied(of_session uuid, own_address inet, own_country text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN COALESCE((
        SELECT licensing_access_is_denied(
            session.application_id, session.license_id,
            COALESCE(NULLIF(license.hwid_matching, ''), policy.hwid_matching),
            ARRAY[':' || encode(device.hwid_digest, 'hex')] || device.components,
            own_address, own_country, session.user_name
        )
        FROM licensing_session session
        JOIN licensing_license license ON license.id = session.license_id
        JOIN licensing_policy policy ON policy.id = license.policy_id
        JOIN licensing_device device ON device.id = session.device_id
        WHERE session.id = of_session
    ), false);
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("licensing", "0037_entitlements_in_functions")]

    operations = [
        migrations.RunSQL(
            SESSION_IS_DENIED, "DROP FUNCTION licensing_session_is_denied(uuid, inet, text)"
        )
    ]
