"""Tables kept of a run with several seeds and of one with one seed."""

from pathlib import Path

import pandas as pd
import pytest

from stages import keep
from stages.presentation import kept

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
    assert kept.stale_trainings(SEVERAL, ONE) == []
    assert kept.stale_trainings(SEVERAL, ONE.assign(test_mse=ONE["test_mse"] + 1e-6)) == []


@pytest.mark.parametrize(
    "changes",
    [{"test_mse": [0.25, 0.501]}, {"epochs": [5, 4]}, {"seed": [42, 44]}, {"test_mae": [float("nan"), 0.1]}],
    ids=["another value", "other epochs", "a seed of its own", "a metric of its own"],
)
def test_a_training_that_the_kept_run_has_not_is_stale(changes: dict[str, list[float]]) -> None:
    assert kept.stale_trainings(SEVERAL, ONE.assign(**changes)) == ["b"]


def test_a_variant_that_is_new_or_gone_is_stale() -> None:
    assert kept.stale_trainings(SEVERAL, ONE[:1]) == ["b"]
    assert kept.stale_trainings(SEVERAL[SEVERAL["variant"] == "a"], ONE) == ["b"]


def study(name: str, *variants: str, seeds: int = 1) -> dict[Path, pd.DataFrame]:
    columns = dict.fromkeys(kept.ASKED[kept.COMPARISONS], "") | {"study": name, "baseline": "a", "seeds": seeds}
    return {
        **{
            path: pd.DataFrame([dict.fromkeys(kept.ASKED[path], name) | {"seeds": seeds}])
            for path in (kept.ANSWERS, kept.PARTS)
        },
        kept.COMPARISONS: pd.DataFrame([columns | {"variant": variant} for variant in variants]),
    }


def tables(trainings: pd.DataFrame, *studies: dict[Path, pd.DataFrame]) -> dict[Path, pd.DataFrame]:
    published = pd.DataFrame([dict.fromkeys(kept.ASKED[kept.PUBLISHED], "") | {"variant": "a"}])
    asked_of = {
        path: pd.concat([each[path] for each in studies]) for path in (kept.ANSWERS, kept.PARTS, kept.COMPARISONS)
    }
    return asked_of | {kept.PUBLISHED: published, kept.TRAININGS: trainings}


def test_a_new_variant_takes_the_kept_answers_from_its_own_study_alone() -> None:
    new = pd.concat([ONE, ONE[:1].assign(variant="mine")])
    several = tables(SEVERAL, study("first", "b", seeds=5), study("second", "b", seeds=5))
    one = tables(new, study("first", "b"), study("second", "b", "mine"))
    found, own = kept.merged(several, one)
    assert own == ["second"]
    assert found[kept.COMPARISONS][["study", "variant", "seeds"]].to_numpy().tolist() == [
        ["first", "b", 5],
        ["second", "b", 1],
        ["second", "mine", 1],
    ]
    assert found[kept.ANSWERS]["seeds"].tolist() == found[kept.PARTS]["seeds"].tolist() == [5, 1]
    assert len(found[kept.TRAININGS]) == len(SEVERAL) + 1


def test_a_training_that_changed_takes_the_kept_answers_from_every_study_that_compares_it() -> None:
    several = tables(SEVERAL, study("first", "b", seeds=5), study("second", "c", seeds=5))
    one = tables(ONE.assign(epochs=[5, 4]), study("first", "b"), study("second", "c"))
    assert kept.merged(several, one)[1] == ["first"]


def asked(path: Path) -> pd.DataFrame:
    return pd.DataFrame([dict.fromkeys(kept.ASKED[path], "this"), dict.fromkeys(kept.ASKED[path], None)])


@pytest.mark.parametrize(
    ("path", "column"), [(path, column) for path, columns in kept.ASKED.items() for column in columns]
)
def test_a_run_that_asked_something_else_is_stale(path: Path, column: str) -> None:
    several = {path: asked(path).assign(verdict="better") for path in kept.ASKED} | {kept.TRAININGS: SEVERAL}
    one = {path: asked(path).assign(verdict="worse") for path in kept.ASKED} | {kept.TRAININGS: ONE}
    assert kept.stale(several, one) == []
    other = asked(path)
    other.loc[1, column] = "that"
    assert kept.stale(several, one | {path: other}) == [
        f"{kept.kept(path)}: expected the questions of {kept.kept(path, kept.ONE_SEED)}, got others"
    ]


def write_files(trainings: pd.DataFrame) -> None:
    for path in keep.FILES:
        path.parent.mkdir(parents=True, exist_ok=True)
        trainings.to_csv(path, index=False)
        path.write_text(f"{path.read_text(encoding='utf-8')}{path}\n", encoding="utf-8")
    trainings.to_csv(kept.TRAININGS, index=False)


@pytest.mark.parametrize(
    ("trainings", "folder", "other"),
    [(ONE, kept.ONE_SEED, kept.SEVERAL_SEEDS), (SEVERAL, kept.SEVERAL_SEEDS, kept.ONE_SEED)],
    ids=["one seed", "several seeds"],
)
def test_the_tables_of_the_workspace_are_kept_in_the_folder_for_their_number_of_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainings: pd.DataFrame, folder: Path, other: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keep, "read_run", lambda _: {"run.json": b"{}"})  # see test_changes.py
    write_files(trainings)
    keep.main([])
    copies = {kept.kept(path, folder): path.read_bytes() for path in keep.FILES}
    copies |= {folder / "run.json": b"{}"} if folder == kept.ONE_SEED else {}
    assert {path: path.read_bytes() for path in folder.iterdir()} == copies
    assert not other.exists()


def test_the_files_that_the_readme_and_the_page_need_are_kept_with_metrics_and_machine() -> None:
    names = ["answers.csv", "comparisons.csv", "environment.json", "leaderboard.csv"]
    assert sorted(path.name for path in keep.FILES) == [
        *names,
        "metrics.json",
        "parts.csv",
        "published.csv",
        "trainings.csv",
    ]


def test_a_run_without_tables_is_told_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(SEVERAL)
    kept.ANSWERS.unlink()
    with pytest.raises(SystemExit, match=rf"workspace: expected {kept.ANSWERS.as_posix()}, got none; .*dvc repro"):
        keep.main([])
    assert not kept.SEVERAL_SEEDS.exists()
