"""The output of `python -m stages.diff` for two revisions, on small projects of Git and DVC."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages import diff

ROWS = 400
ONE_SEED = "one seed: these verdicts are about the trained models; with another seed they may be reversed"


def lay_data(root: Path) -> None:
    folder = root / "data/normalized/fashion_mnist"
    (folder / "holdout").mkdir(parents=True)
    for name, values in {"y": np.zeros(3 * ROWS, np.int32), "rows": np.arange(3 * ROWS, dtype=np.int32)}.items():
        np.save(folder / "holdout" / f"{name}.npy", values)
    (folder / "holdout" / "scaling.json").write_text("{}")
    parts = {part: [n * ROWS, (n + 1) * ROWS] for n, part in enumerate(("validation", "train", "test"))}
    (folder / "splits.json").write_text(json.dumps({"holdout": {"arrays": "holdout", "parts": parts}}))


def lay(root: Path, name: str, right: list[int], seeds: tuple[int, ...] = (42,), **recipe: Any) -> None:
    """Lay the files of a variant whose trainings are right in so many of the test rows."""
    predicted = np.zeros((len(right), ROWS, 2), np.float32)
    for number, count in enumerate(right):
        predicted[number, :, 0] = np.where(np.arange(ROWS) < count, 0.9, 0.1)
    predicted[..., 1] = 1 - predicted[..., 0]
    for folder in ("data/recipes", f"data/models/{name}"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    np.savez(root / f"data/models/{name}/predictions.npz", test=predicted)
    (root / f"data/recipes/{name}.json").write_text(
        json.dumps({"dataset": "fashion_mnist", "split": "holdout", **recipe})
    )
    table = pd.DataFrame({"seed": seeds, "epoch": 1, "loss": 0.5, "val_loss": 0.75})
    table.to_csv(root / f"data/models/{name}/history.csv", index=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git and DVC repository whose data, models and histories are in DVC's cache."""
    monkeypatch.chdir(tmp_path)
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)
    lay_data(tmp_path)
    lay(tmp_path, "same", [300])
    lay(tmp_path, "better", [200])
    lay(tmp_path, "hardly", [200])
    run("git", "init", "-q")
    run("git", "config", "user.email", "it@example.org")
    run("git", "config", "user.name", "It")
    dvc("init", "-q")
    dvc("config", "core.analytics", "false")
    commit()
    return tmp_path


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dvc(*arguments: str) -> str:
    return run(sys.executable, "-m", "dvc", *arguments)


def commit() -> None:
    dvc("add", "-q", "data/recipes", "data/normalized", "data/models")
    run("git", "add", ".")
    run("git", "commit", "-qm", "it")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    diff.main(list(arguments))
    return capsys.readouterr().out.splitlines()


def test_after_a_change_the_workspace_is_compared_with_the_last_commit(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, "better", [260])
    lay(project, "hardly", [201])
    lay(project, "new", [300])
    head, first, second, counts, *notes = told(capsys)
    assert head.split() == ["variant", "metric", "HEAD", "workspace", "difference", "low", "high", "verdict"]
    assert first.split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]
    assert first.endswith(" better")
    assert second.split()[:5] == ["hardly", "accuracy", "0.5000", "0.5025", "0.0025"]
    assert second.endswith("within noise")
    assert counts == "1 better, 1 within noise"
    assert notes == [
        "the same recipe, another result: better, hardly",
        *("new: in workspace only", ONE_SEED, "the same, byte for byte: 1"),
    ]


def test_two_commits_are_compared_though_neither_is_checked_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, "better", [260])
    commit()
    run("git", "tag", "tuned")
    lay(project, "better", [100])
    commit()
    shutil.rmtree(project / "data")
    _, line, _, recipes, one_seed, note = told(capsys, "HEAD~2", "tuned", "--metric", "log_loss")
    assert line.split()[:2] == ["better", "log_loss"]
    assert line.endswith(" better")
    assert recipes == "the same recipe, another result: better"
    assert (one_seed, note) == (ONE_SEED, "the same, byte for byte: 2")


def test_what_changed_in_a_recipe_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, "better", [260], optimizer={"class": "Adam", "learning_rate": 0.01}, epochs=5, seed=42)
    commit()
    lay(project, "better", [270], (43,), optimizer={"class": "Adam"}, epochs=3, seed=43)
    lay(project, "hardly", [201])
    lines = told(capsys)
    changed, same = lines[4:6]
    assert changed.startswith("better: ")
    assert sorted(changed.removeprefix("better: ").split("; ")) == [
        *("epochs 5 -> 3", "optimizer.learning_rate 0.01 -> none", "seed 42 -> 43"),
    ]
    assert same == "the same recipe, another result: hardly"


def test_the_seeds_that_both_have_are_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, "better", [200, 310, 330], seeds=(42, 43, 44))
    _, line, *_, note = told(capsys)
    assert note == "the same, byte for byte: 2"
    assert line.split()[:5] == ["better", "accuracy", "0.5000", "0.5000", "0.0000"]


def test_other_seeds_are_compared_one_by_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, "better", [260], seeds=(43,))
    assert told(capsys)[1].split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]
    lay(project, "better", [260, 270], seeds=(43, 44))
    assert "better: not compared: expected seeds in common, got [42] and [43, 44]" in told(capsys)


def test_a_revision_that_is_none_is_told(project: Path) -> None:
    with pytest.raises(SystemExit, match=r"^nothing-like-it: expected a revision or an experiment, got: "):
        diff.main(["nothing-like-it"])


def test_a_revision_whose_predictions_are_not_to_be_had_is_told(project: Path) -> None:
    lay(project, "better", [260])
    shutil.rmtree(project / ".dvc/cache")
    with pytest.raises(SystemExit, match=r"^HEAD: expected data/recipes.*, got none; it comes with `dvc pull`"):
        diff.main([])


@pytest.mark.parametrize("name", ["predictions.npz", "history.csv"])
def test_a_variant_whose_files_are_missing_is_noted_and_the_others_are_compared(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    lay(project, "better", [260])
    missing = Path("data/models/hardly") / name
    missing.unlink()
    _, first, counts, *notes = told(capsys)
    assert first.split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]
    assert counts == "1 better"
    assert notes == [
        "the same recipe, another result: better",
        f"hardly: not compared: workspace: expected {missing}, got none; it comes with `dvc repro`",
        *(ONE_SEED, "the same, byte for byte: 1"),
    ]


def test_a_variant_whose_files_are_missing_in_a_commit_is_noted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Path("data/models/hardly/predictions.npz")
    content = missing.read_bytes()
    missing.unlink()
    commit()
    missing.write_bytes(content)
    lay(project, "better", [260])
    lines = told(capsys)
    assert lines[1].split()[0] == "better"
    line = next(line for line in lines if line.startswith("hardly: "))
    assert line.startswith(f"hardly: not compared: HEAD: expected {missing}, got none; it comes with `dvc pull`")


def test_a_variant_whose_file_is_damaged_is_noted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, "better", [260])
    damaged = Path("data/models/hardly/predictions.npz")
    damaged.write_bytes(b"PK")
    lines = told(capsys)
    assert lines[1].split()[0] == "better"
    assert any(line.startswith(f"hardly: not compared: {damaged}: expected a whole .npz file") for line in lines)


@pytest.mark.parametrize("name", ["y.npy", "rows.npy"])
@pytest.mark.parametrize("revision", ["HEAD", "workspace"])
def test_changed_variants_without_targets_are_noted(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, revision: str
) -> None:
    missing = Path("data/normalized/fashion_mnist/holdout") / name
    content = missing.read_bytes()
    missing.unlink()
    if revision == "HEAD":
        commit()
        missing.write_bytes(content)
    lay(project, "better", [260])
    lay(project, "hardly", [201])
    better, hardly, same = told(capsys)
    start = f"not compared: {revision}: expected {missing}, got none; it comes with `dvc "
    assert better.startswith(f"better: {start}")
    assert hardly.startswith(f"hardly: {start}")
    assert same == "the same, byte for byte: 1"


def test_a_revision_without_the_files_of_any_variant_is_told(project: Path) -> None:
    shutil.rmtree(project / "data/models")
    with pytest.raises(
        SystemExit, match=r"^workspace: expected data/models/better/\S+, got none; it comes with `dvc r"
    ):
        diff.main([])


def test_a_revision_of_before_the_pipeline_is_told(project: Path) -> None:
    run("git", "checkout", "-q", "--orphan", "empty")
    run("git", "rm", "-rfq", "--cached", ".")
    run("git", "commit", "-q", "--allow-empty", "-m", "nothing")
    with pytest.raises(SystemExit, match=r"^HEAD: expected data/recipes, got a revision without it"):
        diff.main([])


def test_a_metric_that_nothing_measures_is_told(project: Path) -> None:
    with pytest.raises(SystemExit, match=r"^--metric: expected one of accuracy.*, got 'acuracy'"):
        diff.main(["--metric", "acuracy"])
