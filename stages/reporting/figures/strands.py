"""Curves that coincide for a while, as those of trainings that differ only later on."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

STRIPE = 4
"""Length of a stripe, in widths of a line."""


class Segment(NamedTuple):
    """Points of a curve, from first to last, which it shares with the same other curves."""

    first: int
    last: int
    place: int
    """Position of this curve among those that share the segment, from 0."""
    strands: int
    """Number of curves that share it, this one included."""


def segments(curves: Mapping[str, np.ndarray]) -> dict[str, list[Segment]]:
    """Split curves where others join or leave them. curves: points by name, float (n, 2), n may differ."""
    found = {}
    for row, (name, points) in enumerate(curves.items()):
        shared = np.array([_shared_lines(points, other) for other in curves.values()])
        shared[row] = True
        changes = np.flatnonzero((shared[:, 1:] != shared[:, :-1]).any(axis=0)) + 1
        found[name] = [
            Segment(first, min(end, len(points) - 1), shared[:row, first].sum(), shared[:, first].sum())
            for first, end in pairwise([0, *changes.tolist(), shared.shape[1]])
            if end > first
        ]
    return found


def draw_strands(axes: Axes, curves: Mapping[str, np.ndarray], styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw curves, in stripes where several coincide, so that the colors of all are seen.

    curves: see `segments`; styles: properties of the lines by curve. The first of coinciding curves is solid, the
    others are dashes on it.
    """
    for name, found in segments(curves).items():
        for first, last, place, strands in found:
            style = dict(styles[name])
            if strands > 1 and last > first:
                style["markevery"] = (place, strands)
            if place:
                style["linestyle"] = (STRIPE * (strands - place), (STRIPE, STRIPE * (strands - 1)))
            axes.plot(*curves[name][first : last + 1].T, **style)


def common_beginnings(curves: Mapping[str, np.ndarray]) -> dict[str, tuple[str, int]]:
    """For each curve a longer or equally long one that begins alike, and how many first rows are equal (0: none).

    curves: float (n, columns), n may differ. If two curves are equal, the second is paired with the first.
    """
    found: dict[str, tuple[str, int]] = {}
    for name in sorted(curves, key=lambda name: -len(curves[name])):
        rows = [(other, _same_rows(curves[name], curves[other])) for other in found]
        found[name] = max(rows, key=lambda each: each[1], default=("", 0))
    return found


def _shared_lines(points: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether another curve has the line between two points too, bool (n - 1,); or the point, if it is the only one."""
    same = np.zeros(len(points), bool)
    rows = min(len(points), len(other))
    same[:rows] = (points[:rows] == other[:rows]).all(axis=1)
    return same[1:] & same[:-1] if len(points) > 1 else same


def _same_rows(one: np.ndarray, other: np.ndarray) -> int:
    rows = min(len(one), len(other))
    differ = (one[:rows] != other[:rows]).any(axis=1)
    return int(differ.argmax()) if differ.any() else rows
