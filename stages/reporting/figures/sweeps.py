"""What a sweep found: scores by the values of its keys, and the best of k candidates."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from stages.presentation.colors import PALETTE
from stages.reporting.figures import grid_lines, panels, width_of
from stages.reporting.sweep_axes import is_logarithmic, limits, numeric_keys

MARKERS = "osD^vP*X"
MAX_MARKERS = 30
"""A curve of more points has no markers."""
RING: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": "#706070", "markeredgewidth": 1.5}


def sweep(
    title: str,
    declared: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    metric: str,
    label: str,
    less_is_better: bool,
) -> Figure:
    """Draw the metric on validation rows by each key of numbers, and that of the best of k candidates.

    Lines and dots are means over seeds, bars of lines reach from the worst seed to the best, and a ring is around the
    best candidate for each value of `best_for`, which has its color. Candidates far worse than most are outside.

    declared: as `stages.configure` writes it; tables: members, best and best_of_k, by these names; metric: the name of
    the column without its part; label: that of the axis.
    """
    members, value, by = tables["members"], f"validation_{metric}", declared["best_for"]
    keys = numeric_keys(declared, members)
    names = [str(name) for name in members[by].unique()] if by else [""]
    styles: dict[str, dict[str, Any]] = {
        name: {"color": PALETTE[number % len(PALETTE)], "marker": MARKERS[number % len(MARKERS)]}
        for number, name in enumerate(names)
    }
    right = 0.75 + width_of([*names, str(by)]) if by else 0.15
    figure, grid = panels(
        1, len(keys) + 1, (3.4, 2.8), title=title, right=right, gap=(0.25, 0.6), left=0.8, sharey=True
    )
    axes = [*grid[0]]
    for name, style in styles.items():
        own = {each: table[table[by].astype(str) == name] if by else table for each, table in tables.items()}
        for panel, key in zip(axes, keys, strict=False):
            _draw_key(panel, own["members"], own["best"], key, value, style, {*declared["keys"]} <= {key, by})
        of_k = own["best_of_k"]
        axes[-1].plot(of_k["k"], of_k[value], markersize=4 if len(of_k) <= MAX_MARKERS else 0, linewidth=1.5, **style)
    for panel, key in zip(axes, keys, strict=False):
        _name_axis(panel, key, members[key])
    axes[0].set_ylabel(f"{label} on validation rows")
    axes[0].set_ylim(*limits(members.groupby("candidate")[value].mean(), members[value], less_is_better))
    axes[-1].set_xlabel("best of k candidates, k")
    axes[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for panel in axes:
        grid_lines(panel)
    if by:
        handles = [Line2D([], [], label=name, markersize=4, linewidth=1.5, **style) for name, style in styles.items()]
        handles.append(Line2D([], [], label="best", linestyle="", marker="o", markersize=10, **RING))
        axes[-1].legend(handles=handles, title=by, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.02))
    return figure


def _draw_key(
    axes: Axes,
    members: pd.DataFrame,
    best: pd.DataFrame,
    key: str,
    value: str,
    style: Mapping[str, Any],
    is_line: bool,
) -> None:
    """Draw a line of candidates that differ in the key alone, or else a dot for each."""
    seeds = members.groupby("candidate", sort=False).agg({key: "first", value: ["mean", "min", "max"]})
    seeds.columns = pd.Index(["place", "mean", "least", "greatest"])
    seeds = seeds.sort_values("place")
    if is_line:
        axes.vlines(seeds["place"], seeds["least"], seeds["greatest"], color=style["color"], linewidth=1, alpha=0.6)
        axes.plot(seeds["place"], seeds["mean"], markersize=4, linewidth=1.5, **style)
    else:
        axes.scatter(seeds["place"], seeds["mean"], s=14, linewidths=0, alpha=0.5, **style)
    ring = {**RING, "markeredgecolor": style["color"]}
    axes.plot(best[key], best[value], linestyle="", marker="o", markersize=10, zorder=3, **ring)


def _name_axis(axes: Axes, key: str, values: pd.Series) -> None:
    axes.set_xlabel(key)
    if is_logarithmic(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
