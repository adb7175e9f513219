"""The charts of the report page: their data, which the page holds once, and what they show in words."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.reporting.charts import curve_metrics, over_trainings
from stages.reporting.page.reports import Context
from stages.reporting.strings import Text, joined, text

DIGITS = 5
"""So many of each number in a chart."""


def curves_of(history: pd.DataFrame) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """The learning curves of a variant: {metric: {part: {mean, low, high: one number per epoch}}}.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. Of one training the mean alone; the
    mean of several goes as far as all of them, since those that did not stop early are a selection.
    """
    series = {metric: {"training": metric, "validation": f"val_{metric}"} for metric in curve_metrics(history)}
    if "learning_rate" in history and len(history["learning_rate"].unique()) > 1:
        series["learning_rate"] = {"validation": "learning_rate"}
    curves: dict[str, Any] = {}
    for metric, of_parts in series.items():
        curves[metric] = {}
        for part, column in of_parts.items():
            if column in history:
                table = over_trainings(history, column)
                shown = table if table["low"].notna().any() else table[["mean"]]
                curves[metric][part] = {str(name): numbers(values) for name, values in shown.items()}
    return curves


def numbers(values: Iterable[float]) -> list[float | None]:
    """For JSON, which knows no NaN."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]


def described(names: list[str], metric: str, curves: Mapping[str, Any]) -> Text:
    """What a chart of curves shows, for those who do not see it."""
    series = []
    for name in names:
        for part, values in curves[name][metric].items():
            ends = [(epoch, value) for epoch, value in enumerate(values["mean"], 1) if value is not None]
            if ends and (part == "validation" or len(names) == 1):
                (_, first), (epoch, last) = ends[0], ends[-1]
                said = {"variant": name, "part": text("parts", part), "first": first, "last": last, "epoch": epoch}
                series.append(text("page", "curves_of", **said))
    return text("page", "curves_chart", metric=text("metrics", metric), series=joined(series) if series else "")


def chart(kind: str, label: Text, **of: Any) -> Context:
    """A chart that the script draws: its kind, what it is of, and its description."""
    return {"label": label, "spec": {"kind": kind, **of}}


def curve_charts(names: list[str], metrics: Iterable[str], curves: Mapping[str, Any]) -> list[Context]:
    """One chart for each metric that some of the variants have."""
    charts = []
    for metric in metrics:
        having = [name for name in names if metric in curves.get(name, {})]
        if having:
            charts.append(chart("curves", described(having, metric, curves), variants=having, metric=metric))
    return charts


def confused(counts: pd.DataFrame, pairs: int = 3) -> Text:
    """The pairs of classes that are taken for each other most often, in words. counts: of one variant."""
    wrong = counts[(counts["actual"] != counts["predicted"]) & (counts["count"] > 0)]
    most = wrong.sort_values(["count", "actual", "predicted"], ascending=[False, True, True]).head(pairs)
    said = [
        text("page", "confused", actual=row["actual"], predicted=row["predicted"], count=row["count"])
        for _, row in most.iterrows()
    ]
    return text("page", "confusion_chart", pairs=joined(said) if said else text("page", "never_confused"))


def confusions(counts: pd.DataFrame) -> dict[str, Context]:
    """{variant: {classes, counts: one row per actual class}}."""
    tables = {}
    for name, rows in counts.groupby("variant"):
        classes = list(dict.fromkeys(rows["actual"].astype(str)))
        matrix = rows["count"].to_numpy().reshape(len(classes), len(classes))
        tables[str(name)] = {"classes": classes, "counts": matrix.tolist()}
    return tables
