"""What several test files need: the repository's own parameters, and TensorFlow as the stages use it."""

import gc
from pathlib import Path

import pytest

from stages.recipes.resolve import Recipe
from stages.recipes.schema import Params, read_params
from stages.training import xla

xla.set_flags()  # before any test file imports Keras

ROOT = Path(__file__).resolve().parents[1]


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
def recipes(params: Params, deterministic: None) -> dict[str, Recipe]:
    from stages.configure import complete

    return complete(params)
