"""Data sets: images, classes, tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from stages.reporting.figures import PART_COLORS, grid_lines, name_rows, panels, width_of

SHADE = {"train": "training", "validation": "validation", "test": "test"}
RAW, SCALED = "#606840", PART_COLORS["training"]


def samples(title: str, images: Mapping[str, np.ndarray], labels: Mapping[str, Sequence[str]]) -> Figure:
    """Draw images with their labels, a row for each part. images: uint8 (columns, height, width) by part."""
    columns = max(map(len, images.values()))
    figure, grid = panels(
        *(len(images), columns), (0.85, 0.85), title=title, left=0.65, bottom=0.3, gap=(0.1, 0.3), right=0.1
    )
    for row, (part, part_images) in zip(grid, images.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        for axes, image, label in zip(row, part_images, labels[part], strict=False):
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
            axes.text(0.5, -0.04, label, transform=axes.transAxes, ha="center", va="top", fontsize=8)
        row[0].text(-0.1, 0.5, part, transform=row[0].transAxes, ha="right", va="center")
    return figure


def class_counts(title: str, counts: Mapping[str, Mapping[str, np.ndarray]], classes: Sequence[str]) -> Figure:
    """Draw the number of rows of each class in the parts of each split. counts: {split: {part: int (classes,)}}."""
    alike: dict[str, list[str]] = {}  # splits that differ in their scaling only
    for split, by_part in counts.items():
        alike.setdefault(str({part: rows.tolist() for part, rows in by_part.items()}), []).append(split)
    height = 0.42 * len(classes)
    figure, grid = panels(
        *(1, len(alike)), (2.2, height), title=title, left=width_of(classes) + 0.25, right=1.1, top=0.35, gap=(0.3, 0)
    )
    places = np.arange(len(classes))
    for axes, splits in zip(grid[0], alike.values(), strict=True):
        by_part = counts[splits[0]]
        bar = 0.8 / len(by_part)
        for number, (part, rows) in enumerate(by_part.items()):
            where = places + (number + 0.5) * bar - 0.4
            axes.barh(where, rows, bar * 0.9, color=PART_COLORS[SHADE[part]])
        axes.set_title(", ".join(splits))
        axes.set_xlabel("rows")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_yticks([])
        axes.set_ylim(len(classes) - 0.5, -0.5)
        grid_lines(axes, "x")
    name_rows(grid[0, 0], classes)
    handles = [Patch(color=PART_COLORS[name], label=name) for name in SHADE.values()]
    grid[0, -1].legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def described(title: str, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the output of `DataFrame.describe` for each table, one below the other. tables: by heading."""
    described = {heading: table.describe().T for heading, table in tables.items()}
    line, column = 0.2, 0.78
    first = max(width_of(map(str, table.index), 8) for table in described.values()) + 0.25
    width = first + max(len(table.columns) for table in described.values()) * column + 0.2
    height = sum(line * (len(table) + 2.6) for table in described.values()) + 0.4
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.text(width / 2, 0.12, title, ha="center", va="top", fontsize=10)
    top = 0.5
    for heading, table in described.items():
        axes.text(0.15, top, heading, va="center", fontweight="bold", fontsize=8)
        for number, name in enumerate(table.columns):
            axes.text(first + (number + 1) * column, top + line, name, ha="right", va="center", fontsize=8)
        axes.plot([0.15, width - 0.15], [top + 1.55 * line] * 2, color="black", linewidth=0.8)
        for row, (column_name, values) in enumerate(table.iterrows()):
            level = top + (row + 2.1) * line
            axes.text(0.15, level, str(column_name), va="center", fontsize=8)
            for number, value in enumerate(values):
                axes.text(first + (number + 1) * column, level, _short(value), ha="right", va="center", fontsize=8)
        top += line * (len(table) + 2.6)
    return figure


def distributions(title: str, raw: pd.DataFrame, scaled: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """Draw histograms of each column, as published and as the networks get it, with logarithmic row numbers.

    scaled: without the columns that are no inputs; units: of the published columns.
    """
    pairs = 3
    rows = -(-len(raw.columns) // pairs)
    figure, grid = panels(rows, 2 * pairs, (1.35, 0.85), title=title, top=0.45, gap=(0.45, 0.75), left=0.55)
    for place, axes in enumerate(grid.flat):
        name = raw.columns[place // 2] if place // 2 < len(raw.columns) else None
        table = scaled if place % 2 else raw
        if name not in table:
            axes.set_axis_off()
            if name is not None:
                axes.text(0.5, 0.5, "not an input", ha="center", va="center", transform=axes.transAxes, color="#8a8d91")
            continue
        axes.stairs(*np.histogram(table[name], bins=30), fill=True, color=SCALED if place % 2 else RAW)
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_ylim(bottom=0.7)
        axes.locator_params("x", nbins=3)
        axes.set_title(f"{name}, scaled" if place % 2 else name)
        axes.set_xlabel("standard deviations" if place % 2 else units.get(str(name), ""), fontsize=7)
        axes.tick_params(labelsize=7)
    for axes in grid[:, 0]:
        axes.set_ylabel("rows", fontsize=7)
    return figure


def _short(value: float) -> str:
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{round(value, 3) + 0.0:.4g}"
