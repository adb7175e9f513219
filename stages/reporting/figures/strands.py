"""Curves that are one for a while, as those of trainings that differ only later on."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

STRIPE = 4
"""Length of a stripe, in widths of a line."""


class Run(NamedTuple):
    """Points of a curve that all of the same curves have."""

    first: int
    last: int
    place: int
    """Of this curve among them, from 0."""
    strands: int
    """So many curves have them."""


def runs(curves: Mapping[str, np.ndarray]) -> dict[str, list[Run]]:
    """Split curves where others join or leave them. curves: points, float (n, 2), n being each one's own."""
    found = {}
    for row, (name, points) in enumerate(curves.items()):
        with_it = np.array([_pieces(points, other) for other in curves.values()])
        with_it[row] = True
        changes = np.flatnonzero((with_it[:, 1:] != with_it[:, :-1]).any(axis=0)) + 1
        found[name] = [
            Run(first, min(end, len(points) - 1), with_it[:row, first].sum(), with_it[:, first].sum())
            for first, end in pairwise([0, *changes.tolist(), with_it.shape[1]])
            if end > first
        ]
    return found


def draw_strands(axes: Axes, curves: Mapping[str, np.ndarray], styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw curves, in stripes where several are one, so that the colors of all are seen.

    curves: see `runs`; styles: of the lines, by curve. The first of those that are one is solid, the others on it.
    """
    for name, of_curve in runs(curves).items():
        for first, last, place, strands in of_curve:
            style = dict(styles[name])
            if strands > 1 and last > first:
                style["markevery"] = (place, strands)
            if place:
                style["linestyle"] = (STRIPE * (strands - place), (STRIPE, STRIPE * (strands - 1)))
            axes.plot(*curves[name][first : last + 1].T, **style)


def beginnings(curves: Mapping[str, np.ndarray]) -> dict[str, tuple[str, int]]:
    """Of each curve another one that is as long or longer, and how many of its first rows are the same; 0: none is.

    curves: float (n, columns), n being each one's own. Of two that are equal, the one is like the other.
    """
    found: dict[str, tuple[str, int]] = {}
    for name in sorted(curves, key=lambda name: -len(curves[name])):
        rows = [(other, _same_rows(curves[name], curves[other])) for other in found]
        found[name] = max(rows, key=lambda each: each[1], default=("", 0))
    return found


def _pieces(points: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pieces between two points another curve has too, bool (n - 1,); of a single point whether it has that."""
    same = np.zeros(len(points), bool)
    rows = min(len(points), len(other))
    same[:rows] = (points[:rows] == other[:rows]).all(axis=1)
    return same[1:] & same[:-1] if len(points) > 1 else same


def _same_rows(one: np.ndarray, other: np.ndarray) -> int:
    rows = min(len(one), len(other))
    differ = (one[:rows] != other[:rows]).any(axis=1)
    return int(differ.argmax()) if differ.any() else rows
