"""What holds of this project: its parameters, its data, its models and its page. All other tests are of the engine."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from stages import predict
from stages.artifacts import MODELS
from stages.page import PAGE
from stages.params.schema import read_params
from stages.splits import NORMALIZED, load_splits

ROOT = Path(__file__).resolve().parents[1]
PARAMS = read_params(ROOT / "params.yaml")
SPLITS = [(name, split) for name, dataset in PARAMS.datasets.items() for split in dataset.splits]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def made(path: Path) -> Path:
    """The path, if `dvc repro` has made it; else the test is skipped."""
    if not path.exists():
        pytest.skip(f"{path}: run `dvc repro` first")
    return path


def test_the_parameters_have_no_mistake() -> None:
    command = [sys.executable, "-m", "stages.configure", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("dataset", "split"), SPLITS)
def test_no_row_is_in_two_parts_of_a_split(dataset: str, split: str) -> None:
    made(NORMALIZED / dataset)
    for each in load_splits(dataset, split):
        for one, other in combinations(each.rows.values(), 2):
            assert not np.intersect1d(one, other).size


@pytest.mark.parametrize("dataset", PARAMS.datasets)
def test_a_test_row_of_each_data_set_is_predicted(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    variant = next(name for name, each in PARAMS.variants.items() if each.dataset == dataset)
    made(MODELS / variant)
    predict.main([variant, "--test", "0"])
    header, row = capsys.readouterr().out.splitlines()
    assert (header.split(",")[0], row.split(",")[0]) == ("test_row", "0")


def test_the_page_misses_nothing() -> None:
    page = made(PAGE).read_text(encoding="utf-8")
    assert 'id="missing"' not in page
