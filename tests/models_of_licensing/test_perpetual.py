"""docs/how-to/perpetual-licenses.md: paid once, for ever, in the versions that were paid for."""

from tests.models_of_licensing.conftest import Vendor, time_passes


def test_a_customer_pays_once_and_upgrades_later(vendor: Vendor) -> None:
    program = vendor.sell(vendor.policy_of("perpetual-licenses"))

    answer = program.init(app_version="2.9.9").json()
    assert answer["license"]["expires_at"] is None

    time_passes(program.license, days=20 * 365)
    assert program.init(app_version="1.0").json()["warnings"] == []

    refusal = program.init(app_version="3.0").json()
    assert refusal["code"] == "version_not_allowed"
    assert refusal["download_url"] == "https://example.com/download/2"
    assert (refusal["app_version_min"], refusal["app_version_max"]) == (None, "2")

    vendor.call("patch", f"licenses/{program.license.pk}", {"app_version_max": "3"})
    assert program.init(app_version="3.0").json()["success"]


def test_the_computer_and_the_laptop_but_no_third(vendor: Vendor) -> None:
    program = vendor.sell(vendor.policy_of("perpetual-licenses"))

    codes = [
        program.init(hwid=hwid, app_version="2.0").json()["code"]
        for hwid in ("computer", "laptop", "neighbour")
    ]

    assert codes == ["ok", "ok", "hwid_mismatch"]
