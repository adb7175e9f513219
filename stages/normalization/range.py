"""How far the training rows reach: what `stages.predict` warns of when a new row lies far beyond.

`stages.normalize` stores the smallest and the largest value of each column in `scaling.json`; of images, those of three
statistics (`STATISTICS`), all in the units of the source. A new row is far from the training rows if a value lies
beyond this range by more than `MARGIN` of its width, if it is negative although no training row's is, or if it is a
fraction in a column of codes. A range is wide where few rows reach far, so that its margin alone would let them pass.

The margin was measured (`tests/test_predict.py`). With a twentieth, at most 0.02 % of the test rows are far in the data
sets of many rows, and 1.5 % in that of 470, whose 282 training rows do not have every value. All negatives are far, and
all images with pixels from 0 to 1 or a tenth of the contrast.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from stages.normalization.scaling import chunks

MARGIN = 0.05
STATISTICS = {
    "mean": "the mean gray value",
    "contrast": "the standard deviation of the gray values",
    "border": "the mean gray value of the outermost pixels",
}


def statistics(images: np.ndarray) -> np.ndarray:
    """Give the `STATISTICS`, float64 (n, 3), of images, uint8 (n, height, width). The same on every machine."""
    measured = np.empty((len(images), len(STATISTICS)))
    for chunk in chunks(images.shape):
        part = images[chunk].astype(np.int64)
        pixels = part.shape[1] * part.shape[2]
        sums, squares = part.sum(axis=(1, 2)), (part**2).sum(axis=(1, 2))  # of integers: exact in any order
        edges = np.concatenate([part[:, 0], part[:, -1], part[:, 1:-1, 0], part[:, 1:-1, -1]], axis=1)
        measured[chunk, 0] = sums / pixels
        measured[chunk, 1] = np.sqrt(pixels * squares - sums**2) / pixels
        measured[chunk, 2] = edges.sum(axis=1) / edges.shape[1]
    return measured


def measure(x: np.ndarray, features: Sequence[str]) -> dict[str, np.ndarray]:
    """Give what has a range, float64 (n,) by name: the columns of x (n, features), or the statistics of images."""
    if features:
        return dict(zip(features, x.T, strict=True))
    return dict(zip(STATISTICS, statistics(x).T, strict=True))


def fit_range(x: np.ndarray, features: Sequence[str]) -> dict[str, list[float]]:
    """Give the least and the greatest value over the training rows x, by name. features: none for images."""
    return {name: [float(values.min()), float(values.max())] for name, values in measure(x, features).items()}


def far_rows(
    x: np.ndarray, features: Sequence[str], limits: Mapping[str, Sequence[float]], whole: Collection[str] = ()
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Find the rows of x, not scaled, that lie far beyond the limits of `fit_range`.

    whole: names of the columns that hold whole numbers alone.
    Returns: positions, int64 (k,), and values, float64 (k,), by name; names without such rows are left out.
    """
    found = {}
    for name, values in measure(x, features).items():
        least, greatest = limits[name]
        margin = MARGIN * (greatest - least)
        lowest = max(least - margin, 0) if least >= 0 else least - margin
        far = (values < lowest) | (values > greatest + margin)
        if name in whole:
            far |= values != np.rint(values)
        rows = np.flatnonzero(far)
        if len(rows):
            found[name] = rows, values[rows]
    return found
