"""Drawings of models with their layers and shapes, and of weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from stages.reporting.figures import panels

Layer = dict[str, Any]
BOX = (2.9, 0.4)  # inches
GAP, WIDE_GAP = (0.0, 0.18), (0.3, 0.35)
LANE = 0.16


@dataclass
class Box:
    """A layer in a drawing, or a chain of equal layers."""

    names: list[str]
    layer: Layer
    input_shape: str
    inputs: list[int] = field(default_factory=list)
    """Numbers of the boxes whose outputs it takes."""
    row: int = 0
    column: int = 0


def boxes_of(layers: Sequence[Layer]) -> list[Box]:
    """Boxes of a model in its order: a chain of layers that differ in their names only is one box.

    layers: name, class, output_shape, parameters and inputs (names of layers) of each; see `summary.json`.
    """
    shapes = {layer["name"]: _shape(layer["output_shape"]) for layer in layers}
    fed = {name: sum(name in layer.get("inputs", []) for layer in layers) for name in shapes}
    box_of: dict[str, int] = {}
    boxes: list[Box] = []
    for layer in layers:
        inputs = layer.get("inputs", [])
        box = Box([layer["name"]], layer, ", ".join(shapes[name] for name in inputs))
        last = boxes[-1] if boxes else None
        if last and inputs == [last.names[-1]] and fed[inputs[0]] == 1 and _equal(last, box):
            last.names.append(layer["name"])
        else:
            box.inputs = [box_of[name] for name in inputs]
            boxes.append(box)
        box_of[layer["name"]] = len(boxes) - 1
    return boxes


def placed(boxes: list[Box]) -> list[Box]:
    """Give each box its row and column: below all of its inputs, input layers just above their first consumer.

    The longest path is one column; inputs that join it are left of it, outputs that leave it right.
    """
    for box in boxes:
        box.row = max((boxes[source].row + 1 for source in box.inputs), default=0)
    for number, box in enumerate(boxes):
        below = [other.row for other in boxes if number in other.inputs]
        if not box.inputs and below:
            box.row = min(below) - 1
    taken: set[tuple[int, int]] = set()
    longest = _longest_path(boxes)
    for number, box in enumerate(boxes):
        step = 1 if box.inputs else -1
        box.column = 0 if number in longest else step
        while (box.row, box.column) in taken:
            box.column += step
        taken.add((box.row, box.column))
    return boxes


def drawing(name: str, layers: Sequence[Layer]) -> Figure:
    """Draw a model: its layers with input and output shapes and parameters; `None` is the size of the batch."""
    boxes = placed(boxes_of(layers))
    around = [(source, target) for source, target in _edges(boxes) if boxes[target].row - boxes[source].row > 1]
    first, last = min(box.column for box in boxes), max(box.column for box in boxes)
    rows, columns = 1 + max(box.row for box in boxes), 1 + last - first
    gap = GAP if columns == 1 else WIDE_GAP
    margin = 0.1 + LANE * len(around)
    width = margin + columns * (BOX[0] + gap[0]) - gap[0] + 0.1
    height = 0.35 + rows * (BOX[1] + gap[1]) - gap[1] + 0.1
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.text(width / 2, 0.17, name, ha="center", va="center", fontsize=10)
    corners = [(margin + (box.column - first) * (BOX[0] + gap[0]), 0.35 + box.row * (BOX[1] + gap[1])) for box in boxes]
    for box, corner in zip(boxes, corners, strict=True):
        _draw_box(axes, box, corner)
    _draw_arrows(axes, boxes, corners)
    for lane, (source, target) in enumerate(around):
        (x, y), (to_x, to_y) = ((x, y + BOX[1] / 2) for x, y in (corners[source], corners[target]))
        lane_x = margin - LANE * (lane + 1)
        _arrow(axes, [(x, y), (lane_x, y), (lane_x, to_y), (to_x, to_y)])
    return figure


def _edges(boxes: list[Box]) -> list[tuple[int, int]]:
    return [(source, target) for target, box in enumerate(boxes) for source in box.inputs]


def _draw_arrows(axes: Axes, boxes: list[Box], corners: list[tuple[float, float]]) -> None:
    """Draw the arrows from a row to the next, side by side if several leave or reach a box."""
    edges = [(source, target) for source, target in _edges(boxes) if boxes[target].row - boxes[source].row <= 1]
    edges.sort(key=lambda edge: [boxes[number].column for number in edge])
    for source, target in edges:
        (x, y), (to_x, to_y) = corners[source], corners[target]
        x += BOX[0] * _share((source, target), [edge for edge in edges if edge[0] == source])
        to_x += BOX[0] * _share((source, target), [edge for edge in edges if edge[1] == target])
        _arrow(axes, [(x, y + BOX[1]), (to_x, to_y)])


def _share(edge: tuple[int, int], edges: list[tuple[int, int]]) -> float:
    """Position of an arrow along a box, from 0 to 1, among those that leave or reach it."""
    return (edges.index(edge) + 1) / (len(edges) + 1)


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


def _longest_path(boxes: list[Box]) -> set[int]:
    length = [0] * len(boxes)
    for number, box in enumerate(boxes):
        length[number] = max((length[source] + 1 for source in box.inputs), default=0)
    last = max(range(len(boxes)), key=length.__getitem__)
    path = {last}
    while boxes[last].inputs:
        last = max(boxes[last].inputs, key=length.__getitem__)
        path.add(last)
    return path


def _equal(last: Box, box: Box) -> bool:
    keys = ("class", "output_shape", "parameters")
    return all(last.layer[key] == box.layer[key] for key in keys) and last.input_shape == box.input_shape


def _shape(shape: Any) -> str:
    if not shape:
        return ""
    if isinstance(shape[0], list):
        return ", ".join(map(_shape, shape))
    return f"({', '.join(map(str, shape))})"


def _draw_box(axes: Axes, box: Box, corner: tuple[float, float]) -> None:
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
    shapes = " → ".join(filter(None, [box.input_shape, _shape(box.layer["output_shape"])]))
    axes.text(x + 0.07, y + 0.29, shapes, va="center", fontsize=7)
    if parameters:
        text = f"{parameters:,} parameters" if times == 1 else f"{times} × {parameters:,} parameters"
        axes.text(x + BOX[0] - 0.07, y + 0.29, text, va="center", ha="right", fontsize=7)


def _arrow(axes: Axes, points: list[tuple[float, float]]) -> None:
    axes.plot(*zip(*points[:-1], strict=True), color="#444444", linewidth=0.8)
    axes.add_patch(
        FancyArrowPatch(
            *points[-2:], arrowstyle="-|>", mutation_scale=7, color="#444444", linewidth=0.8, shrinkA=0, shrinkB=0
        )
    )
