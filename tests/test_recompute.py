"""The tables of a run are recomputed by a script of their own: `tests/recompute.py`."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import recompute
from compared import RECIPE, trained
from simulated import criteria

from stages.artifacts.tables import ANSWERS, COMPARISONS, PARTS, write_table
from stages.compare import answer_all
from stages.comparison.criteria import Criteria
from stages.comparison.trained import TrainedVariant
from stages.documents import Study
from stages.evaluation.metrics import training_metrics, training_table
from stages.presentation.kept import SEVERAL_SEEDS

# All rows of the small runs are of one class.
pytestmark = pytest.mark.filterwarnings("ignore:Only one class is present", "ignore:No positive class found")

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("plain", "new", "other")
METRICS = ("accuracy", "training_loss", "overfitting", "loss_rise", "accuracy_spread", "log_loss")


def studies() -> dict[str, Study]:
    """A claim of two parts for each metric, and comparisons beside it."""

    def member(variant: str, metric: str, expected: str = "better") -> dict[str, str]:
        return {"variant": variant, "metric": metric, "expected": expected}

    return {
        metric: Study.model_validate(
            {
                "question": "?",
                "claim": "it is",
                "baseline": "plain",
                "parts": [
                    {"members": [member("new", metric), member("other", metric, "same")]},
                    {"members": [member("other", metric, "worse")]},
                ],
                "beside": [{"variant": "new", "baseline": "other", "metric": metric}],
            }
        )
        for metric in METRICS
    }


def tabled(variant: TrainedVariant) -> pd.DataFrame:
    """The variant's rows of the table of trainings."""
    keys = [key for key in ("split", "seed") if key in variant.history]
    epochs = variant.history.groupby(keys, sort=False).size().tolist()
    summary = {"evaluations": variant.evaluations, "diverged": variant.diverged, "epochs": epochs}
    recipe: Any = {**RECIPE, "seed": 42, "seeds": variant.seeds}
    by_training = training_metrics(recipe, variant.splits, variant.predictions, variant.history, summary)
    return training_table(variant.name, recipe, by_training, variant.splits, summary, variant.history)


def run_of(
    folder: Path, seeds: int, splits: int = 1, diverged: Mapping[str, tuple[int, ...]] = {}, by: Criteria | None = None
) -> dict[str, pd.DataFrame]:
    """The tables of a run of three variants, as they are read from files."""
    generator = np.random.default_rng(seeds + splits)
    variants = {}
    for place, name in enumerate(NAMES):
        right = generator.integers(100 + 8 * place, 112 + 8 * place, size=seeds * splits).tolist()
        losses = (0.5 + 0.02 * place + 0.01 * generator.normal(size=seeds * splits)).tolist()
        variants[name] = trained(name, right, seeds, splits, losses, diverged.get(name, ()))
    made = answer_all(studies(), variants, by or criteria(worth=0.02), dict.fromkeys(NAMES, 1.0))
    tables = {"comparisons": made[COMPARISONS], "parts": made[PARTS], "answers": made[ANSWERS]}
    tables["trainings"] = pd.concat([tabled(each) for each in variants.values()])
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv", digits=6)
    return recompute.read(folder)


@pytest.mark.parametrize(
    ("seeds", "splits", "diverged", "looks"),
    [
        (5, 1, {}, ()),
        (10, 1, {}, (5, 10, 20)),
        (2, 1, {}, ()),
        (4, 6, {}, ()),
        (1, 1, {}, ()),
        (1, 6, {}, ()),
        (8, 1, {"new": (0, 3), "plain": (3,)}, ()),
        (5, 1, {"new": (0, 1, 2, 3, 4)}, ()),
        (3, 1, {"new": (0, 1), "other": (1,)}, ()),
        (6, 3, {"new": (7,)}, (5, 10)),
    ],
)
def test_the_tables_of_a_run_are_recomputed(
    seeds: int, splits: int, diverged: dict[str, tuple[int, ...]], looks: tuple[int, ...], tmp_path: Path
) -> None:
    report = recompute.recompute(run_of(tmp_path, seeds, splits, diverged, criteria(0.02, looks)))
    assert report.different == []
    assert report.count["verdicts"] == 4 * len(METRICS)
    assert report.count["limits"] == 8 * len(METRICS)
    assert report.count["answers"] == len(METRICS)
    assert report.count["means"] == 8 * len(METRICS)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_of(tmp_path_factory.mktemp("run"), 5)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("comparisons", "low", -0.5),
        ("comparisons", "difference", 0.5),
        ("comparisons", "verdict", "cannot be known"),
        ("comparisons", "shared_verdict", "no interval"),
        ("comparisons", "better_in", 9),
        ("comparisons", "ended", 9),
        ("comparisons", "seeds", 4),
        ("comparisons", "seeds", 9),
        ("comparisons", "diverged", 2),
        ("comparisons", "seed_variance", 0.5),
        ("comparisons", "row_variance", 0.5),
        ("comparisons", "seed_degrees", 9),
        ("comparisons", "looks", 7),
        ("comparisons", "ours", 0.9),
        ("parts", "answer", "not measured"),
        ("answers", "answer", "not measured"),
        ("answers", "yes", 9),
        ("trainings", "test_accuracy", 0.9),
        ("trainings", "overfitting", 0.9),
        ("trainings", "seed", 77),
        ("trainings", "diverged", 1),
    ],
)
def test_a_value_that_was_changed_is_found(table: str, column: str, value: Any, run: dict[str, pd.DataFrame]) -> None:
    values = run[table][column].tolist()
    changed = run[table].assign(**{column: [value, *values[1:]]})
    report = recompute.recompute(run | {table: changed})
    assert report.different
    assert all("kept" in line for line in report.different)


def test_seeds_that_another_study_asked_for_since_change_nothing(run: dict[str, pd.DataFrame]) -> None:
    more = run["trainings"].assign(seed=run["trainings"]["seed"] + 5, test_accuracy=0.1)
    report = recompute.recompute(run | {"trainings": pd.concat([run["trainings"], more])})
    assert report.different == []


def test_it_imports_nothing_of_the_stages() -> None:
    tree = ast.parse((ROOT / "tests/recompute.py").read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    allowed = {"sys", "collections", "collections.abc", "functools", "pathlib", "typing"}
    assert imported <= allowed | {"numpy", "pandas", "scipy.stats"}


@pytest.mark.catalogue
def test_the_run_that_is_kept_is_recomputed() -> None:
    if "seed_degrees" not in pd.read_csv(ROOT / SEVERAL_SEEDS / "comparisons.csv"):
        pytest.skip("a run from before the variances were kept")
    report = recompute.recompute(recompute.read(ROOT / SEVERAL_SEEDS))
    assert report.different == []
    assert report.count["verdicts"] > 100
