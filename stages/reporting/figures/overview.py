"""Ranking of all variants in one figure."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.presentation.metrics import label
from stages.reporting.figures import PART_COLORS, grid_lines


def overview(leaderboard: pd.DataFrame, ranked_by: dict[str, str]) -> Figure:
    """Draw each variant's metric on validation and test rows, best first, a panel for each data set.

    leaderboard: see `stages.compare`; ranked_by: metric by data set. Bars are 95 % intervals.
    """
    tables = {name: leaderboard[leaderboard["dataset"] == name] for name in ranked_by}
    largest, *others = sorted(tables, key=lambda name: -len(tables[name]))
    heights = [len(tables[name]) + 4 for name in others]
    height = max(len(tables[largest]) + 4, sum(heights))
    figure = Figure(figsize=(12, 1 + 0.2 * height), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=(3, 2))
    first = figure.add_subfigure(grid[0]).subplots()
    _draw_ranking(first, tables[largest], largest, ranked_by[largest])
    first.legend(frameon=False, loc="best")  # the only panel that always has room
    right = figure.add_subfigure(grid[1])
    cells = right.add_gridspec(len(others) + 1, 1, height_ratios=[*heights, height - sum(heights) + 1])
    for row, name in enumerate(others):
        _draw_ranking(right.add_subplot(cells[row]), tables[name], name, ranked_by[name])
    return figure


def _draw_ranking(axes: Axes, table: pd.DataFrame, dataset: str, metric: str) -> None:
    test = f"test_{metric}"
    columns = {test: "test", f"{test}_low": "low", f"{test}_high": "high", f"validation_{metric}": "validation"}
    table = table.reindex(columns=["variant", "parameters", *columns]).rename(columns=columns)
    table = table.dropna(subset=["test"])[::-1].reset_index(drop=True)
    below, above = _far_off(table)
    shown = table[~(below | above)]
    if len(shown) < len(table):
        _name_far_off(axes, table, below, above)
    axes.scatter(shown["validation"], shown.index, color=PART_COLORS["validation"], s=14, label="validation")
    axes.errorbar(
        shown["test"],
        shown.index,
        xerr=[shown["test"] - shown["low"], shown["high"] - shown["test"]],
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


def _far_off(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whether a variant lies so far below, or above, the others that with it their intervals would be mere dots.

    These may be variants that learn nothing or lie outside Tukey's fences, 1.5 times the interquartile range.
    """
    values, learned = table["test"], table["parameters"] > 0
    lower, upper = values[learned].quantile([0.25, 0.75])
    near = learned & values.between(2.5 * lower - 1.5 * upper, 2.5 * upper - 1.5 * lower)
    least, greatest = _limits(table[near])
    room = 0.15 * (greatest - least)
    return values < least - room, values > greatest + room


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    ends: Any = table[["test", "low", "high", "validation"]]
    return ends.min(axis=None), ends.max(axis=None)


def _name_far_off(axes: Axes, table: pd.DataFrame, below: pd.Series, above: pd.Series) -> None:
    """Limit the axis to the other variants, and write the values of these at its ends."""
    left, right = _limits(table[~(below | above)])
    margin = 0.05 * (right - left)
    axes.set_xlim(left - margin, right + margin)
    style: dict[str, Any] = {"color": PART_COLORS["test"], "fontsize": 8, "va": "center"}
    for row, value in table.loc[below, "test"].items():
        axes.text(left - margin / 2, row, f"← {value:.3f}", ha="left", **style)
    for row, value in table.loc[above, "test"].items():
        axes.text(right + margin / 2, row, f"{value:.3f} →", ha="right", **style)
