"""The files of a variant are found where they were left, and missing or damaged ones are named."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages import artifacts
from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY, Artifact
from stages.splits import NORMALIZED, load_split, load_splits
from stages.training import variant

ALL: list[Artifact[Any]] = [RECIPE, SUMMARY, PREDICTIONS, HISTORY]
each = pytest.mark.parametrize("artifact", ALL, ids=lambda artifact: artifact.ending)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that two variants leave."""
    monkeypatch.chdir(tmp_path)
    for name in ("relu_100", "relu"):
        for artifact in ALL:
            artifact.path(name).parent.mkdir(parents=True, exist_ok=True)
        RECIPE.path(name).write_text('{"dataset": "housing"}')
        SUMMARY.path(name).write_text('{"epochs": [1]}')
        np.savez(PREDICTIONS.path(name), test=np.ones((1, 3, 1), np.float32))
        HISTORY.path(name).write_text("seed,epoch,loss\n42,1,0.5\n")
    return tmp_path


def test_the_training_leaves_its_files_where_they_are_looked_for() -> None:
    assert (artifacts.RECIPES, artifacts.MODELS) == (variant.RECIPES, variant.MODELS)
    read = {inspect.signature(load).parameters["folder"].default for load in (load_split, load_splits)}
    assert read == {NORMALIZED}


def test_the_files_are_read_without_the_code_of_the_parameters() -> None:
    # Stages that read them need not run again when that code changes.
    code = "import sys, stages.artifacts, stages.artifacts.tables; print(*sys.modules)"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert [name for name in done.stdout.split() if name.startswith("stages.params")] == []


def test_what_a_variant_left_is_read(workspace: Path) -> None:
    assert RECIPE.read_all() == {"relu": {"dataset": "housing"}, "relu_100": {"dataset": "housing"}}
    assert SUMMARY.read("relu_100") == SUMMARY.get("relu_100") == {"epochs": [1]}
    np.testing.assert_array_equal(PREDICTIONS.read("relu")["test"], np.ones((1, 3, 1), np.float32), strict=True)
    pd.testing.assert_frame_equal(HISTORY.read("relu"), pd.DataFrame({"seed": [42], "epoch": [1], "loss": [0.5]}))


@each
def test_a_variant_is_called_as_it_was_when_it_left_the_file(artifact: Artifact[Any], workspace: Path) -> None:
    assert artifact.variants() == list(artifact.read_all()) == ["relu", "relu_100"]


@each
def test_what_is_not_there_is_none_or_named(artifact: Artifact[Any], workspace: Path) -> None:
    artifact.path("relu").unlink()
    assert artifact.get("relu") is None
    assert list(artifact.read_all()) == ["relu_100"]
    with pytest.raises(ValueError, match=f"^{artifact.path('relu')}: expected the file .*, got none$"):
        artifact.read("relu")


DAMAGED = [*((artifact, b"") for artifact in ALL), *((artifact, b"\xff{,") for artifact in ALL)]
DAMAGED += [(RECIPE, b'{"dataset'), (PREDICTIONS, b"PK\x03\x04"), (HISTORY, b'seed,"epoch')]


@pytest.mark.parametrize(("artifact", "content"), DAMAGED)
def test_what_is_damaged_is_named(artifact: Artifact[Any], content: bytes, workspace: Path) -> None:
    path = artifact.path("relu")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{path}: expected a whole {path.suffix} file, got: \S+"):
        artifact.read("relu")


@each
def test_it_is_read_from_wherever_its_bytes_are(artifact: Artifact[Any], workspace: Path, tmp_path: Path) -> None:
    content = artifact.path("relu").read_bytes()
    artifact.path("relu").unlink()
    assert str(artifact.read("relu", {artifact.path("relu"): content}.__getitem__)) == str(artifact.read("relu_100"))
