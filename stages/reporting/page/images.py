"""Images on the report page: pixels of a data set, which the page contains once, and weights; drawn by js/images.js."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import LEADERBOARD, WORST
from stages.datasets.spec import spec_of
from stages.presentation.words import LANGUAGES, Text, text
from stages.reporting.page.reports import Reports

MOST = 127
"""The greatest weight, as a signed byte."""


@dataclass(frozen=True)
class Image:
    """An image and the words below it."""

    width: int
    height: int
    attributes: Mapping[str, str | int]
    """`dataset` and `row`, or `weights`: signed bytes in base64."""
    alt: Text
    lines: list[Text]


@dataclass(frozen=True)
class Grid:
    """Images under one title."""

    caption: Text
    alt: Text
    images: list[Image]
    note: Text | None


def sheets(images: Mapping[str, Mapping[int, np.ndarray]]) -> dict[str, dict[str, Any]]:
    """Make the sheet of each data set: {width, height, rows, pixels}; pixels: the bytes of its images, in order."""
    found = {}
    for dataset, by_row in images.items():
        if by_row:
            height, width = next(iter(by_row.values())).shape
            pixels = b"".join(image.tobytes() for image in by_row.values())
            found[dataset] = {"width": width, "height": height, "rows": list(by_row), "pixels": pixels}
    return found


def variant_grids(reports: Reports, name: str) -> list[Grid]:
    """Make the grids of a variant: its worst errors, and the weights of a model with one layer."""
    return [grid for grid in (worst_errors(reports, name), weights(reports, name)) if grid]


def _pixels(reports: Reports, dataset: str, row: int, lines: list[Text]) -> Image:
    height, width = reports.pictured.images[dataset][row].shape
    return Image(width, height, {"dataset": dataset, "row": row}, text("images", "row", row=row), lines)


def worst_errors(reports: Reports, name: str) -> Grid | None:
    """Make the grid of the images with the most wrong predictions of a variant; None without any."""
    dataset, worst = reports.dataset(name), reports.rows("worst", name)
    worst = worst[worst["row"].isin(list(reports.pictured.images.get(dataset, {})))]
    if worst.empty:
        return None
    images = []
    for _, row in worst.iterrows():
        said = [
            text("images", word, label=row[kind], share=_percent(row[f"probability_{kind}"]))
            for word, kind in (("is", "actual"), ("said", "predicted"))
        ]
        images.append(_pixels(reports, dataset, int(row["row"]), said))
    alt = text("page", "worst_alt", variant=reports.title(name))
    return Grid(text("figures", "worst"), alt, images, text("page", "inverted"))


def weights(reports: Reports, name: str) -> Grid | None:
    """Make the grid of a variant's weights from the pixels to each class; None if it has no such weights."""
    kernel = reports.pictured.kernels.get(name)
    if kernel is None:
        return None
    limit = float(np.abs(kernel).max()) or 1.0
    scaled = np.rint(kernel / limit * MOST).astype(np.int8)
    classes = spec_of(reports.dataset(name)).classes
    images = []
    for number, label in enumerate(classes):
        height, width, _ = scaled.shape
        content = base64.b64encode(scaled[..., number].tobytes()).decode("ascii")
        said = dict.fromkeys(LANGUAGES, label)
        images.append(Image(width, height, {"weights": content}, text("images", "weights_of", label=label), [said]))
    caption = text("figures", "weights")
    alt = text("page", "picture_alt", caption=caption, variant=reports.title(name))
    return Grid(caption, alt, images, text("images", "weights_key", limit=f"{limit:.2g}"))


def first_images(reports: Reports, dataset: str) -> list[Grid]:
    """Make a grid of the first images of each published part."""
    found = []
    first = reports.pictured.first.get(dataset, {})
    for part, labels in first.items():
        caption = text("images", f"first_{part}")
        alt = text("page", "picture_alt", caption=caption, variant=text("datasets", dataset))
        images = [_pixels(reports, dataset, row, [dict.fromkeys(LANGUAGES, label)]) for row, label in labels.items()]
        found.append(Grid(caption, alt, images, text("page", "inverted") if part == [*first][-1] else None))
    return found


def missing_images(reports: Reports) -> list[Text]:
    """Count the variants of images without worst errors."""
    board = reports.tables[LEADERBOARD]
    count = sum(_predicts_images(row) and reports.rows("worst", row["variant"]).empty for _, row in board.iterrows())
    return [text("page", "no_worst", count=count, path=WORST)] if count else []


def _predicts_images(row: pd.Series) -> bool:
    spec = spec_of(row["dataset"])
    return bool(spec.image_shape) and bool(pd.notna(row.get(f"test_{spec.ranked_by}")))


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.01 else "< 1 %"
