"""Fixtures of several test files: the repository's own parameters, and TensorFlow as the stages use it."""

import gc
import os
import signal
from pathlib import Path

import pytest

from stages.params import overrides
from stages.params.schema import Params, read_params
from stages.training import xla
from stages.training.recipe import Recipe

xla.set_flags()  # before any test file imports Keras
# A background process of a script ignores Ctrl-C, and so would the processes that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
OF_THE_CATALOGUE = ("params", "recipes")
"""The fixtures of our own variants; a test with one of them gets the marker `catalogue`."""

TRIES = ("bad_input", "fault")
TRIED = pytest.StashKey[set[tuple[str, ...]]]()
"""Marker, where and what of all collected tests, the long ones too."""


@pytest.hookimpl(tryfirst=True)  # before `-m` leaves any out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if any(name in getattr(item, "fixturenames", ()) for name in OF_THE_CATALOGUE):
            item.add_marker("catalogue")
        if os.name != "posix" and item.get_closest_marker("posix"):
            item.add_marker(pytest.mark.skip(reason="signals, forks and mounts are those of Linux and macOS"))
    config.stash[TRIED] = {
        (name, *marker.args) for item in items for name in TRIES for marker in item.iter_markers(name)
    }


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Put what a test is marked to try into the record of the run, from which `trust.py` makes a table."""
    for name in TRIES:
        item.user_properties += [(name, ": ".join(marker.args)) for marker in item.iter_markers(name)]


@pytest.fixture(scope="session")
def params() -> Params:
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def deterministic() -> None:
    from stages.training import import_tensorflow

    import_tensorflow()
    from stages.training.engine import make_deterministic

    make_deterministic()
    # Each training starts with `clear_session`, which collects garbage: let it not search what the imports made.
    gc.freeze()


@pytest.fixture(scope="session")
def recipes(params: Params) -> dict[str, Recipe]:
    """The recipes of our variants; that `configure` takes them and adds nothing, test_training.py checks."""
    return dict(overrides.recipes(params))
