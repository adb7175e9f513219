"""The plot of effects as a picture for the READMEs: wide and for a phone, light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import BoxStyle, FancyBboxPatch, Rectangle
from matplotlib.textpath import TextPath

from stages.presentation.effect_plot import Block, Place, Row
from stages.presentation.words import text
from stages.reporting.figures import DPI

SCALE = 2
"""Pixels of the picture for one of the page, so that it is sharp on every screen."""
POINTS = SCALE * 72 / DPI
"""Points for one pixel of the page."""
LIGHT = {"page": "#ffffff", "text": "#1f2328", "quiet": "#59636e", "line": "#d9dce0", "band": "#eceef0"}
LIGHT |= {"neutral": "#4a4f55", "helps": "#0a6b3d", "hurts": "#9b2c00"}
DARK = {"page": "#0d1117", "text": "#e8e8e8", "quiet": "#b3b8bd", "line": "#3a3d41", "band": "#2e3134"}
DARK |= {"neutral": "#c6cbd0", "helps": "#7fdcaa", "hurts": "#ffb596"}
"""The report page's colors, on GitHub's backgrounds."""
HOLLOW = {"open", "cannot be known"}


@dataclass(frozen=True)
class Sizes:
    """Lengths in pixels of the page."""

    width: float
    scale: tuple[float, float]
    """Left and right end of the scales."""
    row: float
    above: float
    """Part of a row above its scale."""
    heading: float
    lines: tuple[float, float, float]
    """How far the title, the sides with the data set, and the ends of a scale are above the bottom of a heading."""
    small: float
    large: float


WIDE = Sizes(width=830, scale=(310, 556), row=33, above=0, heading=36, lines=(10, 10, 10), small=10.5, large=13)
PHONE = Sizes(width=390, scale=(200, 380), row=60, above=24, heading=64, lines=(44, 25, 9), small=12.5, large=14.5)
LEFT = 2
"""Where lines begin."""
ROUND = 3
"""Radius of the ends of an interval."""


def all_effects(blocks: Sequence[Block], dark: bool = False, phone: bool = False) -> Figure:
    """Draw the plot of effects, as wide as GitHub shows a README, or as a phone, in twice as many pixels.

    blocks: see `stages.presentation.effect_plot`. Their words are drawn in English: matplotlib has no other letters.
    """
    sizes, colors = PHONE if phone else WIDE, DARK if dark else LIGHT
    height = sum(sizes.heading + sizes.row * len(block.rows) for block in blocks) + 1
    figure = Figure(figsize=(sizes.width * SCALE / DPI, height * SCALE / DPI), facecolor=colors["page"])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, sizes.width), ylim=(height, 0))
    pen, top = Pen(axes, sizes, colors), 0.0
    for block in blocks:
        top += sizes.heading
        _draw_heading(pen, block, top)
        for row in block.rows:
            if block.ends:
                tall = {"top": top + sizes.above, "height": sizes.row - sizes.above}
                pen.box(pen.at(50 - block.band), pen.at(50 + block.band), color="band", **tall)
                pen.box(pen.at(50) - 0.5, pen.at(50) + 0.5, color="quiet", **tall)
            if row.place:
                _draw_place(pen, row.place, row.does, top + (sizes.above + sizes.row) / 2)
            (_write_on_phone if phone else _write)(pen, row, top)
            top += sizes.row
            pen.box(0, sizes.width, top, 1, "line")
    return figure


@dataclass(frozen=True)
class Pen:
    """Draws on axes whose unit is a pixel of the page."""

    axes: Axes
    sizes: Sizes
    colors: Mapping[str, str]

    def at(self, percent: float) -> float:
        """Place on the scale."""
        left, right = self.sizes.scale
        return left + (right - left) * percent / 100

    def box(self, left: float, right: float, top: float, height: float, color: str) -> None:
        """Fill a rectangle."""
        patch = Rectangle((left, top), right - left, height, color=self.colors[color], linewidth=0)
        self.axes.add_patch(patch)

    def write(
        self, written: str, x: float, y: float, size: float, *, width: float, color: str = "text", **style: Any
    ) -> float:
        """Write a line, smaller if it is wider than so many pixels. Returns: how wide it is."""
        if not written:
            return 0.0
        font = FontProperties(weight=style.get("fontweight", "normal"))
        points = size * POINTS
        own = float(np.ptp(TextPath((0, 0), written, size=points, prop=font).vertices[:, 0])) / POINTS
        shrink = min(1, width / own)
        self.axes.text(x, y, written, fontsize=points * shrink, color=self.colors[color], va="center_baseline", **style)
        return own * shrink


def _draw_heading(pen: Pen, block: Block, bottom: float) -> None:
    """Write the metric, and what the scale means."""
    (title, sides, ends), (left, right) = pen.sizes.lines, pen.sizes.scale
    name, size = block.title["en"], pen.sizes.small
    in_one_line = title == ends
    wide = left if in_one_line else pen.sizes.width
    pen.write(name[0].upper() + name[1:], LEFT, bottom - title, pen.sizes.large, width=wide - 8, fontweight="bold")
    if block.ends:
        middle = (left + right) / 2
        for x, align, end in ((left, "left", block.ends[0]), (right, "right", block.ends[1])):
            pen.write(end["en"], x, bottom - ends, size, width=70, color="quiet", ha=align)
        for x, align, side in ((middle - 8, "right", block.sides[0]), (middle + 8, "left", block.sides[1])):
            pen.write(side["en"], x, bottom - sides, size, width=70, color="quiet", ha=align)
        pen.write("0", middle, bottom - ends, size, width=20, color="quiet", ha="center")
    # On the side of the scale where there is room.
    x, align, room = (pen.sizes.width - LEFT, "right", pen.sizes.width - right) if in_one_line else (LEFT, "left", left)
    if block.dataset:
        name = text("datasets", block.dataset)["en"]
        pen.write(name, x, bottom - sides, size, width=room - 16, color="quiet", ha=align)
    pen.box(0, pen.sizes.width, bottom - 0.5, 1, "quiet")


def _write(pen: Pen, row: Row, top: float) -> None:
    """Write a row beside the scale: the technique to the left, the difference and the word to the right."""
    small, large = pen.sizes.small, pen.sizes.large
    first, second, (left, right) = top + 12, top + 25, pen.sizes.scale
    taken = LEFT + pen.write(row.title["en"], LEFT, first, large, width=left - 10, fontweight="bold")
    pen.write(row.compared["en"], LEFT, second, small, width=left - 10, color="quiet")
    if row.note:
        pen.write(row.note["en"], taken + 6, first, small, width=left - taken - 16, color="quiet")
    end, word = right + 150, right + 162
    pen.write(row.size["en"], end, first, large, width=140, ha="right", fontweight="bold")
    if row.interval:
        pen.write(row.interval["en"], end, second, small, width=140, color="quiet", ha="right")
    beside: dict[str, Any] = {"width": pen.sizes.width - word - LEFT}
    pen.write(text("does", row.does)["en"], word, first, large, color=_ink(row.does), fontweight="bold", **beside)
    pen.write(row.claim["en"], word, second, small, color="quiet", **beside)


def _write_on_phone(pen: Pen, row: Row, top: float) -> None:
    """Write a row: the technique and the word above the scale, the difference to its left."""
    small, large, (left, _), end = pen.sizes.small, pen.sizes.large, pen.sizes.scale, pen.sizes.width - LEFT
    bold: dict[str, Any] = {"fontweight": "bold"}
    word = text("does", row.does)["en"]
    taken = pen.write(word, end, top + 14, large, width=130, color=_ink(row.does), ha="right", **bold)
    room = end - taken - 14
    written = pen.write(row.title["en"], LEFT, top + 14, large, width=room, **bold)
    if row.note:
        pen.write(row.note["en"], LEFT + written + 6, top + 14, small, width=room - written - 6, color="quiet")
    pen.write(row.size["en"], LEFT, top + 33, large, width=left - 14)
    if row.interval:
        pen.write(row.interval["en"], LEFT, top + 49, small, width=left - 14, color="quiet")


def _ink(does: str) -> str:
    return does if does in ("helps", "hurts") else "neutral"


def _draw_place(pen: Pen, place: Place, does: str, y: float) -> None:
    """Draw a dot and its interval: a square if there is no difference, hollow if it is not certain, an arrow beyond."""
    ink = pen.colors[_ink(does)]
    if place.width:
        begin, end = pen.at(place.begin), pen.at(place.begin + place.width)
        scale = Rectangle((begin, y - 4), end - begin, 8, transform=pen.axes.transData)
        begin -= ROUND * ("cut-left" in place.cut)  # what is cut off has no round end
        end += ROUND * ("cut-right" in place.cut)
        style = BoxStyle.Round(pad=0, rounding_size=ROUND)
        bar = FancyBboxPatch((begin, y - 4), max(end - begin, 2), 8, boxstyle=style, color=ink, alpha=0.45, linewidth=0)
        pen.axes.add_patch(bar)
        if place.cut:
            bar.set_clip_path(scale)
    arrow = {"left": "<", "right": ">"}.get(place.beyond)
    marker = "x" if place.broken else arrow or ("s" if does == "no difference" else "o")
    face = pen.colors["page"] if does in HOLLOW and not arrow else ink
    size, edge = (9 if marker in "so" else 10) * POINTS, 2 * POINTS
    pen.axes.plot(
        pen.at(place.at), y, marker=marker, markersize=size, color=ink, markerfacecolor=face, markeredgewidth=edge
    )
