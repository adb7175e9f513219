"""Compare the numbers in two trees of files, value by value."""

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from stages.artifacts import HISTORY, PREDICTIONS, SUMMARY, TRAINED_RECIPE
from stages.evaluation.metrics import training_metrics, variant_metrics
from stages.splits import load_splits

ACCURACY_TOLERANCE = 0.02
LOSS_TOLERANCE = 0.05
"""Share of the recorded loss or error."""
LOSSES = ("log_loss", "loss", "mse", "rmse", "mae", "auxiliary_mse")
TOLERANCE = 0.000002
"""Share of the largest recorded value in the same array, or of 1."""
GRAY_LEVEL_TOLERANCE = 1.0
"""Mean difference of the pixels of a figure, of 255."""


@dataclass(frozen=True)
class Difference:
    """The distance of an array from the recorded one."""

    place: str
    largest: float
    """Largest difference of two values; infinite for text, another shape, a part that is missing."""
    mean: float
    """Mean difference of two values."""
    scale: float
    """Largest recorded value, or 1."""

    @property
    def is_tolerable(self) -> bool:
        """Whether another environment can explain it; see `stages.verify`."""
        if ".png" in self.place:
            return self.mean <= GRAY_LEVEL_TOLERANCE
        return self.largest <= TOLERANCE * self.scale


def arrays(name: str, content: bytes) -> dict[str, np.ndarray]:
    """Read a file as arrays by their place in it; a file of an unknown kind is one array of its bytes."""
    match PurePath(name).suffix:
        case ".json":
            return {place: np.asarray(value) for place, value in leaves(json.loads(content))}
        case ".csv":
            table = pd.read_csv(io.BytesIO(content))
            return {str(column): table[column].to_numpy() for column in table}
        case ".npy":
            return {"": np.load(io.BytesIO(content))}
        case ".npz":
            with np.load(io.BytesIO(content)) as archive:
                return dict(archive)
        case ".h5":
            return weights(content)
        case ".png":
            with Image.open(io.BytesIO(content)) as image:
                return {"pixels": np.asarray(image.convert("RGBA"))}
        case ".keras":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = {name: arrays(name, archive.read(name)) for name in archive.namelist()}
            return {f"{name} {place}": array for name, inner in members.items() for place, array in inner.items()}
    return {"bytes": np.frombuffer(content, dtype=np.uint8)}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the numbers and texts of a JSON document by their place: `layers.hidden.units`."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{place}.{key}" if place else str(key))
    else:
        yield place, value if not isinstance(value, dict | list) else str(value)


def weights(content: bytes) -> dict[str, np.ndarray]:
    """Read the arrays of an HDF5 file by their name."""
    import h5py

    found: dict[str, np.ndarray] = {}
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def difference(place: str, old: np.ndarray | None, new: np.ndarray | None) -> Difference | None:
    """Compare two arrays; None if all numbers and texts in them are equal."""
    unlike = Difference(place, math.inf, math.inf, 1.0)
    if old is None or new is None or old.shape != new.shape:
        return unlike
    if not (np.issubdtype(old.dtype, np.number) and np.issubdtype(new.dtype, np.number)):
        return None if (pd.isna(old) & pd.isna(new) | (old.astype(str) == new.astype(str))).all() else unlike
    a, b = old.astype(np.float64), new.astype(np.float64)
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    if equal.all():
        return None
    gap = np.abs(np.where(equal, 0, a) - np.where(equal, 0, b))
    gap = np.where(np.isfinite(gap), gap, math.inf)
    finite = np.abs(a[np.isfinite(a)])
    return Difference(place, float(gap.max()), float(gap.mean()), max(1.0, finite.max(initial=0)))


def differences_in(path: str, old: Path, new: Path) -> list[Difference]:
    """List the differences between an output, a file or a folder, in two trees."""
    if not (old / path).is_dir():
        names = {path}
    else:
        names = {file.relative_to(t).as_posix() for t in (old, new) for file in (t / path).rglob("*") if file.is_file()}
    found = []
    for name in sorted(names):
        contents = [(tree / name).read_bytes() if (tree / name).is_file() else None for tree in (old, new)]
        if contents[0] == contents[1]:
            continue
        if None in contents:
            found.append(Difference(f"{name} (in one of them only)", math.inf, math.inf, 1.0))
            continue
        one, other = (arrays(name, content) for content in contents if content is not None)
        for place in sorted(one.keys() | other.keys()):
            gap = difference(f"{name} {place}".strip(), one.get(place), other.get(place))
            found += [gap] if gap is not None else []
    return found


def metrics_in(tree: Path, variant: str, normalized: Path) -> dict[str, Any]:
    """Measure a variant whose files lie in the tree as `evaluate` does: {part: {metric: value}}, not rounded."""

    def read_bytes(path: Path) -> bytes:
        return (tree / path).read_bytes()

    recipe = TRAINED_RECIPE.read(variant, read_bytes)
    splits = load_splits(recipe["dataset"], recipe["split"], normalized)
    predictions, history = PREDICTIONS.read(variant, read_bytes), HISTORY.read(variant, read_bytes)
    summary = SUMMARY.read(variant, read_bytes)
    measured = training_metrics(recipe, splits, predictions, history, summary)
    return variant_metrics(measured, splits, summary)


def compare_metrics(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether size, accuracies, losses and errors agree within the tolerances, and the metric that agrees least."""
    shares: dict[str, float] = {}  # of the tolerance
    for part in old:
        for metric, was in old[part].items():
            allowed = _allowed(metric, was)
            if allowed is None:
                continue
            now = new.get(part, {}).get(metric, math.nan)
            # An equal value is within any tolerance, NaN within none.
            share = 0.0 if now == was else abs(now - was) / allowed if allowed else math.inf
            shares[f"{part} {metric} {was:.6g}, here {now:.6g}"] = math.inf if math.isnan(share) else share
    worst = max(shares, key=lambda said: shares[said], default="")
    if not worst:
        return False, "no metric to compare"
    return shares[worst] <= 1, worst if shares[worst] else "all metrics are equal"


def _allowed(metric: str, was: float) -> float | None:
    """Largest difference of a metric that another environment can explain; None for one that is not compared."""
    if metric == "accuracy":
        return ACCURACY_TOLERANCE
    if metric in LOSSES:
        return LOSS_TOLERANCE * abs(was)
    return 0.0 if metric == "parameters" else None
