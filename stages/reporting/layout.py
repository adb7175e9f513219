"""The layout of a model's drawing: a box for each layer, and the arrows between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Layer = dict[str, Any]
"""name, class, output_shape, parameters and inputs (names of layers); see `summary.json`."""
Point = tuple[float, float]
"""Inches to the right and down from the upper left corner."""

BOX = (2.9, 0.4)
"""Width and height of a box in inches."""
GAP, WIDE_GAP = (0.0, 0.18), (0.3, 0.35)
LANE = 0.16
MARGIN = 0.1


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


@dataclass(frozen=True)
class Layout:
    """A drawing: its size and the places of its parts in inches."""

    width: float
    height: float
    boxes: list[Box]
    corners: list[Point]
    """Upper left corner of each box."""
    arrows: list[list[Point]]
    """Points of each arrow, its head last: from a row to the next, then those around boxes."""


def layout_of(layers: Sequence[Layer], top: float = MARGIN) -> Layout:
    """Lay out a model. top: space above it in inches."""
    boxes = placed(boxes_of(layers))
    around = [(source, target) for source, target in _edges(boxes) if boxes[target].row - boxes[source].row > 1]
    first, last = min(box.column for box in boxes), max(box.column for box in boxes)
    rows, columns = 1 + max(box.row for box in boxes), 1 + last - first
    gap = GAP if columns == 1 else WIDE_GAP
    left = MARGIN + LANE * len(around)
    corners = [(left + (box.column - first) * (BOX[0] + gap[0]), top + box.row * (BOX[1] + gap[1])) for box in boxes]
    arrows = _arrows_between_rows(boxes, corners)
    for lane, (source, target) in enumerate(around):
        (x, y), (to_x, to_y) = ((x, y + BOX[1] / 2) for x, y in (corners[source], corners[target]))
        lane_x = left - LANE * (lane + 1)
        arrows.append([(x, y), (lane_x, y), (lane_x, to_y), (to_x, to_y)])
    return Layout(
        width=left + columns * (BOX[0] + gap[0]) - gap[0] + MARGIN,
        height=top + rows * (BOX[1] + gap[1]) - gap[1] + MARGIN,
        boxes=boxes,
        corners=corners,
        arrows=arrows,
    )


def boxes_of(layers: Sequence[Layer]) -> list[Box]:
    """Boxes of a model in its order: a chain of layers that differ in their names only is one box."""
    shapes = {layer["name"]: shape_text(layer["output_shape"]) for layer in layers}
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


def shape_text(shape: Any) -> str:
    """Write a shape, or those of several outputs, as Python does; `None` is the size of the batch."""
    if not shape:
        return ""
    if isinstance(shape[0], list):
        return ", ".join(map(shape_text, shape))
    return f"({', '.join(map(str, shape))})"


def _arrows_between_rows(boxes: list[Box], corners: list[Point]) -> list[list[Point]]:
    """Arrows from a row to the next, side by side if several leave or reach a box."""
    edges = [(source, target) for source, target in _edges(boxes) if boxes[target].row - boxes[source].row <= 1]
    edges.sort(key=lambda edge: [boxes[number].column for number in edge])
    arrows = []
    for source, target in edges:
        (x, y), (to_x, to_y) = corners[source], corners[target]
        x += BOX[0] * _share((source, target), [edge for edge in edges if edge[0] == source])
        to_x += BOX[0] * _share((source, target), [edge for edge in edges if edge[1] == target])
        arrows.append([(x, y + BOX[1]), (to_x, to_y)])
    return arrows


def _edges(boxes: list[Box]) -> list[tuple[int, int]]:
    return [(source, target) for target, box in enumerate(boxes) for source in box.inputs]


def _share(edge: tuple[int, int], edges: list[tuple[int, int]]) -> float:
    """Position of an arrow along a box, from 0 to 1, among those that leave or reach it."""
    return (edges.index(edge) + 1) / (len(edges) + 1)


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
