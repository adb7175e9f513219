"""The output of `python -m stages.diff` for two revisions, on small projects of Git and DVC."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo
from projects import copied, initialize

from stages import diff, revisions
from stages.artifacts import PREDICTIONS
from stages.revisions import Recorded, Workspace, md5s_in
from stages.scheduling.store import CacheStore
from stages.scheduling.task import hash_path

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC, in this process

ROWS = 400
GIT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
ONE_SEED = "one seed: these verdicts are about the trained models; with another seed they may be reversed"


def lay_data(root: Path) -> None:
    folder = root / "data/normalized/fashion_mnist"
    (folder / "holdout").mkdir(parents=True)
    for name, values in {"y": np.zeros(3 * ROWS, np.int32), "rows": np.arange(3 * ROWS, dtype=np.int32)}.items():
        np.save(folder / "holdout" / f"{name}.npy", values)
    (folder / "holdout" / "scaling.json").write_text("{}")
    parts = {part: [n * ROWS, (n + 1) * ROWS] for n, part in enumerate(("validation", "train", "test"))}
    (folder / "splits.json").write_text(json.dumps({"holdout": {"arrays": "holdout", "parts": parts}}))


def lay(
    root: Path,
    name: str,
    right: list[int],
    seeds: tuple[int, ...] = (42,),
    diverged: tuple[int, ...] = (),
    train_loss: float = 0.5,
    **recipe: Any,
) -> None:
    """Lay the files of a variant whose trainings are right in so many of the test rows."""
    predicted = np.zeros((len(right), ROWS, 2), np.float32)
    for number, count in enumerate(right):
        predicted[number, :, 0] = np.nan if number in diverged else np.where(np.arange(ROWS) < count, 0.9, 0.1)
    predicted[..., 1] = 1 - predicted[..., 0]
    for folder in ("data/recipes", f"data/models/{name}"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    np.savez(root / f"data/models/{name}/predictions.npz", test=predicted)
    (root / f"data/recipes/{name}.json").write_text(
        json.dumps({"dataset": "fashion_mnist", "split": "holdout", **recipe})
    )
    table = pd.DataFrame({"seed": seeds, "epoch": 1, "loss": 0.5, "val_loss": 0.75})
    table.to_csv(root / f"data/models/{name}/history.csv", index=False)
    places = range(len(right))
    summary = {
        "evaluations": [{} if number in diverged else {"train": {"loss": train_loss}} for number in places],
        "diverged": [{"epoch": 1, "reason": "loss nan"} if number in diverged else None for number in places],
    }
    (root / f"data/models/{name}/summary.json").write_text(json.dumps(summary))


def lay_criteria(root: Path) -> None:
    """Differences of less than 2 points are not worth having. It is no part of a revision."""
    (root / "data").mkdir(exist_ok=True)
    criteria = {"confidence": 0.95, "looks": [5], "worth": {"accuracy": 0.02}}
    (root / "data/criteria.json").write_text(json.dumps(criteria))


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Git and DVC repository whose data, models and histories are in DVC's cache."""
    root = tmp_path_factory.mktemp("committed") / "project"
    root.mkdir()
    lay_data(root)
    lay(root, "same", [300])
    lay(root, "better", [200])
    lay(root, "hardly", [200])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for variable in GIT:
            patch.delenv(variable, raising=False)
        initialize(root)
        commit()
    return root


@pytest.fixture
def project(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository."""
    root = copied(committed, tmp_path / "project")
    lay_criteria(root)
    monkeypatch.chdir(root)
    for variable in GIT:
        monkeypatch.delenv(variable, raising=False)
    return root


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def commit() -> None:
    with Repo() as repo:
        repo.add(["data/recipes", "data/normalized", "data/models"])
    git("add", ".")
    git("commit", "-qm", "it")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    diff.main(list(arguments))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("lock", ["stages: []", "stages: {a: null}", "stages: {a: {outs: [{md5: x}]}}", "[", ""])
def test_a_damaged_lock_names_no_outputs(lock: str) -> None:
    assert md5s_in(lock) == {}


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
    assert second.endswith(" same")
    assert counts == "1 better, 1 same"
    assert notes == [
        "the same recipe, another result: better, hardly",
        *("new: in workspace only", ONE_SEED, "the same, byte for byte: 1"),
    ]


def test_the_lines_share_the_chance_of_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # With five seeds p is 0.03: enough alone, and not as one of two.
    seeds, before, after = (42, 43, 44, 45, 46), [200] * 5, [236, 210, 206, 224, 214]
    for name in ("better", "hardly"):
        lay(project, name, before, seeds)
    commit()
    lay(project, "better", after, seeds)
    assert told(capsys)[1].endswith(" better")
    lay(project, "hardly", after, seeds)
    _, first, second, counts, *_ = told(capsys)
    assert first.endswith(" open")
    assert second.endswith(" open")
    assert counts == "2 open"
    low = float(first.split()[5])
    assert low > 0  # its own interval excludes 0


def test_trainings_that_diverged_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = (42, 43, 44, 45, 46, 47)
    lay(project, "better", [200] * 6, seeds)
    commit()
    lay(project, "better", [200] * 6, seeds, diverged=(0, 1, 2, 3, 4, 5))
    lay(project, "hardly", [201], diverged=(0,))
    lines = told(capsys)
    assert lines[1].endswith(" worse")
    assert lines[2].endswith(" open")
    assert "better: diverged with 6 of 6 seeds, before with 0" in lines
    assert "hardly: diverged with 1 of 1 seeds, before with 0" in lines


def test_an_evaluation_that_changed_is_a_change(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(project, "better", [200], train_loss=0.25)
    _, line, counts, *_ = told(capsys, "--metric", "training_loss")
    assert line.split()[:5] == ["better", "training_loss", "0.5000", "0.2500", "-0.2500"]
    assert counts == "1 no interval"


def test_two_commits_are_compared_though_neither_is_checked_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(project, "better", [260])
    commit()
    git("tag", "tuned")
    lay(project, "better", [100])
    commit()
    shutil.rmtree(project / "data")
    lay_criteria(project)
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


@pytest.fixture
def recorded(project: Path) -> Callable[[str], Recorded]:
    """Records what is in the workspace, as a run does that has put it into the cache."""

    def record(name: str) -> Recorded:
        md5s = {}
        for path in [Path("data/recipes"), Path("data/normalized/fashion_mnist"), *Path("data/models").iterdir()]:
            found = hash_path(path)
            md5s[path.as_posix()] = found.md5
            for inner, md5 in found.files.items():
                store.put(path / inner, md5)
            listing = project / "listing"
            listing.write_bytes(found.listing or b"")
            store.put(listing, found.md5)
            listing.unlink()
        return Recorded(name, md5s, store)

    store = CacheStore(project / ".dvc/cache")
    return record


def test_what_a_run_recorded_is_compared_though_the_workspace_is_gone(
    project: Path, recorded: Callable[[str], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recorded("before")
    lay(project, "better", [260])
    after = recorded("after")
    shutil.rmtree(project / "data")
    lay_criteria(project)
    read: list[str] = []
    path_of = CacheStore.path

    def noted(self: CacheStore, md5: str) -> Path:
        read.append(md5)
        return path_of(self, md5)

    monkeypatch.setattr(CacheStore, "path", noted)
    head, line, *rest = diff.differences(before, after).text().splitlines()
    assert head.split()[2:4] == ["before", "after"]
    assert line.split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]
    assert rest == ["1 better", "the same recipe, another result: better", ONE_SEED, "the same, byte for byte: 2"]
    assert before.md5(PREDICTIONS.path("better")) in read
    assert before.md5(PREDICTIONS.path("same")) not in read


def test_what_was_recorded_and_is_not_in_the_cache_is_told(project: Path, recorded: Callable[[str], Recorded]) -> None:
    before = recorded("before")
    lay(project, "better", [260])
    after = recorded("after")
    CacheStore(project / ".dvc/cache").path(after.md5(PREDICTIONS.path("better"))).unlink()
    line, *_ = diff.differences(before, after).text().splitlines()
    expected = "after: expected data/models/better/predictions.npz, got none; it comes with `dvc pull`"
    assert line == f"better: not compared: {expected}"


def test_the_workspace_of_a_clone_is_compared(project: Path, tmp_path: Path) -> None:
    clone = copied(project, tmp_path / "clone")
    lay(clone, "better", [260])
    text = diff.differences(Workspace(), Workspace(clone, "clone")).text()
    assert text.splitlines()[1].split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]


def test_outputs_that_dvc_lock_records_are_read_from_the_cache_itself(
    project: Path,
    recorded: Callable[[str], Recorded],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outs = [{"path": path, "md5": md5} for path, md5 in recorded("before")._md5s.items()]
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"all": {"cmd": "true", "outs": outs}}}))
    git("rm", "-q", "--cached", "data/recipes.dvc", "data/models.dvc")
    git("add", "dvc.lock")
    git("commit", "-qm", "recorded")
    lay(project, "better", [260])
    monkeypatch.setattr(revisions, "DVCFileSystem", None)
    assert told(capsys)[1].split()[:5] == ["better", "accuracy", "0.5000", "0.6500", "0.1500"]


@pytest.mark.parametrize("lock", ["", "stages: [", "stages: {all: {cmd: true}}"])
def test_a_lock_without_outputs_records_none(lock: str) -> None:
    assert revisions.md5s_in(lock) == {}


def test_a_revision_that_is_none_is_told(project: Path) -> None:
    with pytest.raises(SystemExit, match=r"^nothing-like-it: expected a revision or an experiment, got: "):
        diff.main(["nothing-like-it"])


def test_a_revision_whose_predictions_are_not_to_be_had_is_told(project: Path) -> None:
    lay(project, "better", [260])
    shutil.rmtree(project / ".dvc/cache")
    with pytest.raises(SystemExit, match=r"^HEAD: expected data/recipes.*, got none; it comes with `dvc pull`"):
        diff.main([])


@pytest.mark.parametrize("name", ["predictions.npz", "history.csv", "summary.json"])
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
    git("checkout", "-q", "--orphan", "empty")
    git("rm", "-rfq", "--cached", ".")
    git("commit", "-q", "--allow-empty", "-m", "nothing")
    with pytest.raises(SystemExit, match=r"^HEAD: expected data/recipes, got a revision without it"):
        diff.main([])


def test_a_metric_that_nothing_measures_is_told(project: Path) -> None:
    with pytest.raises(SystemExit, match=r"^--metric: expected one of accuracy.*, got 'acuracy'"):
        diff.main(["--metric", "acuracy"])
