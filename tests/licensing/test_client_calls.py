"""What the statements of the client calls tell is read by the names of their columns."""

import uuid
from typing import Any, LiteralString

import pytest
from django.db import connection

from licensing.client_calls import LicenseRow, SessionRow, session_parameters
from licensing.opening_statements import FIND_LICENSE
from licensing.session_statements import FIND_SESSION, TOUCH_SESSION
from licensing.variable_statements import FIND_VARIABLES

pytestmark = pytest.mark.django_db

PARAMETERS: dict[str, Any] = {
    "license_key_digest": b"",
    "other_license_key_digest": b"",
    "limit": "",
    "network": "",
    "app_version_key": "",
    "names": None,
}


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (FIND_LICENSE, LicenseRow._fields),
        (FIND_SESSION, LicenseRow._fields + SessionRow._fields),
        (TOUCH_SESSION, LicenseRow._fields + SessionRow._fields),
        (FIND_VARIABLES, LicenseRow._fields + SessionRow._fields),
    ],
    ids=["FIND_LICENSE", "FIND_SESSION", "TOUCH_SESSION", "FIND_VARIABLES"],
)
def test_columns_come_in_the_order_in_which_they_are_read(
    statement: LiteralString, names: tuple[str, ...]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, PARAMETERS | session_parameters("", uuid.uuid4()))
        found = [column.name for column in cursor.description]

    assert tuple(found[: len(names)]) == names
