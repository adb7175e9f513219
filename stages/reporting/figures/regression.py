"""How far predicted quantities are from the true ones, and where."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.reporting.figures import grid_lines, panels


def residuals(
    name: str, y: np.ndarray, predicted: np.ndarray, target: str, places: np.ndarray | None, color: str
) -> Figure:
    """Draw predicted against true, the residuals, and where on the map they are.

    y, predicted: float (n,); target: its name and unit; places: degrees east and north, float (n, 2), or None.
    """
    residual = predicted - y
    unit = target[target.find(" (") :] if " (" in target else ""
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
    against.set_xlabel(f"true {target}")
    against.set_ylabel(f"predicted {target}", fontsize=8)
    below.scatter(predicted, residual, **dots)
    below.axhline(0, color="black", linewidth=1)
    below.set_xlim(low, high)
    below.set_ylim(-spread, spread)
    below.set_xlabel(f"predicted {target}")
    below.set_ylabel(f"predicted − true{unit}")
    for axes in (against, below):
        grid_lines(axes)
    if places is not None:
        _map(figure, grid[0, 2], places, residual, f"predicted − true{unit}")
    return figure


def _map(figure: Figure, axes: Axes, places: np.ndarray, residual: np.ndarray, label: str) -> None:
    limit = float(np.quantile(np.abs(residual), 0.95))
    points = axes.scatter(
        places[:, 0], places[:, 1], c=residual, cmap="RdBu_r", vmin=-limit, vmax=limit, s=4, linewidths=0
    )
    axes.set_aspect(1 / np.cos(np.radians(np.median(places[:, 1]))), adjustable="datalim")
    axes.set_xlabel("longitude (degrees east)")
    axes.set_ylabel("latitude (degrees north)")
    beside = axes.inset_axes((1.04, 0, 0.05, 1))
    figure.colorbar(points, cax=beside, extend="both", label=label)
