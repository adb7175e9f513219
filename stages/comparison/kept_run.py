"""A run that is kept in Git, as far as another run is compared with it.

A folder holds, of all variants:

    run.json         {"recipes": {variant: recipe}, "test_rows": {data set: {split: SHA-256 of numbers and targets}}}
    curves.csv       columns variant, epoch, and those of the histories: means over the trainings
    predictions.npz  by variant, of the test rows, uint8 or wider (trainings, rows): how far the predicted class is from
                     the actual one, modulo their number, which is mostly 0 and so takes few bytes; float32 (trainings,
                     rows, outputs) predictions where the metric that ranks the data set needs more than the class
    trainings.csv    the trainings; see `stages.evaluate`
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import TRAININGS
from stages.comparison.trained import TrainedVariant
from stages.datasets.spec import spec_of
from stages.splits import NORMALIZED, Split, load_splits, split_of_each
from stages.training import predicted_classes
from stages.training.recipe import Recipe

RUN, CURVES, PREDICTIONS = "run.json", "curves.csv", "predictions.npz"
BY_CLASS = "accuracy"
"""The metric for which the predicted class is enough."""


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A run that was kept. Without one there are no recipes."""

    recipes: Mapping[str, Recipe]
    test_rows: Mapping[str, Mapping[str, str]]
    curves: pd.DataFrame
    predictions: Mapping[str, np.ndarray]
    trainings: pd.DataFrame

    def trained(self, variant: str, normalized: Path = NORMALIZED) -> TrainedVariant:
        """Give a variant with its predictions of test rows alone, and with no epochs in its history.

        Raises: ValueError if it has none, or if its split has other test rows now.
        """
        recipe = self.recipes[variant]
        dataset, name = recipe["dataset"], recipe["split"]
        splits = load_splits(dataset, name, normalized, inputs=False)
        if variant not in self.predictions or "test" not in splits[0].y:
            raise ValueError("it has no test rows")
        if fingerprint(splits) != self.test_rows[dataset][name]:
            raise ValueError(f"expected the test rows of the kept run in the split {name!r}, got others")
        rows = self.trainings[self.trainings["variant"] == variant]
        return TrainedVariant(
            name=variant,
            recipe=recipe,
            splits=splits,
            predictions={"test": unpacked(self.predictions[variant], dataset, splits)},
            history=rows[["split", "seed"] if len(splits) > 1 else ["seed"]],
            evaluations=[{} for _ in range(len(rows))],
            diverged=[None if pd.isna(epoch) else {"epoch": epoch} for epoch in rows["diverged"]],
        )

    def curves_of(self, variant: str) -> dict[str, list[float]]:
        """Give the learning curves of a variant: columns of a history, one number for each epoch."""
        rows = self.curves[self.curves["variant"] == variant]
        columns = rows.drop(columns=["variant", "epoch"]).dropna(axis="columns", how="all")
        return {str(name): values.tolist() for name, values in columns.items()}


def read_kept_run(folder: Path) -> KeptRun:
    """Read the run that is kept in a folder; without one, a run of no variants."""
    if not (folder / RUN).exists():
        return KeptRun(recipes={}, test_rows={}, curves=pd.DataFrame(), predictions={}, trainings=pd.DataFrame())
    content = json.loads((folder / RUN).read_text(encoding="utf-8"))
    with np.load(folder / PREDICTIONS) as stored:
        predictions = dict(stored)
    return KeptRun(
        recipes=content["recipes"],
        test_rows=content["test_rows"],
        curves=pd.read_csv(folder / CURVES),
        predictions=predictions,
        trainings=pd.read_csv(folder / TRAININGS.name, low_memory=False),
    )


def files_of_run(trained: Sequence[TrainedVariant], curves: pd.DataFrame) -> dict[str, bytes]:
    """Make the files of a run but its trainings. curves: see `CURVES`."""
    with_test_rows = [each for each in trained if "test" in each.predictions]
    test_rows: dict[str, dict[str, str]] = {}
    for each in with_test_rows:
        test_rows.setdefault(each.recipe["dataset"], {})[each.recipe["split"]] = fingerprint(each.splits)
    run: dict[str, Any] = {"recipes": {each.name: each.recipe for each in trained}, "test_rows": test_rows}
    packed_predictions = io.BytesIO()
    arrays: dict[str, Any] = {each.name: packed(each) for each in with_test_rows}
    np.savez_compressed(packed_predictions, **arrays)
    return {
        RUN: (json.dumps(run, indent=1) + "\n").encode(),
        CURVES: curves.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode(),
        PREDICTIONS: packed_predictions.getvalue(),
    }


def fingerprint(splits: Sequence[Split]) -> str:
    """SHA-256 of the numbers and the targets of the test rows of a split and of its repetitions."""
    found = hashlib.sha256()
    for split in splits:
        found.update(split.rows["test"].tobytes() + split.y["test"].tobytes())
    return found.hexdigest()


def packed(trained: TrainedVariant) -> np.ndarray:
    """Pack the predictions of test rows; see `PREDICTIONS`."""
    spec, predicted = spec_of(trained.recipe["dataset"]), trained.predictions["test"]
    if spec.ranked_by != BY_CLASS:
        return predicted
    actual = [split.y["test"] for split in split_of_each(trained.splits, len(predicted))]
    found = [predicted_classes(each) - y for each, y in zip(predicted, actual, strict=True)]
    return (np.stack(found) % len(spec.classes)).astype(np.min_scalar_type(len(spec.classes) - 1))


def unpacked(stored: np.ndarray, dataset: str, splits: Sequence[Split]) -> np.ndarray:
    """Give what was packed as predictions, float32 (trainings, rows, outputs): 1 for a class of which nothing else is
    known.
    """
    spec = spec_of(dataset)
    if spec.ranked_by != BY_CLASS:
        return stored
    actual = [split.y["test"] for split in split_of_each(splits, len(stored))]
    return np.eye(len(spec.classes), dtype=np.float32)[(np.stack(actual) + stored) % len(spec.classes)]
