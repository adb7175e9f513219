"""Curves that begin as others do: of trainings that differ only later on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

STRIPE = 4
"""Length of a stripe, in widths of a line."""


class Strand(NamedTuple):
    """How a curve is to be drawn: striped as far as it is the same as others, so that the colours of all are seen."""

    like: str = ""
    """A curve that it begins like."""
    rows: int = 0
    """So many rows are the same."""
    place: int = 0
    """Among those that share their beginning, from 0: that one is solid."""
    strands: int = 1
    """So many share it."""


def strands(curves: Mapping[str, np.ndarray]) -> dict[str, Strand]:
    """Find the curves that begin as others do; longest first, which is the order in which they are to be drawn.

    curves: float (n, columns), n being each one's own.
    """
    found: dict[str, Strand] = {}
    groups: dict[str, list[str]] = {}
    """Each curve that begins like no other before it, and all that begin like it."""
    for name in sorted(curves, key=lambda name: -len(curves[name])):
        rows = {other: _same_rows(curves[name], curves[other]) for other in found}
        like = max(rows, key=rows.__getitem__, default="")
        if not rows.get(like):
            groups[name], found[name] = [name], Strand()
            continue
        group = next(group for group in groups.values() if like in group)
        found[name] = Strand(like, rows[like], len(group))
        group.append(name)
    sizes = {name: len(group) for group in groups.values() for name in group}
    return {name: strand._replace(strands=sizes[name]) for name, strand in found.items()}


def draw_strand(axes: Axes, x: np.ndarray, y: np.ndarray, strand: Strand, **style: Any) -> None:
    """Draw a curve: what it shares in stripes, what is its own solid. x, y: (n,); style: of its lines."""
    if strand.rows:
        stripes = (STRIPE * (strand.strands - strand.place), (STRIPE, STRIPE * (strand.strands - 1)))
        every = (strand.place, strand.strands) if strand.rows > strand.strands else None
        shared = slice(strand.rows)
        axes.plot(x[shared], y[shared], **{**style, "linestyle": stripes, "markevery": every})
    if strand.rows < len(x):
        own = slice(max(strand.rows - 1, 0), None)
        axes.plot(x[own], y[own], **style)


def _same_rows(one: np.ndarray, other: np.ndarray) -> int:
    rows = min(len(one), len(other))
    differ = (one[:rows] != other[:rows]).any(axis=1)
    return int(differ.argmax()) if differ.any() else rows
