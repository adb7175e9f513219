"""What the report page draws beside learning curves, read from the tables, the models and the data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import MODELS, PREDICTIONS, SWEEP
from stages.artifacts.tables import COLUMNS, PRECISION_RECALL, ROC, SWEEP_TABLES, WORST
from stages.datasets.spec import RAW, Target, spec_of
from stages.documents import Study
from stages.params.catalogue import Catalogue
from stages.params.keras_tables import ACTIVATIONS, INITIALIZERS, KERAS_TABLES, SCHEDULES
from stages.reporting import stored
from stages.reporting.learning_rates import RateCurve, learning_rate, rates_by_baseline
from stages.splits import NORMALIZED, load_split
from stages.training.recipe import Recipe

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Residuals:
    """Predictions of a quantity on the test rows of a variant's first training."""

    y: np.ndarray
    """True values, float (n,)."""
    predicted: np.ndarray
    """Predicted values, float (n,)."""
    target: Target
    places: pd.DataFrame | None
    """Degrees east and north, two columns with units in their names; None if rows have no place."""


@dataclass(frozen=True, kw_only=True)
class Pictured:
    """Arrays and tables to draw. What is missing has no entry and no rows."""

    worst: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS[WORST]))
    images: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    """Images by data set and row, uint8 (height, width)."""
    first: Mapping[str, Mapping[str, Mapping[int, str]]] = field(default_factory=dict)
    """Class of the first rows, by data set, published part and row."""
    kernels: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Weights from the pixels to each class, float32 (height, width, classes), by variant."""
    roc: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS[ROC]))
    precision_recall: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS[PRECISION_RECALL]))
    residuals: Mapping[str, Residuals] = field(default_factory=dict)
    activations: pd.DataFrame = field(default_factory=pd.DataFrame)
    initializers: pd.DataFrame = field(default_factory=pd.DataFrame)
    rates: Mapping[str, Mapping[str, RateCurve]] = field(default_factory=dict)
    """See `rates_by_baseline`."""
    sweeps: Mapping[str, tuple[Mapping[str, Any], Mapping[str, pd.DataFrame]]] = field(default_factory=dict)
    """What is declared of a sweep, and its tables by name."""
    counts: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]] = field(default_factory=dict)
    """Rows of each class, int (classes,), by data set, split and part."""
    columns: Mapping[str, Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]] = field(default_factory=dict)
    """A table as published and its training rows as networks get them, by data set and split that scales."""


def read_pictured(
    catalogue: Catalogue,
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    summaries: Mapping[str, Mapping[str, Any]],
    histories: Mapping[str, pd.DataFrame],
) -> Pictured:
    """Read everything that is there."""
    worst = _table(WORST)
    there = {name: splits for name, splits in catalogue.datasets.items() if (RAW / name).exists()}
    with_images = [name for name in there if spec_of(name).image_shape]
    split = {name: splits for name, splits in there.items() if (NORMALIZED / name).exists()}
    keras = {path: KERAS_TABLES / path for path in (ACTIVATIONS, INITIALIZERS) if (KERAS_TABLES / path).exists()}
    return Pictured(
        worst=worst,
        images={name: images(name, worst, recipes) for name in with_images},
        first={name: first(name) for name in with_images},
        kernels=kernels(recipes, summaries),
        roc=_table(ROC),
        precision_recall=_table(PRECISION_RECALL),
        residuals={name: found for name, recipe in recipes.items() if (found := residuals(name, recipe))},
        activations=pd.read_csv(keras[ACTIVATIONS]) if ACTIVATIONS in keras else pd.DataFrame(),
        initializers=pd.read_csv(keras[INITIALIZERS]) if INITIALIZERS in keras else pd.DataFrame(),
        rates=rates_by_baseline(studies, rates(recipes, histories)),
        sweeps={
            name: (declared, tables) for name, declared in SWEEP.read_all().items() if (tables := sweep_tables(name))
        },
        counts={name: class_counts(name, splits) for name, splits in split.items() if spec_of(name).classes},
        columns={name: scaled_columns(name, splits) for name, splits in split.items() if spec_of(name).features},
    )


def _table(path: Any) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS[path])


def images(dataset: str, worst: pd.DataFrame, recipes: Mapping[str, Recipe]) -> dict[int, np.ndarray]:
    """Read the first images of a data set, and those with the most wrong predictions, uint8 (height, width) by row."""
    of_dataset = worst["variant"].map(lambda name: recipes.get(name, {}).get("dataset") == dataset)
    rows = {row for numbers in stored.first_rows(dataset).values() for row in numbers}
    rows |= {int(row) for row in worst.loc[of_dataset.astype(bool), "row"]}
    return dict(zip(sorted(rows), stored.images(dataset, sorted(rows)), strict=True))


def first(dataset: str) -> dict[str, dict[int, str]]:
    """Read the classes of the first rows, by published part and row."""
    labels = stored.first_labels(dataset)
    return {part: dict(zip(rows, labels[part], strict=True)) for part, rows in stored.first_rows(dataset).items()}


def kernels(recipes: Mapping[str, Recipe], summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Read the weights of the models with one Dense layer, which sees the pixels."""
    found = {}
    for name, summary in summaries.items():
        shape = spec_of(recipes[name]["dataset"]).image_shape if name in recipes else None
        if shape and [layer["class"] for layer in summary["layers"]] == ["InputLayer", "Flatten", "Dense"]:
            found[name] = stored.softmax_kernel(MODELS / name / "model.weights.h5", shape)
    return found


def residuals(name: str, recipe: Recipe) -> Residuals | None:
    """Read the predictions of a variant's first training; None for classes, and without test rows."""
    spec = spec_of(recipe["dataset"])
    predictions = None if spec.classes else PREDICTIONS.get(name)
    if predictions is None or "test" not in predictions:
        return None
    split = load_split(recipe["dataset"], recipe["split"], inputs=False)
    places = stored.places(recipe["dataset"], split.rows["test"]) if spec.location else None
    return Residuals(split.y["test"], predictions["test"][0, :, 0], spec.target, places)


def rates(recipes: Mapping[str, Recipe], histories: Mapping[str, pd.DataFrame]) -> dict[str, RateCurve]:
    """Read the learning rates of all variants that have one."""
    path = KERAS_TABLES / SCHEDULES
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["variant", "step", "learning_rate"])
    schedules = {str(name): rows for name, rows in table.groupby("variant")}
    found = {}
    for name, recipe in recipes.items():
        if name in histories and "learning_rate" in histories[name]:
            rows = len(load_split(recipe["dataset"], recipe["split"], inputs=False).y["train"])
            found[name] = learning_rate(histories[name], schedules.get(name), -(-rows // recipe["batch_size"]))
    return found


def sweep_tables(name: str) -> dict[str, pd.DataFrame]:
    """Read the tables of a sweep by the names of their files."""
    return {path.stem: pd.read_csv(path) for path in sorted((SWEEP_TABLES / name).glob("*.csv"))}


def class_counts(dataset: str, splits: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Count the rows of each class in the parts of each split."""
    classes = len(spec_of(dataset).classes)
    targets = {split: load_split(dataset, split, inputs=False).y for split in splits}
    return {
        split: {part: np.bincount(y[part], minlength=classes) for part in PARTS if part in y}
        for split, y in targets.items()
    }


def scaled_columns(dataset: str, splits: Sequence[str]) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Read a table as published and as networks get it, for each split that scales."""
    scaling = {split: load_split(dataset, split, inputs=False).scaling["scaling"] for split in splits}
    published = stored.published(dataset)
    return {split: (published, stored.scaled(dataset, split)) for split in splits if scaling[split] != "none"}
