"""Figures as functions of tables. No pyplot and no dates: the same table gives the same PNG."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

PART_COLOURS = {"training": "#8a8d91", "validation": "#0072b2", "test": "#d55e00"}
AXIS_NAMES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "mean_absolute_error": "MAE (100,000 USD)",
    "main_loss": "loss, main output",
    "auxiliary_loss": "loss, auxiliary output",
    "learning_rate": "learning rate",
}


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that holds no date and no version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def learning_curves(name: str, history: pd.DataFrame) -> Figure:
    """Draw every metric of a history by epoch, training beside validation, and the learning rate where it changes.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. Several trainings: their range, and
    their mean as far as all of them go; where some stopped early, the others alone are a selection.
    """
    columns = [str(column) for column in history]
    metrics = [column for column in columns if f"val_{column}" in columns or column in ("loss", "accuracy")]
    metrics.sort(key=lambda metric: metric != "loss")
    if len(history["learning_rate"].unique()) > 1:
        metrics.append("learning_rate")
    figure = Figure(figsize=(3.6 * len(metrics), 3.2), layout="constrained")
    for axes, metric in zip(np.atleast_1d(figure.subplots(1, len(metrics))), metrics, strict=True):
        for part, column in (("training", metric), ("validation", f"val_{metric}")):
            if column in columns:
                by_epoch = history.groupby("epoch")[column]
                trainings = by_epoch.size()
                mean = by_epoch.mean()[trainings == trainings.max()]
                axes.plot(mean.index, mean, color=PART_COLOURS[part], label=part, marker="o", markersize=3)
                if trainings.max() > 1:
                    band = (by_epoch.min(), by_epoch.max())
                    axes.fill_between(trainings.index, *band, color=PART_COLOURS[part], alpha=0.2, linewidth=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel(AXIS_NAMES.get(metric, metric.replace("_", " ")))
        axes.set_xlim(0.5, history["epoch"].max() + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _quiet(axes)
        if metric == "learning_rate":
            axes.set_ylim(bottom=0)
        elif metric == "loss":
            axes.legend(frameon=False)
    diverged = history.loc[history["loss"].isna(), "epoch"]
    figure.suptitle(f"{name}: not finite in epoch {diverged.min()}" if len(diverged) else name)
    return figure


def confusion_matrix(name: str, counts: pd.DataFrame) -> Figure:
    """Draw the test rows by actual and predicted class.

    counts: columns actual, predicted, count, in the order of the classes.
    """
    classes = list(dict.fromkeys(counts["actual"]))
    matrix = counts["count"].to_numpy().reshape(len(classes), len(classes))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = 1.6 + 0.5 * max(len(classes), 3)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.set_title(f"{name}: test rows")
    figure.colorbar(image, ax=axes, label="share of the actual class", shrink=0.8)
    return figure


def overview(leaderboard: pd.DataFrame, ranked_by: dict[str, str]) -> Figure:
    """Draw every variant's figure on validation and test rows, best first, one panel per data set.

    leaderboard: as `stages.compare` writes it; ranked_by: the metric to draw, by data set. Bars are the 95 % intervals.
    """
    tables = {name: leaderboard[leaderboard["dataset"] == name] for name in ranked_by}
    largest, *others = sorted(tables, key=lambda name: -len(tables[name]))
    heights = [len(tables[name]) + 4 for name in others]
    height = max(len(tables[largest]) + 4, sum(heights))
    figure = Figure(figsize=(12, 1 + 0.2 * height), layout="constrained")
    grid = figure.add_gridspec(1, 2)
    first = figure.add_subfigure(grid[0]).subplots()
    _ranking(first, tables[largest], largest, ranked_by[largest])
    first.legend(frameon=False, loc="best")  # of all panels: only this one is sure to have room
    right = figure.add_subfigure(grid[1])
    cells = right.add_gridspec(len(others) + 1, 1, height_ratios=[*heights, height - sum(heights) + 1])
    for row, name in enumerate(others):
        _ranking(right.add_subplot(cells[row]), tables[name], name, ranked_by[name])
    return figure


def _ranking(axes: Axes, table: pd.DataFrame, dataset: str, metric: str) -> None:
    names = {
        "accuracy": "accuracy",
        "mse": "mean squared error ((100,000 USD)²)",
        "roc_auc": "area under the ROC curve",
    }
    table = table.dropna(subset=[f"test_{metric}"])[::-1].reset_index(drop=True)
    values, low, high = (table[f"test_{metric}{end}"] for end in ("", "_low", "_high"))
    validation = table[f"validation_{metric}"]
    # What learns nothing may lie so far off that all else would be one heap.
    ends = pd.concat([low, high, validation])[lambda ends: table.loc[ends.index, "parameters"] > 0]
    margin = 0.05 * (ends.max() - ends.min())
    left, right = ends.min() - margin, ends.max() + margin
    off = values < left - 3 * margin
    if off.any():
        axes.set_xlim(left, right)
        for row in table.index[off]:
            text = f"← {values[row]:.3f}"
            axes.text(left + margin / 4, row, text, color=PART_COLOURS["test"], fontsize=8, va="center")
    axes.scatter(validation[~off], table.index[~off], color=PART_COLOURS["validation"], s=14, label="validation")
    errors = [(values - low)[~off], (high - values)[~off]]
    axes.errorbar(
        values[~off],
        table.index[~off],
        xerr=errors,
        fmt="o",
        color=PART_COLOURS["test"],
        markersize=4,
        label="test, with its 95 % interval",
    )
    rows: Any = np.arange(len(table))
    axes.set_yticks(rows, table["variant"], fontsize=8)
    axes.set_ylim(-1, len(table))
    axes.set_xlabel(names.get(metric, metric))
    axes.set_title(dataset)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    _quiet(axes)


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
