"""Each model of licensing that the handbook lists has a page, and a test in this folder that reads like it."""

import re
from pathlib import Path

from licensing import handbook

# By the names that people look for, in the order of the handbook.
MODELS = {
    "perpetual": "how-to/perpetual-licenses",
    "subscription": "how-to/subscriptions",
    "trial": "how-to/trials",
    "node_locked": "models/node-locked",
    "floating": "models/floating",
    "named_user": "models/named-user",
    "feature_tiers": "how-to/entitlements",
    "metered": "how-to/metered",
    "perpetual_fallback": "how-to/perpetual-fallback",
    "offline": "how-to/offline",
    "air_gapped": "models/air-gapped",
}
TESTS = {
    file.stem.removeprefix("test_"): file
    for file in Path(__file__).parent.glob("test_*.py")
    if file != Path(__file__)
}


def test_each_model_has_a_test_that_names_its_page() -> None:
    named = {
        model: re.findall(r"^\"\"\"docs/([\w/-]+)\.md\b", file.read_text())
        for model, file in TESTS.items()
    }

    assert named == {model: [page] for model, page in MODELS.items()}


def test_the_handbook_lists_these_models_and_no_others() -> None:
    [listed] = [part for part in handbook.navigation() if part.title == "Models of licensing"]

    assert [entry.path for entry in listed.entries] == list(MODELS.values())
    of_the_folder = {path for path in handbook.sources() if path.startswith("models/")}
    assert of_the_folder <= set(MODELS.values())
