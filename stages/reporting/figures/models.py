"""Drawings of models with their layers and shapes, and of weights."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from stages.reporting.figures import panels
from stages.reporting.layout import BOX, Box, Layer, Point, layout_of, shape_text


def drawing(name: str, layers: Sequence[Layer]) -> Figure:
    """Draw a model: its layers with input and output shapes and parameters; `None` is the size of the batch."""
    layout = layout_of(layers, top=0.35)
    figure = Figure(figsize=(layout.width, layout.height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.text(layout.width / 2, 0.17, name, ha="center", va="center", fontsize=10)
    for box, corner in zip(layout.boxes, layout.corners, strict=True):
        _draw_box(axes, box, corner)
    for points in layout.arrows:
        _draw_arrow(axes, points)
    return figure


def weight_images(name: str, kernel: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw the weights from the pixels to each class as images. kernel: float (height, width, classes)."""
    columns = 5
    rows = -(-len(classes) // columns)
    figure, grid = panels(
        rows, columns, (1.1, 1.1), title=f"{name}: weights by class", left=0.1, right=0.95, bottom=0.3, gap=(0.1, 0.3)
    )
    limit = float(np.abs(kernel).max())
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, label, weights in zip(grid.flat, classes, np.moveaxis(kernel, -1, 0), strict=False):
        image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.text(0.5, -0.04, label, transform=axes.transAxes, ha="center", va="top", fontsize=8)
    figure_height = figure.get_figheight()
    bar = figure.add_axes((1 - 0.8 / figure.get_figwidth(), 0.3 / figure_height, 0.012, 1 - 0.75 / figure_height))
    figure.colorbar(image, cax=bar, label="weight")
    return figure


def _draw_box(axes: Axes, box: Box, corner: Point) -> None:
    x, y = corner
    parameters = box.layer["parameters"]
    axes.add_patch(
        Rectangle(corner, *BOX, facecolor="#eef3f8" if parameters else "#f6f6f6", edgecolor="#444444", linewidth=0.8)
    )
    times = len(box.names)
    name = box.names[0] if times == 1 else f"{box.names[0]} … {box.names[-1]}"
    heading = box.layer["class"] if times == 1 else f"{times} × {box.layer['class']}"
    axes.text(x + 0.07, y + 0.12, heading, va="center", fontsize=8, fontweight="bold")
    axes.text(x + BOX[0] - 0.07, y + 0.12, name, va="center", ha="right", fontsize=7, color="#444444")
    shapes = " → ".join(filter(None, [box.input_shape, shape_text(box.layer["output_shape"])]))
    axes.text(x + 0.07, y + 0.29, shapes, va="center", fontsize=7)
    if parameters:
        text = f"{parameters:,} parameters" if times == 1 else f"{times} × {parameters:,} parameters"
        axes.text(x + BOX[0] - 0.07, y + 0.29, text, va="center", ha="right", fontsize=7)


def _draw_arrow(axes: Axes, points: list[Point]) -> None:
    axes.plot(*zip(*points[:-1], strict=True), color="#444444", linewidth=0.8)
    axes.add_patch(
        FancyArrowPatch(
            *points[-2:], arrowstyle="-|>", mutation_scale=7, color="#444444", linewidth=0.8, shrinkA=0, shrinkB=0
        )
    )
