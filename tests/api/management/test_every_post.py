"""Every POST of the management API keeps the promises about `Idempotency-Key`, and none has to remember them."""

import pytest

from tests.api.management.conftest import Script, problem_of
from tests.api.management.test_doors import BODIES, CALLS
from tests.api.management.test_doors import paths as paths

# What each sends, and something else; it is refused before it is looked at.
OTHER = {"something": "else"}
# They need a file, a finished dry run, a trial, an end to count from, or a key that is past: what is refused is not kept.
REFUSED = ("/from-file", "/perform", "/convert", "/renew", "signing-keys/<uuid:id>/retire")


@pytest.mark.parametrize(
    "address", sorted(address for method, address in CALLS if method == "POST")
)
def test_a_post_with_a_key_acts_once(script: Script, paths: dict[str, str], address: str) -> None:
    path, body = paths[address], BODIES.get(address.rpartition("/")[2])

    first, again, other = (
        script.call("POST", path, sent, **{"Idempotency-Key": "order-4711"})
        for sent in (body, body, OTHER)
    )

    if address.endswith(REFUSED):
        assert first.status_code in (400, 409, 415)
        assert "Idempotent-Replayed" not in again
        return
    assert (first.status_code < 300, again.status_code) == (True, first.status_code)
    assert first.streaming or again["Idempotent-Replayed"] == "true"
    problem_of(other, 422, "idempotency_key_reused")
