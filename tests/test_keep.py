"""The tables of a run with several seeds, kept beside those of one."""

from pathlib import Path

import pandas as pd
import pytest

from stages import keep
from stages.presentation import kept as repeats

ONE = pd.DataFrame(
    {
        "dataset": "housing",
        "variant": ["a", "b"],
        "split": 0,
        "seed": 42,
        "epochs": [5, 3],
        "test_mse": [0.25, 0.5],
        "test_accuracy": [float("nan")] * 2,
    }
)
SEVERAL = pd.concat([ONE, ONE.assign(seed=43, test_mse=0.7)])


def test_trainings_that_both_runs_have_are_not_stale_if_they_are_the_same() -> None:
    assert repeats.stale_trainings(SEVERAL, ONE) == []
    assert repeats.stale_trainings(SEVERAL, ONE.assign(test_mse=ONE["test_mse"] + 1e-6)) == []


@pytest.mark.parametrize(
    "changes",
    [{"test_mse": [0.25, 0.501]}, {"epochs": [5, 4]}, {"seed": [42, 44]}, {"test_mae": [float("nan"), 0.1]}],
    ids=["another figure", "other epochs", "a seed of its own", "a metric of its own"],
)
def test_a_training_that_the_kept_run_has_not_is_stale(changes: dict[str, list[float]]) -> None:
    assert repeats.stale_trainings(SEVERAL, ONE.assign(**changes)) == ["b"]


def test_a_variant_that_is_new_or_gone_is_stale() -> None:
    assert repeats.stale_trainings(SEVERAL, ONE[:1]) == ["b"]
    assert repeats.stale_trainings(SEVERAL[SEVERAL["variant"] == "a"], ONE) == ["b"]


def study(name: str, *variants: str, seeds: int = 1) -> dict[Path, pd.DataFrame]:
    columns = {"study": name, "baseline": "a", "metric": "mse", "expected": "better", "seeds": seeds}
    return {
        repeats.ANSWERS: pd.DataFrame([dict.fromkeys(repeats.ASKED[repeats.ANSWERS], name) | {"seeds": seeds}]),
        repeats.COMPARISONS: pd.DataFrame([columns | {"variant": variant} for variant in variants]),
    }


def tables(trainings: pd.DataFrame, *studies: dict[Path, pd.DataFrame]) -> dict[Path, pd.DataFrame]:
    published = pd.DataFrame([dict.fromkeys(repeats.ASKED[repeats.PUBLISHED], "") | {"variant": "a"}])
    asked_of = {path: pd.concat([each[path] for each in studies]) for path in (repeats.ANSWERS, repeats.COMPARISONS)}
    return asked_of | {repeats.PUBLISHED: published, repeats.TRAININGS: trainings}


def test_a_new_variant_takes_the_kept_answers_from_its_own_study_alone() -> None:
    new = pd.concat([ONE, ONE[:1].assign(variant="mine")])
    several = tables(SEVERAL, study("first", "b", seeds=5), study("second", "b", seeds=5))
    one = tables(new, study("first", "b"), study("second", "b", "mine"))
    found, own = repeats.joined(several, one)
    assert own == ["second"]
    assert found[repeats.COMPARISONS][["study", "variant", "seeds"]].to_numpy().tolist() == [
        ["first", "b", 5],
        ["second", "b", 1],
        ["second", "mine", 1],
    ]
    assert found[repeats.ANSWERS]["seeds"].tolist() == [5, 1]
    assert len(found[repeats.TRAININGS]) == len(SEVERAL) + 1


def test_a_training_that_changed_takes_the_kept_answers_from_every_study_that_compares_it() -> None:
    several = tables(SEVERAL, study("first", "b", seeds=5), study("second", "c", seeds=5))
    one = tables(ONE.assign(epochs=[5, 4]), study("first", "b"), study("second", "c"))
    assert repeats.joined(several, one)[1] == ["first"]


def asked(path: Path) -> pd.DataFrame:
    return pd.DataFrame([dict.fromkeys(repeats.ASKED[path], "this"), dict.fromkeys(repeats.ASKED[path], None)])


@pytest.mark.parametrize(
    ("path", "column"), [(path, column) for path, columns in repeats.ASKED.items() for column in columns]
)
def test_a_run_that_asked_something_else_is_stale(path: Path, column: str) -> None:
    several = {path: asked(path).assign(verdict="better") for path in repeats.ASKED} | {repeats.TRAININGS: SEVERAL}
    one = {path: asked(path).assign(verdict="worse") for path in repeats.ASKED} | {repeats.TRAININGS: ONE}
    assert repeats.stale(several, one) == []
    other = asked(path)
    other.loc[1, column] = "that"
    assert repeats.stale(several, one | {path: other}) == [
        f"{repeats.kept(path)}: expected what {path} asks, got something else"
    ]


def leave_tables(trainings: pd.DataFrame) -> None:
    for path in repeats.KEPT:
        path.parent.mkdir(exist_ok=True)
        trainings.to_csv(path, index=False)


def test_the_tables_of_the_workspace_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    leave_tables(SEVERAL)
    keep.main([])
    assert [repeats.kept(path).read_bytes() for path in repeats.KEPT] == [path.read_bytes() for path in repeats.KEPT]


def test_a_run_with_one_seed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    leave_tables(ONE)
    with pytest.raises(SystemExit, match="expected a run with several seeds, got seed 42 alone"):
        keep.main([])
    assert not repeats.REPEATS.exists()


def test_a_run_without_tables_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"workspace: expected reports/answers\.csv, got none; .*dvc repro"):
        keep.main([])
