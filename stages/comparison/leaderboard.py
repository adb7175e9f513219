"""The leaderboard of each data set, and the summary of a run."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from stages.comparison.changes import Change, Changes
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.studies import mean_score
from stages.comparison.trained import TrainedVariant
from stages.datasets.spec import spec_of


def rank(measured: Mapping[str, Any], trained: Mapping[str, TrainedVariant], error: float) -> pd.DataFrame:
    """Rank the variants of each data set by its test rows: one row per variant, best first.

    measured: as `stages.evaluate` writes it; error: the chance that an interval misses.

    Columns: dataset, variant, split, those of the part `model`, and <part>_<metric>. `test_<metric>_low` and `_high`
    limit the metric that ranks the data set (see `stages.comparison.statistics`); they are there, without a value,
    where no variant of the data set has test rows.
    """
    tables = []
    for dataset, variants in measured.items():
        metric = spec_of(dataset).ranked_by
        table = pd.DataFrame([_row(trained[name], parts, metric, error) for name, parts in variants.items()])
        ranked = f"test_{metric}"
        tables.append(table.reindex(columns=list(dict.fromkeys([*table, ranked, f"{ranked}_low", f"{ranked}_high"]))))
    return best_first(pd.concat(tables))


def best_first(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Order the rows of each data set, best first. The scores may be text, as in a file."""
    tables = []
    for dataset, rows in leaderboard.groupby("dataset", sort=False):
        metric = spec_of(str(dataset)).ranked_by
        scores = rows.assign(score=pd.to_numeric(rows[f"test_{metric}"]))
        order = scores.sort_values(["score", "variant"], ascending=[metric in LESS_IS_BETTER, True])
        tables.append(order.drop(columns="score"))
    return pd.concat(tables)


def _row(trained: TrainedVariant, parts: Mapping[str, Any], metric: str, error: float) -> dict[str, Any]:
    recipe = trained.recipe
    row = {"dataset": recipe["dataset"], "variant": trained.name, "split": recipe["split"], **parts["model"]}
    row.setdefault("diverged", 0.0)
    if "estimator" in recipe:
        row["epochs"] = np.nan  # scikit-learn's have none
    for part in ("validation", "test"):
        row |= {f"{part}_{name}": value for name, value in parts.get(part, {}).items()}
    if "test" in parts:
        found = mean_score(trained, metric, error)
        row |= {f"test_{metric}_low": found.low, f"test_{metric}_high": found.high}
    return row


def summarize(
    leaderboard: pd.DataFrame, answers: pd.DataFrame, published: pd.DataFrame, changes: Changes
) -> dict[str, Any]:
    """Summarize a run for `dvc metrics`: {heading: {name: value}}.

    Best and median score of each data set, and counts of the results of this run. `changed` has, of each variant that
    is new since the run that is kept in Git, or has another recipe, the metric that ranks its data set, and of the
    latter the difference and the verdict; where nothing changed it is not there.
    """
    summary: dict[str, Any] = {}
    for dataset, rows in leaderboard.groupby("dataset"):
        metric = spec_of(str(dataset)).ranked_by
        scores = rows[f"test_{metric}"].dropna()
        if scores.empty:
            continue
        picked = {"best": scores.agg("min" if metric in LESS_IS_BETTER else "max"), "median": scores.median()}
        summary[f"{dataset}_{metric}"] = {name: round(float(value), 6) for name, value in picked.items()}
    for heading, results in (("claims", answers["answer"]), ("published", published["result"])):
        counted = {str(name).replace(" ", "_"): int(count) for name, count in results.value_counts().items()}
        summary[f"{heading}_of_this_run"] = counted
    changed = {each.variant: _summary_of(each) for each in changes.variants}
    for name in changes.added:
        (row,) = leaderboard[leaderboard["variant"] == name].to_dict("records")
        metric = spec_of(row["dataset"]).ranked_by
        changed[name] = _rounded({metric: row[f"test_{metric}"]})
    return summary | ({"changed": changed} if changed else {})


def _summary_of(change: Change) -> dict[str, Any]:
    return _rounded({change.metric: change.after, "difference": change.difference}) | {"verdict": change.verdict}


def _rounded(numbers: Mapping[str, float]) -> dict[str, Any]:
    return {name: round(float(value), 6) for name, value in numbers.items() if isfinite(value)}
