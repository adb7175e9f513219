"""What is reached at what cost."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stages.presentation.formats import abbreviated
from stages.reporting.figures import grid_lines, panels, width_of

FRONT, OTHER = "#0072b2", "#8a8d91"
SIZES = (1e3, 1e5)
"""Numbers of parameters whose dots the legend shows."""


def cost(title: str, table: pd.DataFrame, metric: str, less_is_better: bool) -> Figure:
    """Draw the metric that ranks a data set by the multiply-adds of the whole training, and the Pareto front.

    The front is numbered from its cheapest variant on, and named beside the axes. A dot's area grows with the root of
    the parameters. Variants far worse than the front are triangles at the edge.

    table: rows of one data set; see `stages.presentation.plot_tables.cost`. metric: its name and unit.
    """
    front = table[table["front"] == 1]
    names = [f"{number}  {title}" for number, title in enumerate(front["title"], start=1)]
    figure, grid = panels(
        *(1, 1), (4.6, 3.6), top=0.3, left=0.8, bottom=0.5, right=0.35 + max(width_of(names, 8.5), 2.0)
    )
    axes = grid[0, 0]
    axes.set_title(title)
    axes.set_xlabel("multiply-adds of the whole training")
    axes.set_ylabel(f"{metric} on test rows ({'lower' if less_is_better else 'higher'} is better)")
    if table.empty:
        return figure
    _limit(axes, table, less_is_better)
    _draw(axes, table, less_is_better)
    for number, (place, value) in enumerate(zip(front["multiply_adds"], front["value"], strict=True), start=1):
        axes.annotate(str(number), (place, value), xytext=(-7, 7), textcoords="offset points", fontsize=8, ha="center")
    _explain(axes, names)
    return figure


def _short(count: float) -> str:
    return abbreviated(count).replace(".0", "")


def _area(parameters: Any) -> Any:
    """Area of a dot in square points, from 8 for a small network."""
    return 8 + np.sqrt(parameters) / 8


def _limit(axes: Axes, table: pd.DataFrame, less_is_better: bool) -> None:
    """Leave out what is far worse than the front; everything better is shown."""
    axes.set_xscale("log")
    least, greatest = table["multiply_adds"].min(), table["multiply_adds"].max()
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if greatest > 10 * least else (1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.set_xlim(least / 2, greatest * 2)
    ends = table.loc[table["front"] == 1, ["low", "high", "value"]].replace([-np.inf, np.inf], np.nan).to_numpy()
    low, high = np.nanmin(ends), np.nanmax(ends)
    margin = 0.08 * (high - low) or 0.05
    lower, upper = (low - margin, high + 2 * margin) if less_is_better else (low - 2 * margin, high + margin)
    axes.set_ylim(lower, upper)
    grid_lines(axes)


def _draw(axes: Axes, table: pd.DataFrame, less_is_better: bool) -> None:
    far, edge = _far(axes, table, less_is_better)
    on_front = table["front"] == 1
    others, front = table[~far & ~on_front], table[on_front]
    axes.scatter(
        others["multiply_adds"], others["value"], s=_area(others["parameters"]), color=OTHER, alpha=0.6, linewidths=0
    )
    style: dict[str, Any] = {"marker": "^" if less_is_better else "v", "color": OTHER, "alpha": 0.6, "linewidths": 0}
    if far.any():
        edges = np.full(int(far.sum()), edge)
        axes.scatter(table.loc[far, "multiply_adds"], edges, s=22, clip_on=False, label="far worse", **style)
    axes.plot(front["multiply_adds"], front["value"], color=FRONT, linewidth=1, drawstyle="steps-post")
    limited = front[np.isfinite(front["high"] - front["low"])]
    axes.vlines(limited["multiply_adds"], limited["low"], limited["high"], color=FRONT, linewidth=1, alpha=0.5)
    axes.scatter(
        front["multiply_adds"], front["value"], s=_area(front["parameters"]), color=FRONT, linewidths=0, zorder=3
    )


def _far(axes: Axes, table: pd.DataFrame, less_is_better: bool) -> tuple[pd.Series, float]:
    """Whether a variant is off the axis, and the end of the axis on that side."""
    lower, upper = axes.get_ylim()
    return (table["value"] > upper, upper) if less_is_better else (table["value"] < lower, lower)


def _explain(axes: Axes, names: list[str]) -> None:
    """Name the front beside the axes, and below it the sizes and the triangles."""
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "top"}
    axes.text(1.04, 1, "best at their cost", fontweight="bold", fontsize=8.5, **place)
    axes.text(1.04, 0.94, "\n".join(names), fontsize=8.5, linespacing=1.35, **place)
    dots: dict[str, Any] = {"marker": "o", "linestyle": "", "color": OTHER, "markeredgewidth": 0}
    sizes = {f"{_short(size)} parameters": _area(size) ** 0.5 for size in SIZES}
    handles: list[Any] = [Line2D([], [], markersize=size, label=label, **dots) for label, size in sizes.items()]
    handles += axes.get_legend_handles_labels()[0]
    legend: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (1.02, -0.03)}
    axes.legend(handles=handles, frameon=False, fontsize=8, handletextpad=0.2, **legend)
