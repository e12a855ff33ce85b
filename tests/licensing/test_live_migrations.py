"""Migrations of tables that programs use meanwhile."""

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from licensing.models import License, Session
from tests import factories
from tests.threads import wait_until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)
fewer_things = importlib.import_module("licensing.migrations.0041_fewer_things_to_write")
EDITOR = SimpleNamespace(connection=connection)


def foreign_keys() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'licensing_session'::regclass"
        )
        return {name for (name,) in cursor.fetchall()} & fewer_things.FOREIGN_KEYS.keys()


def read_a_license_and_then_its_sessions(has_read: threading.Event) -> int:
    try:
        with transaction.atomic():
            License.objects.get()
            has_read.set()
            wait_until_somebody_waits()
            return Session.objects.count()
    finally:
        connection.close()


def test_who_reads_a_license_and_then_its_sessions_is_not_cut_off() -> None:
    factories.open_session(factories.make_license())
    fewer_things.add_foreign_keys(None, EDITOR)
    assert len(foreign_keys()) == 2

    has_read = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_a_license_and_then_its_sessions, has_read)
        has_read.wait()
        fewer_things.drop_foreign_keys(None, EDITOR)

        assert reading.result() == 1
    assert not foreign_keys()
