"""A license is deleted in the moment in which a program opens a session with it: of the two, none is left."""

import pytest
from django.test import Client

from licensing.models import Device, License, Session
from tests import factories
from tests.api.runtime.conftest import Program
from tests.threads import while_it_is_deleted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "new"])
def test_who_comes_while_a_license_is_deleted_finds_none(client: Client, is_known: bool) -> None:
    program = Program(client, factories.make_license())
    if is_known:
        program.init()

    answer = while_it_is_deleted(program.license, program.init)

    assert answer.status_code == 404, answer.content
    assert answer.json()["code"] == "license_not_found"
    assert not License.objects.exists()
    assert not Device.objects.exists()
    assert not Session.objects.exists()
