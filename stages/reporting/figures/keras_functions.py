"""Keras's activations and initializers, from the tables of `stages.params.keras_tables`."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.presentation.colors import PALETTE
from stages.reporting.figures import grid_lines, logarithmic_y, panels
from stages.reporting.figures.strands import draw_strands

DASHES = ("-", "--", ":")
"""Line styles of the activations that share an initializer."""
VANISHED = 0.01
"""Standard deviation of outputs below which a signal has vanished; that of the inputs is 1."""
RIGHT_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8, "loc": "upper left", "bbox_to_anchor": (1.02, 1)}
"""Place of a legend to the right of its axes."""


def activations(table: pd.DataFrame) -> Figure:
    """Draw the activation functions and their derivatives. table: columns input and one for each activation."""
    figure, grid = panels(1, 2, (3.2, 2.8), right=1.7, top=0.35)
    inputs = table["input"].to_numpy()
    outputs = {str(name): column.to_numpy() for name, column in table.drop(columns="input").items()}
    # Differences of neighbors: a kink stays one.
    slopes = {name: np.diff(output) / np.diff(inputs) for name, output in outputs.items()}
    middles = (inputs[1:] + inputs[:-1]) / 2
    colors = dict(zip(outputs, PALETTE, strict=False))
    styles = {name: {"color": color} for name, color in colors.items()}
    for axes, x, curves in zip(grid[0], (inputs, middles), (outputs, slopes), strict=True):
        draw_strands(axes, {name: np.stack((x, y), axis=1) for name, y in curves.items()}, styles)
    for axes, title in zip(grid[0], ("activation", "its derivative"), strict=True):
        axes.set_title(title)
        axes.set_xlabel("input of the activation")
        grid_lines(axes)
    grid[0, 0].set_ylim(-2, 4)
    grid[0, 0].set_ylabel("output")
    grid[0, 1].set_ylabel("output per input")
    labels = {name: f"{name} (slope 0.3)" if name == "leaky_relu" else name for name in outputs}
    handles = [Line2D([], [], color=color, label=labels[name]) for name, color in colors.items()]
    grid[0, 1].legend(handles=handles, **RIGHT_LEGEND)
    return figure


def initializers(table: pd.DataFrame) -> Figure:
    """Draw the weights that initializers draw, and what they make of a signal before any training.

    An initializer has one color in all three panels; activations differ in their dashes.

    table: columns quantity, initializer, activation, x, value; see `stages.params.keras_tables.initializer_table`.
    """
    figure, grid = panels(1, 3, (2.5, 2.5), right=2.75, top=0.35, gap=(0.95, 0))
    quantities = {str(name): rows for name, rows in table.groupby("quantity")}
    colors = dict(zip(table["initializer"].unique(), PALETTE, strict=False))
    weights, spread, signal = grid[0]
    _draw_weights(weights, quantities["weights"], colors)
    _draw_spread(spread, quantities["spread"], colors)
    _draw_signal(signal, quantities["signal"], colors)
    for axes in grid[0]:
        grid_lines(axes)
    return figure


def _draw_weights(axes: Axes, table: pd.DataFrame, colors: dict[str, str]) -> None:
    for name, rows in table.groupby("initializer", sort=False):
        middles = rows["x"].to_numpy()
        half = (middles[1] - middles[0]) / 2
        edges = np.append(middles - half, middles[-1] + half)
        axes.stairs(rows["value"].to_numpy(), edges, color=colors[str(name)], label=str(name))
    axes.set_title("weights, 300 inputs to 100 units")
    axes.set_xlabel("weight")
    axes.set_ylabel("weights in the bin")
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _draw_spread(axes: Axes, table: pd.DataFrame, colors: dict[str, str]) -> None:
    for name, rows in table.groupby("initializer", sort=False):
        axes.plot(rows["x"], rows["value"], color=colors[str(name)], marker="o", markersize=3)
    axes.set_title("spread by inputs, 100 units")
    axes.set_xscale("log")
    logarithmic_y(axes)
    axes.set_xlabel("inputs of a unit (fan-in)")
    axes.set_ylabel("standard deviation of the weights")


def _draw_signal(axes: Axes, table: pd.DataFrame, colors: dict[str, str]) -> None:
    layers = int(table["x"].max())
    drawn: Counter[str] = Counter()
    for (activation, initializer), rows in table.groupby(["activation", "initializer"], sort=False):
        name = str(initializer)
        label = f"{activation}, {name}: {rows['value'].iloc[-1]:.2g}"
        axes.plot(rows["x"], rows["value"], label=label, color=colors[name], linestyle=DASHES[drawn[name]])
        drawn[name] += 1
    axes.set_title(f"signal through {layers} layers of 100")
    axes.set_yscale("log")
    axes.set_ylim(VANISHED, None)  # a vanishing signal would squeeze all others; the legend says how far it goes
    axes.set_xlim(1, layers)
    axes.set_xlabel("layer")
    axes.set_ylabel("standard deviation of the outputs")
    title = f"activation, initializer: in layer {layers}"
    axes.legend(handlelength=3, title=title, title_fontsize=8, **RIGHT_LEGEND)
