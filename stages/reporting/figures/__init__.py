"""Figures as functions of tables and arrays, a module for each subject, and what all of them share.

Everything has a place in inches, without matplotlib's layout engines: they draw every figure twice. No pyplot and no
dates: the same table gives the same PNG.
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

# Whatever a user's matplotlibrc says.
matplotlib.rcdefaults()
matplotlib.rc("font", size=9)
matplotlib.rc("text", hinting="none")  # letters as they were drawn, and a sixth of the time of a drawing less
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

    size: width and height of one; gap: between two beside and above each other; all in inches. subplots: as
    `Figure.subplots` takes them. A title adds its lines at the top.
    """
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    lines = textwrap.wrap(title, int(width / width_of("m", 10)))
    top += 0.15 + 0.15 * len(lines) if lines else 0
    height = bottom + rows * size[1] + (rows - 1) * gap[1] + top
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    for each in axes.flat:
        each.locator_params(nbins=5)  # labels take most of the time of a drawing
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    figure.subplots_adjust(wspace=gap[0] / size[0], hspace=gap[1] / size[1])
    if title:
        figure.suptitle("\n".join(lines), y=1 - 0.08 / height, va="top", fontsize=10)
    return figure, axes


def width_of(texts: Iterable[str], fontsize: float = 9) -> float:
    """Inches that the longest of the texts takes, or a little less."""
    return max(map(len, texts), default=0) * fontsize / 72 * 0.62


def grid_lines(axes: Axes, axis: Any = "both") -> None:
    """Light lines behind everything."""
    axes.grid(axis=axis, color="#eeeeee")
    axes.set_axisbelow(True)


def logarithmic_y(axes: Axes) -> None:
    """A logarithmic axis with its numbers as people write them: 0.2, 0.5, 1, 2, 5."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def name_rows(axes: Axes, names: Sequence[str], fontsize: float = 9) -> None:
    """Name the rows 0, 1, … at the left: texts alone, where each tick would be five artists to make and to draw."""
    axes.set_yticks([])
    for row, name in enumerate(names):
        place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
        axes.text(-0.02, row, name, fontsize=fontsize, **place)


def name_columns(axes: Axes, names: Sequence[str], fontsize: float = 9) -> None:
    """Name the columns 0, 1, … below, slanted; see `name_rows`."""
    axes.set_xticks([])
    for column, name in enumerate(names):
        place: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "right", "va": "top"}
        axes.text(column, -0.02, name, fontsize=fontsize, rotation=45, rotation_mode="anchor", **place)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that holds no date and no version.

    Its 128 colors make it a third as large as all would, and are hardly told from those: the quantizer covers the
    range of colors, so that a thin line keeps its own, and then moves each to the middle of what it stands for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(path)
