"""Learning rates that change during a training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.presentation.metrics import logarithmic
from stages.reporting.figures import grid_lines, logarithmic_y, panels
from stages.reporting.figures.strands import draw_strands
from stages.reporting.learning_rates import RateCurve

MAX_RATIO = 1000
"""The axis ends this many times below the greatest rate: cosine decay ends at zero."""


def schedules(groups: Mapping[str, Mapping[str, RateCurve]], colors: Mapping[str, str]) -> Figure:
    """Draw the learning rates of variants, a panel for each baseline.

    groups: {baseline: {variant, itself too: epochs since the start and the rate from then on, float (n,) each}}; not
    empty.
    """
    columns = min(len(groups), 3)
    below = 0.65 + 0.17 * max(len(rates) for rates in groups.values())
    size = (-(-len(groups) // columns), columns)
    figure, grid = panels(*size, (2.9, 2.0), top=0.35, gap=(1.0, below + 0.2), left=1.0, bottom=below)
    for axes in grid.flat[len(groups) :]:
        axes.set_axis_off()
    for axes, (baseline, rates) in zip(grid.flat, groups.items(), strict=False):
        _draw_rates(axes, baseline, rates, colors)
    return figure


def _draw_rates(axes: Axes, baseline: str, rates: Mapping[str, RateCurve], colors: Mapping[str, str]) -> None:
    compared = baseline in rates and len(rates) > 1
    styles = {name: {"color": colors[name], "linewidth": 2, "drawstyle": "steps-post"} for name in rates}
    draw_strands(axes, on_one_grid(rates), styles)
    labels = {name: f"{name} (baseline)" if compared and name == baseline else name for name in rates}
    axes.set_title(f"compared with {baseline}" if compared else ", ".join(rates))
    axes.set_xlabel("epochs since the start")
    axes.set_ylabel("learning rate")
    values = np.concatenate([rate for _, rate in rates.values()])
    if logarithmic("learning_rate", values):
        logarithmic_y(axes)
        axes.set_ylim(max(values.min() / 1.3, values.max() / MAX_RATIO), 1.3 * values.max())
    else:
        axes.set_ylim(0, 1.08 * values.max())
    axes.set_xlim(0, max(epochs.max() for epochs, _ in rates.values()))
    handles = [Line2D([], [], color=colors[name], linewidth=2, label=text) for name, text in labels.items()]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, -0.42 / 2.0)}
    axes.legend(handles=handles, frameon=False, fontsize=8, borderpad=0, handlelength=2.5, **place)
    grid_lines(axes)


def on_one_grid(rates: Mapping[str, RateCurve]) -> dict[str, np.ndarray]:
    """Epochs and rates, float64 (n, 2), with a row wherever any rate has one: they may change by step or by epoch.

    Values are rounded to float32, the precision of Keras's own rates.
    """
    grid = np.unique(np.concatenate([epochs for epochs, _ in rates.values()]))
    found = {}
    for name, (epochs, rate) in rates.items():
        own = grid[grid <= epochs[-1]]
        last = np.searchsorted(epochs, own, side="right") - 1
        found[name] = np.stack([own, rate[last].astype(np.float32)], axis=1)
    return found
