"""Residuals of predicted quantities."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.datasets.spec import Target
from stages.reporting.figures import grid_lines, panels


def residuals(
    name: str, y: np.ndarray, predicted: np.ndarray, target: Target, places: pd.DataFrame | None, color: str
) -> Figure:
    """Draw predicted against true values, the residuals, and where they are on the map.

    y, predicted: float (n,); places: degrees east and north, two columns whose names label the axes, or None.
    """
    residual = predicted - y
    unit = f" ({target.unit})" if target.unit else ""
    quantity = target.name.replace("_", " ") + unit
    spread = y.max() - y.min()
    low, high = y.min() - 0.3 * spread, y.max() + 0.3 * spread
    outside = int(((predicted < low) | (predicted > high)).sum())
    title = f"{name}: test rows" + (f", {outside} of {len(y)} outside the axes" if outside else "")
    figure, grid = panels(1, 2 + (places is not None), (2.8, 2.8), title=title, right=0.9, gap=(0.8, 0))
    dots = {"s": 3, "alpha": 0.35, "linewidths": 0, "color": color}
    against, below = grid[0, :2]
    against.scatter(y, predicted, **dots)
    against.plot([low, high], [low, high], color="black", linewidth=1)
    against.set_xlim(y.min() - 0.05 * spread, y.max() + 0.05 * spread)
    against.set_ylim(low, high)
    against.set_xlabel(f"true {quantity}")
    against.set_ylabel(f"predicted {quantity}", fontsize=8)
    below.scatter(predicted, residual, **dots)
    below.axhline(0, color="black", linewidth=1)
    below.set_xlim(low, high)
    below.set_ylim(-spread, spread)
    below.set_xlabel(f"predicted {quantity}")
    below.set_ylabel(f"predicted − true{unit}")
    for axes in (against, below):
        grid_lines(axes)
    if places is not None:
        _draw_map(figure, grid[0, 2], places, residual, f"predicted − true{unit}")
    return figure


def _draw_map(figure: Figure, axes: Axes, places: pd.DataFrame, residual: np.ndarray, label: str) -> None:
    limit = float(np.quantile(np.abs(residual), 0.95))
    (east_label, east), (north_label, north) = places.items()
    points = axes.scatter(east, north, c=residual, cmap="RdBu_r", vmin=-limit, vmax=limit, s=4, linewidths=0)
    axes.set_aspect(1 / np.cos(np.radians(north.median())), adjustable="datalim")
    axes.set_xlabel(str(east_label))
    axes.set_ylabel(str(north_label))
    bar = axes.inset_axes((1.04, 0, 0.05, 1))
    figure.colorbar(points, cax=bar, extend="both", label=label)
