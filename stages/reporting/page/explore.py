"""The part of the report page that explores all variants of a data set: cost, recall by class, weights near zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import LEADERBOARD
from stages.comparison.scores import LESS_IS_BETTER
from stages.datasets.spec import spec_of
from stages.presentation.effects import IN_POINTS
from stages.presentation.metrics import label
from stages.presentation.plot_tables import cost
from stages.presentation.words import Text, joined, text
from stages.reporting.page.charts import Chart, numbers
from stages.reporting.page.reports import Reports, keeps_small

FACTS = ("multiply_adds", "parameters", "epochs", "near_zero_weights")
NAMED = 3
"""Variants or classes that a description names."""


@dataclass(frozen=True)
class Explored:
    """The charts of a data set."""

    dataset: str
    title: Text
    charts: Sequence[tuple[Text, Text, Chart]]
    """Heading, a line below it, and the chart."""


def board(reports: Reports) -> dict[str, dict[str, Any]]:
    """Numbers of each variant on the leaderboard: the metric that ranks its data set, its interval and its cost.

    `regularized` tells whether it keeps weights small, and `layers` the share near zero by layer if it does.
    """
    found = {}
    for _, row in reports.tables[LEADERBOARD].iterrows():
        ranked = f"test_{spec_of(row['dataset']).ranked_by}"
        columns = {"value": ranked, "low": f"{ranked}_low", "high": f"{ranked}_high", **{key: key for key in FACTS}}
        values = numbers(float(row.get(column, np.nan)) for column in columns.values())
        recipe, shares = reports.recipe(row["variant"]), reports.near_zero.get(row["variant"], {})
        found[row["variant"]] = {"dataset": row["dataset"], **dict(zip(columns, values, strict=True))} | {
            "regularized": keeps_small(recipe),
            "layers": dict(zip(shares, numbers(shares.values()), strict=True)),
        }
    return found


def data_sets(reports: Reports) -> dict[str, dict[str, Any]]:
    """The metric that ranks each data set on the leaderboard, and the names of its classes."""
    found = {}
    for dataset in dict.fromkeys(reports.tables[LEADERBOARD]["dataset"]):
        metric, classes = spec_of(dataset).ranked_by, spec_of(dataset).classes
        found[dataset] = {
            "metric": metric,
            "name": label(metric, dataset),
            "points": metric in IN_POINTS,
            "less": metric in LESS_IS_BETTER,
            "classes": classes,
        }
    return found


def front(reports: Reports) -> list[str]:
    """Name the variants that are better than all that cost no more (the Pareto front), of each data set."""
    ranked_by = {name: spec_of(name).ranked_by for name in dict.fromkeys(reports.tables[LEADERBOARD]["dataset"])}
    table = cost(reports.tables[LEADERBOARD], ranked_by, {})
    return table.loc[table["front"] == 1, "variant"].tolist()


def explored(reports: Reports, titles: Mapping[str, Text]) -> list[Explored]:
    """Make the charts of each data set; without those that have nothing to show. titles: by variant."""
    rows, best = board(reports), front(reports)
    found = []
    for dataset, about in data_sets(reports).items():
        own = {name: row for name, row in rows.items() if row["dataset"] == dataset and row["value"] is not None}
        charts = [
            *_cost_chart(dataset, about["name"], [name for name in best if name in own], titles),
            *_recall_chart(dataset, reports.classes[reports.classes["variant"].isin(own)]),
            *_zeros_chart(dataset, own, titles),
        ]
        if charts:
            found.append(Explored(dataset, text("titles", dataset), charts))
    return found


def _cost_chart(
    dataset: str, metric: Text, best: Sequence[str], titles: Mapping[str, Text]
) -> list[tuple[Text, Text, Chart]]:
    if not best:
        return []
    description = text("page", "cost_chart", metric=metric, best=joined([titles[name] for name in best], ", "))
    chart = Chart(description, {"kind": "cost", "dataset": dataset, "front": best})
    return [(text("page", "by_cost"), text("page", "cost_key"), chart)]


def _recall_chart(dataset: str, classes: pd.DataFrame) -> list[tuple[Text, Text, Chart]]:
    if classes.empty:
        return []
    means = classes.groupby("class", sort=False)["recall"].mean().sort_values(kind="stable")
    least = [text("page", "recall_of", of=str(name), recall=f"{value:.2f}") for name, value in means[:NAMED].items()]
    chart = Chart(text("page", "recall_chart", least=joined(least, ", ")), {"kind": "recall", "dataset": dataset})
    return [(text("page", "by_recall"), text("page", "recall_key"), chart)]


def _zeros_chart(
    dataset: str, rows: Mapping[str, Mapping[str, Any]], titles: Mapping[str, Text]
) -> list[tuple[Text, Text, Chart]]:
    regularized = {name: row for name, row in rows.items() if row["regularized"]}
    shares = {name: share for name, row in regularized.items() if (share := row["near_zero_weights"]) is not None}
    if not shares:
        return []
    most = sorted(shares, key=lambda name: -shares[name])[:NAMED]
    said = [text("page", "share_of", of=titles[name], share=f"{100 * shares[name]:.0f}") for name in most]
    chart = Chart(text("page", "zeros_chart", most=joined(said, ", ")), {"kind": "zeros", "dataset": dataset})
    return [(text("page", "by_zeros"), text("page", "zeros_key"), chart)]
