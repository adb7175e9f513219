"""Arrays and tables that figures show, read from their files when they are drawn."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.datasets.spec import RAW, Raw, spec_of
from stages.splits import load_split

NEAR_ZERO = 0.001
"""As in `stages.training.evaluation`, which imports TensorFlow."""


@cache
def raw(dataset: str) -> Raw:
    """Read a data set as published, once for all figures of a process."""
    return spec_of(dataset).read(RAW / dataset)


def images(dataset: str, rows: Sequence[int]) -> np.ndarray:
    """Images of these rows, uint8 (rows, height, width)."""
    return raw(dataset).x[np.asarray(rows)]


def first_rows(dataset: str) -> dict[str, range]:
    """Numbers of the first ten rows of the published parts; without those of a part that has none."""
    spec = spec_of(dataset)
    test_start = spec.rows - spec.test_rows
    rows = {"train": range(test_start)[:10], "test": range(test_start, spec.rows)[:10]}
    return {part: numbers for part, numbers in rows.items() if len(numbers)}


def first_images(dataset: str) -> dict[str, np.ndarray]:
    """Images of `first_rows`, see `images`."""
    return {part: images(dataset, rows) for part, rows in first_rows(dataset).items()}


def first_labels(dataset: str) -> dict[str, list[str]]:
    """Names of the classes of `first_rows`."""
    classes, y = spec_of(dataset).classes, raw(dataset).y
    return {part: [classes[label] for label in y[np.asarray(rows)]] for part, rows in first_rows(dataset).items()}


def published(dataset: str) -> pd.DataFrame:
    """Columns of a table as published, and its target."""
    found = raw(dataset)
    return pd.DataFrame(found.x, columns=spec_of(dataset).feature_names).assign(target=found.y)


def scaled(dataset: str, split: str) -> pd.DataFrame:
    """Training rows of a split as networks get them, float64."""
    stored = load_split(dataset, split)
    return pd.DataFrame(stored.x["train"], columns=stored.scaling["features"]).astype(np.float64)


def before_and_after(dataset: str, split: str) -> dict[str, pd.DataFrame]:
    """The tables of `published` and `scaled` by headings that count their rows."""
    before, after = published(dataset), scaled(dataset, split)
    return {
        f"as published, {len(before):,} rows": before,
        f"{split}, {len(after):,} training rows": after,
    }


def places(dataset: str, rows: np.ndarray) -> pd.DataFrame:
    """Places of rows on a map: two columns, whose names have units."""
    spec = spec_of(dataset)
    names = [*(spec.location or ())]
    labels = {name: f"{name} ({spec.units[name]})" for name in names if name in spec.units}
    return published(dataset).iloc[rows][names].rename(columns=labels)


def softmax_kernel(path: Path, image_shape: tuple[int, int]) -> np.ndarray:
    """Weights from the pixels to each class, float32 (height, width, classes), of a model with one Dense layer."""
    import h5py

    with h5py.File(path) as weights:
        # Keras names the groups of a weights file by class, not by the layers' names.
        return weights["layers/dense/vars/0"][:].reshape(*image_shape, -1)


def near_zero_by_layer(path: Path, layers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Share of the weights in the kernel of each Dense layer that are less than NEAR_ZERO, by its name.

    layers: of `summary.json`.
    """
    import h5py

    names = [layer["name"] for layer in layers if layer["class"] == "Dense"]
    found = {}
    with h5py.File(path) as weights:
        for number, name in enumerate(names):  # Keras names the groups by class, see `softmax_kernel`
            kernel = weights[f"layers/dense{f'_{number}' if number else ''}/vars/0"][:]
            found[name] = float((np.abs(kernel) < NEAR_ZERO).mean())
    return found
