"""Public keys are published as JSON Web Key Sets."""

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from joserfc.jwk import KeySet, OKPKey

from accounts.models import Event
from licensing import signatures, signing_keys
from licensing.events import SYSTEM
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_application_publishes_its_current_and_next_key(client: Client) -> None:
    application = factories.make_application()

    response = client.get(f"/api/v1/applications/{application.pk}/keys")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/jwk-set+json"
    keys = response.json()["keys"]
    current = application.signing_keys.get(state="current")
    following = application.signing_keys.get(state="next")
    assert [key["x"] for key in keys] == [current.public_key, following.public_key]


def test_a_stock_library_reads_the_key_set_and_agrees_on_the_thumbprints(client: Client) -> None:
    application = factories.make_application()

    document = client.get(f"/api/v1/applications/{application.pk}/keys").json()

    for key in KeySet.import_key_set(document).keys:
        assert isinstance(key, OKPKey)
        assert key.thumbprint() == key.kid


def test_the_installation_publishes_its_own_key(client: Client) -> None:
    [key] = client.get("/api/v1/instance/keys").json()["keys"]

    assert key["kid"] == signatures.instance_signer().key_id


def test_an_unknown_application_is_not_found(client: Client) -> None:
    response = client.get(f"/api/v1/applications/{uuid.uuid4()}/keys")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_keys_are_only_read_here(client: Client, method: str) -> None:
    response = getattr(client, method)("/api/v1/instance/keys")

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


def test_promoted_replaced_and_retired_keys(client: Client) -> None:
    application = factories.make_application()
    first, second = published(client, application)

    factories.promote_next_signing_key(application)
    current, third, previous = published(client, application)
    assert (current, previous) == (second, first)

    signing_keys.replace_signing_key(
        signing_key=application.signing_keys.get(state="next"), actor=SYSTEM
    )
    assert third not in published(client, application)

    [old] = application.signing_keys.filter(state="previous")
    assert signing_keys.retire_signing_key(signing_key=old, actor=SYSTEM)
    assert not signing_keys.retire_signing_key(signing_key=old, actor=SYSTEM)
    assert first not in published(client, application)
    actions = Event.objects.filter(action__startswith="signing_key.").values_list("action")
    assert sorted(action for (action,) in actions) == [
        "signing_key.promoted",
        "signing_key.replaced",
        "signing_key.retired",
    ]


def test_the_command_promotes_and_retires(capsys: pytest.CaptureFixture[str]) -> None:
    application = factories.make_application()
    first = signatures.thumbprint(application.signing_keys.get(state="current").public_key)

    call_command("signing_keys", str(application.pk), "--promote")
    assert f"previous  {first}" in capsys.readouterr().out

    call_command("signing_keys", str(application.pk), f"--retire={first}")
    assert first not in capsys.readouterr().out


def test_the_command_does_not_retire_a_key_in_use() -> None:
    application = factories.make_application()
    current = signatures.thumbprint(application.signing_keys.get(state="current").public_key)

    with pytest.raises(CommandError, match="promote the next one first"):
        call_command("signing_keys", str(application.pk), f"--retire={current}")


def published(client: Client, application) -> list[str]:
    document = client.get(f"/api/v1/applications/{application.pk}/keys").json()
    return [key["x"] for key in document["keys"]]
