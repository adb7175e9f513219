"""The answers to all questions in one figure."""

from collections.abc import Sequence
from math import copysign, isfinite, isnan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator, NullLocator

from stages.comparison.verdicts import Verdict
from stages.presentation.effects import Effect
from stages.presentation.words import text
from stages.reporting.figures import grid_lines, panels

ROW, LEFT, WIDTH, ANSWER, RIGHT = 0.31, 3.7, 2.3, 1.45, 2.6
"""Inches: the height of a row, and the widths of the questions, the axis, the answers, and answers and numbers."""
LIMIT = 300.0
"""Greatest difference on the axis, in units of what is worth having: 100 points of accuracy are 200."""
GRAY = "#606060"
COLORS = {Verdict.BETTER: "#0072b2", Verdict.WORSE: "#d55e00", Verdict.SAME: GRAY}
"""Of dots by verdict; the others are hollow."""


def all_effects(effects: Sequence[Effect]) -> Figure:
    """Draw the first comparison of each question on one axis, the best at the top.

    The axis is in units of what is worth having, better to the right, and logarithmic from 1 on: a difference in the
    band from -1 to 1 is not worth having. Lines are intervals. Questions without a comparison are left out.

    effects: see `stages.presentation.effects`.
    """
    shown = sorted(filter(_has_place, effects), key=_place, reverse=True)
    rows = max(len(shown), 1)
    figure, grid = panels(1, 1, (WIDTH, ROW * rows), left=LEFT, right=RIGHT, top=0.3, bottom=0.62, gap=(0, 0))
    axes = grid[0, 0]
    _draw_axis(axes, rows)
    for row, effect in enumerate(shown):
        _draw_effect(axes, row, effect)
        _name(axes, row, effect)
    return figure


def _has_place(effect: Effect) -> bool:
    return not isnan(effect.value) or effect.diverged != 0


def _place(effect: Effect) -> float:
    """Place on the axis: that of the difference, or the end where one of the two broke down with every seed."""
    if isnan(effect.value):
        return -copysign(LIMIT, effect.diverged)
    return float(np.clip(effect.value, -LIMIT, LIMIT))


def _draw_axis(axes: Axes, rows: int) -> None:
    axes.set_xscale("symlog", linthresh=1, linscale=1)
    axes.set_xlim(-LIMIT, LIMIT)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator([-100, -10, -1, 0, 1, 10, 100]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    axes.spines["left"].set_visible(False)
    axes.axvspan(-1, 1, color="#e8e8e8", linewidth=0, zorder=0)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("difference ÷ the least difference worth having\n(gray: not worth having)", fontsize=8)
    style: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "va": "bottom", "fontsize": 9}
    axes.text(-1, 1.0, "← worse", ha="right", **style)
    axes.text(1, 1.0, "better →", ha="left", **style)
    grid_lines(axes, "x")
    dots: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": ""}
    handles = [Line2D([], [], color=color, label=verdict, **dots) for verdict, color in COLORS.items()]
    handles.append(Line2D([], [], color="black", markerfacecolor="white", label="not certain", **dots))
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, -0.05 / (ROW * rows))}
    axes.legend(handles=handles, ncols=2, frameon=False, fontsize=8, handletextpad=0.1, columnspacing=1, **place)


def _draw_effect(axes: Axes, row: int, effect: Effect) -> None:
    place = _place(effect)
    if isnan(effect.value):
        axes.plot(place, row, marker="x", markersize=7, color="black", clip_on=False)
        return
    color = COLORS.get(effect.verdict or Verdict.OPEN, "black")
    if isfinite(effect.high - effect.low):
        axes.plot(np.clip([effect.low, effect.high], -LIMIT, LIMIT), [row, row], color=color, linewidth=2)
    fill = color if effect.verdict in COLORS else "white"
    axes.plot(place, row, marker="o", markersize=6, color=color, markerfacecolor=fill)


def _name(axes: Axes, row: int, effect: Effect) -> None:
    """Write the question and what is compared to the left, the answer and the number to the right."""
    style: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    beside = {"left": -0.1 / WIDTH, "answer": 1 + 0.12 / WIDTH, "number": 1 + ANSWER / WIDTH}
    for line, written, size, color in (
        (-0.2, effect.question["en"], 8.5, "black"),
        (0.23, effect.compared["en"], 7.5, GRAY),
    ):
        fitted = _fitted(written, size, LEFT - 0.2)
        axes.text(beside["left"], row + line, written, ha="right", fontsize=fitted, color=color, **style)
    axes.text(beside["answer"], row - 0.2, effect.answer.capitalize(), fontweight="bold", fontsize=8.5, **style)
    axes.text(beside["number"], row - 0.2, effect.size["en"], fontsize=8.5, **style)
    metric = text("metrics", effect.metric)["en"]
    note = "" if metric == "accuracy" else metric
    if effect.diverged:
        who = "breaks down" if effect.diverged > 0 else "the other breaks down"
        note = "; ".join(filter(None, (note, f"{who} in {100 * abs(effect.diverged):.0f} %")))
    if note:
        size = _fitted(note, 7.5, RIGHT - 0.2)
        axes.text(beside["answer"], row + 0.23, note, fontsize=size, color=GRAY, **style)


def _fitted(written: str, size: float, width: float) -> float:
    """Size at which a text is no wider than so many inches."""
    return min(size, size * width / (TextPath((0, 0), written, size=size).get_extents().width / 72))
