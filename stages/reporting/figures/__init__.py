"""Figures as functions of tables and arrays, a module for each subject; here are the helpers that they share.

Positions are given in inches instead of matplotlib's layout engines, which draw every figure twice. There is no pyplot
and no date: the same table gives the same PNG.
"""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

PART_COLORS = {"training": "#8a8d91", "validation": "#0072b2", "test": "#d55e00"}
DPI = 100

# Ignore the user's matplotlibrc.
matplotlib.rcdefaults()
matplotlib.rc("font", size=9)
matplotlib.rc("text", hinting="none")  # a sixth faster
matplotlib.rc("axes", titlesize=9)
matplotlib.rc("axes.spines", right=False, top=False)


def panels(
    rows: int,
    columns: int,
    size: tuple[float, float],
    *,
    title: str = "",
    left: float = 0.78,
    right: float = 0.15,
    top: float = 0.15,
    bottom: float = 0.5,
    gap: tuple[float, float] = (0.8, 0.6),
    **subplots: Any,
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, (rows, columns), each of this size.

    size: width and height of one panel; gap: horizontal and vertical distance of two; all in inches. subplots:
    arguments of `Figure.subplots`. The lines of a title add to the height.
    """
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    lines = textwrap.wrap(title, int(width / width_of("m", 10)))
    top += 0.15 + 0.15 * len(lines) if lines else 0
    height = bottom + rows * size[1] + (rows - 1) * gap[1] + top
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    for panel in axes.flat:
        panel.locator_params(nbins=5)  # drawing labels takes most of the time
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    figure.subplots_adjust(wspace=gap[0] / size[0], hspace=gap[1] / size[1])
    if title:
        figure.suptitle("\n".join(lines), y=1 - 0.08 / height, va="top", fontsize=10)
    return figure, axes


def width_of(texts: Iterable[str], fontsize: float = 9) -> float:
    """Approximate width in inches of the longest text."""
    return max(map(len, texts), default=0) * fontsize / 72 * 0.62


def grid_lines(axes: Axes, axis: Any = "both") -> None:
    """Draw light lines behind everything else."""
    axes.grid(axis=axis, color="#eeeeee")
    axes.set_axisbelow(True)


def logarithmic_y(axes: Axes) -> None:
    """Make the axis logarithmic and write its numbers as 0.2, 0.5, 1, 2, 5."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def name_rows(axes: Axes, names: Sequence[str], fontsize: float = 9) -> None:
    """Name the rows 0, 1, … at the left, by texts: a tick would be five artists to make and to draw."""
    axes.set_yticks([])
    for row, name in enumerate(names):
        place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
        axes.text(-0.02, row, name, fontsize=fontsize, **place)


def name_columns(axes: Axes, names: Sequence[str], fontsize: float = 9) -> None:
    """Name the columns 0, 1, … below the axes, slanted; see `name_rows`."""
    axes.set_xticks([])
    for column, name in enumerate(names):
        place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "right", "va": "top"}
        axes.text(column, -0.02, name, fontsize=fontsize, rotation=45, rotation_mode="anchor", **place)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of 128 colors without date and version.

    The palette makes the file a third as large and is hardly visible: the quantizer first covers the range of colors,
    so that thin lines keep theirs, and then moves each palette color to the mean of its pixels.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(path)
