"""Tables that `dvc plots` draws: long, and small, with as many rows for five seeds as for one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.comparison.changes import Changes
from stages.comparison.scores import LESS_IS_BETTER
from stages.documents import Study
from stages.presentation.colors import study_variants
from stages.presentation.effects import IN_POINTS, compared_text, scale
from stages.presentation.metrics import label, logarithmic
from stages.presentation.words import text, title_text

CURVE_COLUMNS = ["study", "axis", "variant", "title", "color", "part", "epoch", "value", "low", "high"]
DIFFERENCE_COLUMNS = [
    *("study", "quantity", "variant", "baseline", "compared", "difference", "low", "high", "verdict", "expected")
]
RANKING_COLUMNS = ["dataset", "variant", "title", "color", "part", "value", "low", "high"]
CHANGE_COLUMNS = ["metric", "scale", "settings", "kept", "difference_low", "difference_high", "verdict"]
COST_COLUMNS = ["dataset", "variant", "title", "multiply_adds", "parameters", "value", "low", "high", "front"]

Titles = Mapping[str, str]
"""English titles by variant; one without a title has its name."""


def curve_metrics(history: pd.DataFrame) -> list[str]:
    """List the metrics of a history that have learning curves, the loss first; without the learning rate."""
    columns = [str(column) for column in history]
    metrics = [column for column in columns if f"val_{column}" in columns or column in ("loss", "accuracy")]
    return sorted(metrics, key=lambda metric: metric != "loss")


def mean_and_range(history: pd.DataFrame, column: str) -> pd.DataFrame:
    """Columns mean, low and high of a history's column over all trainings, indexed by epoch.

    The mean ends with the first training that ends, because the later ones are a selection; it is NaN from there on.
    low and high, the least and the greatest value, are NaN if there is one training.
    """
    epochs = history["epoch"].to_numpy()
    if len(np.unique(epochs)) == len(epochs):  # one training, as most have: its values are the means
        order = np.argsort(epochs)
        values, unknown = history[column].to_numpy(np.float64)[order], np.full(len(order), np.nan)
        index = pd.Index(epochs[order], name="epoch")
        return pd.DataFrame({"mean": values, "low": unknown, "high": unknown}, index=index)
    by_epoch = history.groupby("epoch")[column]
    trainings = by_epoch.size()
    mean = by_epoch.mean().where(trainings == trainings.max())
    return pd.DataFrame({"mean": mean, "low": by_epoch.min(), "high": by_epoch.max()})


def learning_curves(
    studies: Mapping[str, Study],
    histories: Mapping[str, pd.DataFrame],
    axes: Mapping[str, str],
    colors: Mapping[str, str],
    titles: Titles,
    metric: str,
) -> pd.DataFrame:
    """Tabulate one metric by epoch for every variant of every study.

    axes: name of the axis by variant. Values on different axes (data sets, and loss functions for the loss) are not
    comparable: a study with several axes becomes one study for each. histories, colors: by variant.

    Returns: `CURVE_COLUMNS`, the rows of a study together. value, low and high are those of `mean_and_range`; axis is
    linear or logarithmic.
    """
    curves = {name: _curves(history, metric) for name, history in histories.items()}
    tables = []
    for study in studies.values():
        members = [name for name in study_variants(study) if len(curves[name])]
        several = len({axes[name] for name in members}) > 1
        for name in members:
            heading = f"{study.question} ({axes[name]})" if several else study.question
            about = {"variant": name, "title": titles.get(name, name), "color": colors[name]}
            tables.append(curves[name].assign(study=heading, **about))
    if not tables:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    table = pd.concat(tables)
    scales = {
        study: "logarithmic" if logarithmic(metric, rows[["value", "low", "high"]].to_numpy().ravel()) else "linear"
        for study, rows in table.groupby("study")
    }
    table["axis"] = table["study"].map(scales)
    return table.dropna(subset=["value"])[CURVE_COLUMNS].round(6)


def differences(
    comparisons: pd.DataFrame, studies: Mapping[str, Study], datasets: Mapping[str, str], titles: Titles
) -> pd.DataFrame:
    """Tabulate the comparisons with the study's question and, as `quantity`, the metric with its unit.

    Differences of shares are in percentage points. `compared` has the titles, and how many trainings diverged; if none
    of both ended, there is no difference. Rows that were not measured are left out.

    comparisons: see `stages.compare`; datasets: by variant.
    """
    rows = comparisons[comparisons["verdict"] != "not measured"]
    pairs = zip(rows["metric"], rows["variant"], strict=True)
    rows = rows.assign(
        study=rows["study"].map({name: study.question for name, study in studies.items()}),
        quantity=[_quantity(metric, datasets[variant]) for metric, variant in pairs],
        compared=[_compared(row, titles) for _, row in rows.iterrows()],
    )
    ends = ["difference", "low", "high"]
    rows[ends] = rows[ends].mul(rows["metric"].map(scale), axis=0)
    return rows[DIFFERENCE_COLUMNS]


def _quantity(metric: str, dataset: str) -> str:
    if metric not in IN_POINTS:
        return label(metric, dataset)["en"]
    return text("table", "in_unit", name=text("metrics", metric), unit=text("table", "points"))["en"]


def _compared(row: pd.Series, titles: Titles) -> str:
    names = (title_text(row[key], titles.get(row[key])) for key in ("variant", "baseline"))
    broken = [
        f"{who} in {row[key]} of {row['seeds']}"
        for who, key in (("diverged", "diverged"), ("the other diverged", "baseline_diverged"))
        if row[key]
    ]
    return "; ".join([compared_text(*names)["en"], *broken])


def most_confused(counts: pd.DataFrame, pairs: int) -> pd.DataFrame:
    """Select the pairs of classes that are confused most often; equal ones in the order of the classes.

    counts: columns actual, predicted, count of one variant, in the order of the classes.
    """
    wrong = counts[(counts["actual"] != counts["predicted"]) & (counts["count"] > 0)]
    return wrong.sort_values("count", ascending=False, kind="stable").head(pairs)


def ranking(
    leaderboard: pd.DataFrame, ranked_by: Mapping[str, str], colors: Mapping[str, str], titles: Titles
) -> pd.DataFrame:
    """Tabulate the metric that ranks a data set on validation rows and, with its interval, on test rows.

    leaderboard: see `stages.compare`; variants without parameters (the majority class, the mean) are left out, and
    those of which every training diverged have no values. ranked_by: metric by data set; colors: by variant.
    """
    tables = []
    for dataset, metric in ranked_by.items():
        rows = leaderboard[(leaderboard["dataset"] == dataset) & (leaderboard["parameters"] > 0)]
        for part in ("validation", "test"):
            columns = {f"{part}_{metric}": "value", f"{part}_{metric}_low": "low", f"{part}_{metric}_high": "high"}
            table = rows.rename(columns=columns).reindex(columns=["variant", "diverged", *columns.values()])
            tables.append(table.assign(part=part, dataset=f"{dataset}: {label(metric, dataset)['en']}"))
    table = pd.concat(tables).assign(color=lambda rows: rows["variant"].map(colors))
    lost = table["value"].isna() & (table["diverged"] > 0) & (table["part"] == "test")
    table["title"] = table["variant"].map(lambda name: titles.get(name, name))
    table.loc[lost, "title"] += " (diverged)"
    return table[table["value"].notna() | lost][RANKING_COLUMNS].reset_index(drop=True)


def with_changes(
    ranked: pd.DataFrame, metrics: Mapping[str, str], recipes: Mapping[str, Mapping[str, Any]], changes: Changes
) -> pd.DataFrame:
    """Add what the page of a diff needs to tell what changed: `CHANGE_COLUMNS`, in the rows of test rows.

    metric is its name, and differences times scale are in its unit; settings is the recipe as JSON, by the place of
    each value. Where the recipe is another one than in the run that is kept in Git, kept is the score there, and the
    others are the difference's interval and its verdict.

    ranked: see `ranking`; metrics, recipes: by variant.
    """
    changed = {each.variant: each for each in changes.variants}
    rows = []
    for variant in ranked["variant"]:
        row = {"metric": text("metrics", metrics[variant])["en"], "scale": scale(metrics[variant])}
        row["settings"] = json.dumps(dict(_settings(recipes[variant])), separators=(",", ":"))
        if each := changed.get(variant):
            row |= {"kept": each.before, "difference_low": each.low, "difference_high": each.high}
            row["verdict"] = each.verdict
        rows.append(row)
    added = pd.DataFrame(rows, columns=CHANGE_COLUMNS, index=ranked.index)
    return ranked.join(added.where(ranked["part"] == "test"))


def _settings(recipe: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def cost(leaderboard: pd.DataFrame, ranked_by: Mapping[str, str], titles: Titles) -> pd.DataFrame:
    """Tabulate the metric that ranks a data set on test rows beside what the training costs, the cheapest first.

    `front` is 1 for the Pareto front: the variants that are better than all that cost no more; else 0. Variants whose
    multiply-adds are not known (estimators) or that have no value are left out.

    leaderboard: see `stages.compare`; ranked_by: metric by data set.
    """
    tables = []
    for dataset, metric in ranked_by.items():
        columns = {f"test_{metric}": "value", f"test_{metric}_low": "low", f"test_{metric}_high": "high"}
        wanted = ["dataset", "variant", "multiply_adds", "parameters", *columns.values()]
        rows = leaderboard[leaderboard["dataset"] == dataset].rename(columns=columns).reindex(columns=wanted)
        rows = rows.dropna(subset=["multiply_adds", "value"])
        better = -rows["value"] if metric in LESS_IS_BETTER else rows["value"]
        rows = rows.assign(better=better).sort_values(["multiply_adds", "better"], ascending=[True, False])
        best_before = rows["better"].cummax().shift(fill_value=float("-inf"))
        rows["front"] = (rows["better"] > best_before).astype(int)
        rows["title"] = rows["variant"].map(lambda name: titles.get(name, name))
        tables.append(rows.assign(dataset=f"{dataset}: {label(metric, dataset)['en']}")[COST_COLUMNS])
    return pd.concat(tables) if tables else pd.DataFrame(columns=COST_COLUMNS)


def _curves(history: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Columns part, epoch, value, low, high; no rows without the metric."""
    columns = {"training": metric, "validation": f"val_{metric}"}
    tables = [
        mean_and_range(history, column).rename(columns={"mean": "value"}).assign(part=part)
        for part, column in columns.items()
        if column in history
    ]
    return pd.concat(tables).reset_index() if tables else pd.DataFrame()
