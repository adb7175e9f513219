"""What the script of the report page needs to compare any variants: recipes, differences, images and predictions."""

import json
from typing import Any

import numpy as np

from stages.comparison.trained import loss_function
from stages.params.differences import NOT_COMPARED
from stages.reporting.page.pairs import VERDICTS, pairs_of
from stages.reporting.page.reports import Reports, leaves
from stages.training import predicted_classes

MAX_IMAGES = 1000
"""Test rows, the first ones, whose images and predicted classes the page has."""
MAX_PIXELS = 800_000
"""Of all images of a data set: of larger ones there are fewer."""
GRAYS = 16
"""Gray values of a pixel: half a byte."""
NOT_PREDICTED = 255
"""Stands for the class where a prediction is not finite."""


def recipes(reports: Reports) -> dict[str, dict[str, str]]:
    """Give the recipe of each variant as text by place: {"layers.hidden.units": "100"}; without its seeds.

    `layers` has the order of the layers; the columns of `inputs` stand by their names.
    """
    found = {}
    for name, recipe in reports.parsed_recipes.items():
        shown: dict[str, Any] = {key: value for key, value in recipe.items() if key not in NOT_COMPARED}
        if (columns := reports.columns.get(name)) and "inputs" in shown:
            inputs = shown["inputs"].items()
            shown["inputs"] = {key: " ".join(columns[position] for position in each) for key, each in inputs}
        found[name] = {"layers": " → ".join(shown["layers"])} if "layers" in shown else {}
        found[name] |= {place: str(value) for place, value in leaves(shown).items()}
    return found


def comparison_data(reports: Reports) -> bytes:
    """Make the data of the comparison of any variants, as JSON.

    `recipes`, see there; `losses`: the loss function by variant; `pairs`: see `pairs_of`; `verdicts`: VERDICTS.
    """
    content = {
        "recipes": recipes(reports),
        "losses": {name: loss_function(recipe) for name, recipe in reports.parsed_recipes.items()},
        "pairs": pairs_of(reports, reports.criteria),
        "verdicts": VERDICTS,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sample_of(reports: Reports, dataset: str) -> tuple[dict[str, Any], bytes] | None:
    """Make the sample of a data set of images: its first test rows; None without images or predictions.

    Returns: `variants`, `rows` and `of` (all test rows), `height` and `width`; and a byte for the class of each row,
        one for each prediction of each variant (NOT_PREDICTED if it is not finite), and half a byte for each pixel.
    """
    tested = {name: each for name, each in reports.tested.items() if reports.dataset(name) == dataset}
    images = reports.images.get(dataset)
    if images is None or not tested:
        return None
    first = next(iter(tested.values()))
    same = {name: each for name, each in tested.items() if np.array_equal(each.rows, first.rows)}
    count, height, width = images.shape
    blocks = [first.y[:count], *(_classes(each.predicted[:count]) for each in same.values())]
    grays = (images // (256 // GRAYS)).reshape(-1)
    pixels = np.append(grays, np.zeros(len(grays) % 2, np.uint8)).reshape(-1, 2)
    header = {"variants": [*same], "rows": count, "of": len(first.rows), "height": height, "width": width}
    return header, np.concatenate([*blocks, pixels[:, 0] * GRAYS + pixels[:, 1]]).astype(np.uint8).tobytes()


def _classes(predicted: np.ndarray) -> np.ndarray:
    finite = np.isfinite(predicted).all(axis=1)
    return np.where(finite, predicted_classes(predicted), NOT_PREDICTED)


def image_rows(rows: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Choose the test rows whose images the page has. rows: of the test; shape: height and width of an image."""
    return rows[: min(MAX_IMAGES, MAX_PIXELS // (shape[0] * shape[1]))]
