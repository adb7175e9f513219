"""How far the numbers in one tree of files are from those in another."""

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
from stages.datasets import load_splits
from stages.evaluation.metrics import metrics_of_each, variant_metrics

ACCURACY_TOLERANCE = 0.02
LOSS_TOLERANCE = 0.05
"""Of the recorded loss or error."""
LOSSES = ("log_loss", "loss", "mse", "rmse", "mae", "auxiliary_mse")
TOLERANCE = 0.000002
"""Of the largest recorded value in the same array, or of 1."""
GREY_LEVEL_TOLERANCE = 1.0
"""Of 255, on average over the pixels of a figure."""


@dataclass(frozen=True)
class Difference:
    """How far an array is from the recorded one."""

    place: str
    largest: float
    """infinite where it is no number: text, a shape, a part that is missing."""
    mean: float
    scale: float
    """The largest recorded value, or 1."""

    @property
    def is_tolerable(self) -> bool:
        """Whether another environment may explain it; see the module."""
        if ".png" in self.place:
            return self.mean <= GREY_LEVEL_TOLERANCE
        return self.largest <= TOLERANCE * self.scale


def arrays(name: str, content: bytes) -> dict[str, np.ndarray]:
    """Everything in a file by its place there; the bytes themselves for a kind of file that is not known."""
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
    """Numbers and texts of a JSON document by their place: `layers.0.units`."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, f"{place}.{key}" if place else str(key))
    else:
        yield place, value if not isinstance(value, dict | list) else str(value)


def weights(content: bytes) -> dict[str, np.ndarray]:
    """The data sets of an HDF5 file."""
    import h5py

    found: dict[str, np.ndarray] = {}
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def difference(place: str, old: np.ndarray | None, new: np.ndarray | None) -> Difference | None:
    """How far the new array is from the old; None if all numbers and texts in it are equal."""
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
    """All differences between the numbers of an output, a file or a folder, in one tree and in the other."""
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


def figures(variant: str, tree: Path, normalized: Path) -> dict[str, Any]:
    """Measure a variant in a tree as `evaluate` does, without rounding for the eye: {part: {metric: value}}."""

    def read_bytes(path: Path) -> bytes:
        return (tree / path).read_bytes()

    recipe = TRAINED_RECIPE.read(variant, read_bytes)
    splits = load_splits(recipe["dataset"], recipe["split"], normalized)
    predictions, history = PREDICTIONS.read(variant, read_bytes), HISTORY.read(variant, read_bytes)
    of_each = metrics_of_each(recipe, splits, predictions, history)
    return variant_metrics(of_each, splits, SUMMARY.read(variant, read_bytes))


def compare_figures(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether size, accuracies, losses and errors agree within the tolerances, and the figure that agrees least."""
    shares: dict[str, float] = {}  # of the tolerance
    for part in old:
        for metric, was in old[part].items():
            if metric == "accuracy":
                allowed = ACCURACY_TOLERANCE
            elif metric in LOSSES:
                allowed = LOSS_TOLERANCE * abs(was)
            elif metric == "parameters":
                allowed = 0.0
            else:
                continue
            now = new.get(part, {}).get(metric, math.nan)
            # An equal figure is within any tolerance, one that is no number within none.
            share = 0.0 if now == was else abs(now - was) / allowed if allowed else math.inf
            shares[f"{part} {metric} {was:.6g}, here {now:.6g}"] = math.inf if math.isnan(share) else share
    worst = max(shares, key=lambda said: shares[said], default="")
    if not worst:
        return False, "no figure to compare"
    return shares[worst] <= 1, worst if shares[worst] else "all figures are equal"
