"""How far the training rows reach: what `stages.predict` warns of when a new row lies far beyond.

`stages.normalize` stores the smallest and the largest value of each column in `scaling.json`; of images, those of three
statistics (`STATISTICS`), all in the units of the source. A new row is far from the training rows if a value lies
beyond this range by more than `MARGIN` of its width.

The margin was measured: with a twentieth, 0.00 % of Fashion-MNIST's test images and 0.02 % of California housing's test
rows are far from those of the splits `holdout` and `single`. Of the thoracic patients none is in the first repetition
of `clean`, from which its models come; 1.5 % are on average over all 30, because 282 patients do not show every value.
Every negative, and every image with pixels from 0 to 1, is far.
"""

from collections.abc import Mapping, Sequence

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
    x: np.ndarray, features: Sequence[str], limits: Mapping[str, Sequence[float]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Find the rows of x, not scaled, that lie far beyond the limits of `fit_range`.

    Returns: positions, int64 (k,), and values, float64 (k,), by name; names without such rows are left out.
    """
    found = {}
    for name, values in measure(x, features).items():
        least, greatest = limits[name]
        margin = MARGIN * (greatest - least)
        rows = np.flatnonzero((values < least - margin) | (values > greatest + margin))
        if len(rows):
            found[name] = rows, values[rows]
    return found
