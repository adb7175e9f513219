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
    """One layer of a drawing, or several alike that follow each other."""

    names: list[str]
    layer: Layer
    input_shape: str
    inputs: list[int] = field(default_factory=list)
    """The boxes that feed it."""
    row: int = 0
    column: int = 0


def boxes_of(layers: Sequence[Layer]) -> list[Box]:
    """The boxes of a model, in its order: a chain of layers that differ in their names alone is one.

    layers: name, class, output_shape, parameters and inputs (names of layers) of each, as `summary.json` has them.
    """
    shapes = {layer["name"]: _shape(layer["output_shape"]) for layer in layers}
    fed = {name: sum(name in layer.get("inputs", []) for layer in layers) for name in shapes}
    box_of: dict[str, int] = {}
    boxes: list[Box] = []
    for layer in layers:
        inputs = layer.get("inputs", [])
        box = Box([layer["name"]], layer, ", ".join(shapes[name] for name in inputs))
        last = boxes[-1] if boxes else None
        if last and inputs == [last.names[-1]] and fed[inputs[0]] == 1 and _alike(last, box):
            last.names.append(layer["name"])
        else:
            box.inputs = [box_of[name] for name in inputs]
            boxes.append(box)
        box_of[layer["name"]] = len(boxes) - 1
    return boxes


def placed(boxes: list[Box]) -> list[Box]:
    """Give each box its row and column: below all that feed it, inputs just above what they feed.

    The longest way is one column; inputs that join it are left of it, outputs that leave it right.
    """
    for box in boxes:
        box.row = max((boxes[each].row + 1 for each in box.inputs), default=0)
    for number, box in enumerate(boxes):
        below = [other.row for other in boxes if number in other.inputs]
        if not box.inputs and below:
            box.row = min(below) - 1
    taken: set[tuple[int, int]] = set()
    on_the_way = _longest_way(boxes)
    for number, box in enumerate(boxes):
        step = 1 if box.inputs else -1
        box.column = 0 if number in on_the_way else step
        while (box.row, box.column) in taken:
            box.column += step
        taken.add((box.row, box.column))
    return boxes


def drawing(name: str, layers: Sequence[Layer]) -> Figure:
    """Draw a model: its layers with input and output shapes and parameters; `None` is the rows of a batch."""
    boxes = placed(boxes_of(layers))
    edges = [(source, target) for target, box in enumerate(boxes) for source in box.inputs]
    around = [(source, target) for source, target in edges if boxes[target].row - boxes[source].row > 1]
    first = min(box.column for box in boxes)
    rows, columns = (1 + max(box.row for box in boxes), 1 + max(box.column for box in boxes) - first)
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
    corners = [(margin + (b.column - first) * (BOX[0] + gap[0]), 0.35 + b.row * (BOX[1] + gap[1])) for b in boxes]
    for box, corner in zip(boxes, corners, strict=True):
        _draw_box(axes, box, corner)
    down = sorted(set(edges) - set(around), key=lambda edge: [boxes[each].column for each in edge])
    for edge in down:
        # Side by side, from left to right, where several leave or reach a box.
        (x, y), (to_x, to_y) = (
            (
                corners[edge[end]][0] + BOX[0] * _place(edge, [each for each in down if each[end] == edge[end]]),
                corners[edge[end]][1],
            )
            for end in (0, 1)
        )
        _arrow(axes, [(x, y + BOX[1]), (to_x, to_y)])
    for lane, (source, target) in enumerate(around):
        (x, y), (to_x, to_y) = ((x, y + BOX[1] / 2) for x, y in (corners[source], corners[target]))
        lane_x = margin - LANE * (lane + 1)
        _arrow(axes, [(x, y), (lane_x, y), (lane_x, to_y), (to_x, to_y)])
    return figure


def _place(edge: tuple[int, int], edges: list[tuple[int, int]]) -> float:
    return (edges.index(edge) + 1) / (len(edges) + 1)


def weight_images(name: str, kernel: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw the weights that lead from the pixels to each class. kernel: float (height, width, classes)."""
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
    beside = figure.add_axes((1 - 0.8 / figure.get_figwidth(), 0.3 / figure_height, 0.012, 1 - 0.75 / figure_height))
    figure.colorbar(image, cax=beside, label="weight")
    return figure


def _longest_way(boxes: list[Box]) -> set[int]:
    length = [0] * len(boxes)
    for number, box in enumerate(boxes):
        length[number] = max((length[each] + 1 for each in box.inputs), default=0)
    way = {max(range(len(boxes)), key=length.__getitem__)}
    last = next(iter(way))
    while boxes[last].inputs:
        last = max(boxes[last].inputs, key=length.__getitem__)
        way.add(last)
    return way


def _alike(last: Box, box: Box) -> bool:
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
