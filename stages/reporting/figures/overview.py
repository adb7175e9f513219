"""All variants on one page."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.presentation.metrics import label
from stages.reporting.figures import PART_COLORS, grid_lines


def overview(leaderboard: pd.DataFrame, ranked_by: dict[str, str]) -> Figure:
    """Draw every variant's figure on validation and test rows, best first, one panel per data set.

    leaderboard: as `stages.compare` writes it; ranked_by: the metric to draw, by data set. Bars are the 95 % intervals.
    """
    tables = {name: leaderboard[leaderboard["dataset"] == name] for name in ranked_by}
    largest, *others = sorted(tables, key=lambda name: -len(tables[name]))
    heights = [len(tables[name]) + 4 for name in others]
    height = max(len(tables[largest]) + 4, sum(heights))
    figure = Figure(figsize=(12, 1 + 0.2 * height), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=(3, 2))
    first = figure.add_subfigure(grid[0]).subplots()
    _ranking(first, tables[largest], largest, ranked_by[largest])
    first.legend(frameon=False, loc="best")  # of all panels: only this one is sure to have room
    right = figure.add_subfigure(grid[1])
    cells = right.add_gridspec(len(others) + 1, 1, height_ratios=[*heights, height - sum(heights) + 1])
    for row, name in enumerate(others):
        _ranking(right.add_subplot(cells[row]), tables[name], name, ranked_by[name])
    return figure


def _ranking(axes: Axes, table: pd.DataFrame, dataset: str, metric: str) -> None:
    measured = [f"{part}_{metric}" for part in ("test", "validation")] + [
        f"test_{metric}_{end}" for end in ("low", "high")
    ]
    table = table.reindex(columns=["variant", "parameters", *measured])
    table = table.dropna(subset=[f"test_{metric}"])[::-1].reset_index(drop=True)
    values, low, high = (table[f"test_{metric}{end}"] for end in ("", "_low", "_high"))
    validation = table[f"validation_{metric}"]
    # What learns nothing, or lies outside Tukey's fences, may be so far off that all other intervals would be dots.
    ends: Any = pd.concat([values, low, high, validation], axis=1)
    learned = table["parameters"] > 0
    lower, upper = values[learned].quantile([0.25, 0.75])
    near = learned & values.between(2.5 * lower - 1.5 * upper, 2.5 * upper - 1.5 * lower)
    least, greatest = ends[near].min(axis=None), ends[near].max(axis=None)
    room = 0.15 * (greatest - least)
    below, above = values < least - room, values > greatest + room
    off = below | above
    left, right = ends[~off].min(axis=None), ends[~off].max(axis=None)
    margin = 0.05 * (right - left)
    if off.any():
        axes.set_xlim(left - margin, right + margin)
    said: dict[str, Any] = {"color": PART_COLORS["test"], "fontsize": 8, "va": "center"}
    for row in table.index[below]:
        axes.text(left - margin / 2, row, f"← {values[row]:.3f}", ha="left", **said)
    for row in table.index[above]:
        axes.text(right + margin / 2, row, f"{values[row]:.3f} →", ha="right", **said)
    axes.scatter(validation[~off], table.index[~off], color=PART_COLORS["validation"], s=14, label="validation")
    errors = [(values - low)[~off], (high - values)[~off]]
    axes.errorbar(
        values[~off],
        table.index[~off],
        xerr=errors,
        fmt="o",
        color=PART_COLORS["test"],
        markersize=4,
        label="test, with its 95 % interval",
    )
    rows: Any = np.arange(len(table))
    axes.set_yticks(rows, table["variant"], fontsize=8)
    axes.set_ylim(-1, len(table))
    axes.set_xlabel(label(metric, dataset)["en"])
    axes.set_title(dataset)
    grid_lines(axes, "y")
