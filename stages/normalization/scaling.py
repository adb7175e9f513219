"""Scaling: the numbers that normalize the inputs, from the training rows alone."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

CHUNK_VALUES = 2**22
"""Values that are in memory as float64 at a time, 32 MB: a table at once, images some thousands at a time."""


def chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of an array of this shape (rows, ...) with at most `CHUNK_VALUES` values each."""
    step = max(1, CHUNK_VALUES // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def fit_scaling(x: np.ndarray, scaling: str) -> tuple[Any, Any]:
    """Offset and scale from the training rows x (n, ...): numbers, or nested lists of the shape of one row.

    "unit": pixels from 0 to 1. "standard": scikit-learn's StandardScaler in float64, whose scale is 1 where all rows
    are equal. "none": as they are.
    """
    if scaling != "standard":
        return 0, 255 if scaling == "unit" else 1
    from sklearn.preprocessing import StandardScaler  # predictions of new rows need `normalize` alone

    scaler = StandardScaler()
    for chunk in chunks(x.shape):
        # C order, because the order of a sum decides its last digit.
        scaler.partial_fit(x[chunk].reshape(len(x[chunk]), -1).astype(np.float64, order="C"))
    return scaler.mean_.reshape(x.shape[1:]).tolist(), scaler.scale_.reshape(x.shape[1:]).tolist()


def normalize(x: np.ndarray, scaling: Mapping[str, Any]) -> np.ndarray:
    """(x - offset) / scale as float32, of x's shape; used on the stored arrays and on every new input alike.

    Computed in float64 and rounded once. For pixels / 255 that gives the bits of the float32 division: float64 has more
    than twice float32's digits, so that rounding a quotient twice cannot differ from rounding it once.
    """
    offset = np.asarray(scaling["offset"], dtype=np.float64)
    scale = np.asarray(scaling["scale"], dtype=np.float64)
    return ((x - offset) / scale).astype(np.float32)
