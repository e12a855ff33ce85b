"""Encrypt the secrets of second factors anew, bound to their user and no longer to their column alone."""

from django.db import migrations

from accounts import ciphers

_PLACE = {"table": "mfa_authenticator", "column": "data"}


def _bind(apps, bound_before, bound_after):
    for factor in apps.get_model("mfa", "Authenticator").objects.exclude(type="webauthn"):
        for member in {"secret", "seed"} & factor.data.keys():
            try:
                text = ciphers.decrypt(factor.data[member], **_PLACE, row=bound_before(factor))
            except ciphers.UndecipherableError:
                # It opened for nobody before, and will not now.
                continue
            factor.data[member] = ciphers.encrypt(text, **_PLACE, row=bound_after(factor))
        factor.save(update_fields=["data"])


def _to_column(factor):
    return ""


def _to_user(factor):
    return factor.user_id


def bind(apps, schema_editor):
    _bind(apps, _to_column, _to_user)


def unbind(apps, schema_editor):
    _bind(apps, _to_user, _to_column)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_events_by_tokens"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(bind, unbind)]
