"""Warnings of rows that lie far from the training rows: most likely in another unit, exchanged or inverted."""

from collections.abc import Mapping
from typing import Any

from stages.datasets.spec import DatasetSpec
from stages.normalization.range import STATISTICS, far_rows
from stages.prediction.files import WARNING, Read

INVERT = "if it is dark on white, Pillow's `ImageOps.invert(image)` inverts it"


def warnings_of(read: Read, spec: DatasetSpec, scaling: Mapping[str, Any]) -> list[str]:
    """Warn of each column with values far from those of the training rows; of images, of each statistic.

    scaling: of the model; without a range, as older ones are, nothing is far.
    """
    if "range" not in scaling or not len(read.x):
        return []
    whole = codes_of(spec)
    lines = []
    for name, (rows, values) in far_rows(read.x, scaling["features"], scaling["range"], whole).items():
        least, greatest = scaling["range"][name]
        kind, what = ("rows", spec.units.get(name)) if scaling["features"] else ("images", STATISTICS[name])
        number = "a whole number, " if name in whole else ""
        about = f" ({what})" if what else ""
        expected = f"expected {number}about {least:g} to {greatest:g}{about}, as in the training {kind}"
        others = len(rows) - 1
        more = f", and {others:,} more {kind[:-1] if others == 1 else kind}" if others else ""
        hint = f"; {INVERT}" if kind == "images" and name == "border" and values[0] > greatest else ""
        lines.append(f"{WARNING}{read.places[rows[0]]}, {name}: {expected}, got {values[0]:g}{more}{hint}")
    return lines


def codes_of(spec: DatasetSpec) -> set[str]:
    """Name the columns of codes: those with words that all stand for whole numbers."""
    codes = spec.new_rows.codes if spec.new_rows else {}
    return {name for name, words in codes.items() if all(float(value).is_integer() for value in words.values())}
