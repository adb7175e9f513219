"""The references: scikit-learn's linear and dummy estimators, on the same rows as the Keras models."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import sklearn.dummy
import sklearn.linear_model
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.parallel import Parallel, delayed

from stages.splits import Split
from stages.training import Observer, Trained, predicted_parts, trainings_of
from stages.training.objects import build
from stages.training.recipe import Recipe


def build_estimator(recipe: Recipe, seed: int, place: str) -> BaseEstimator:
    """Build the recipe's estimator; a `random_state` that the recipe does not give is the seed.

    place: `variants.<name>`, for errors.
    """
    spec = recipe["estimator"]
    if isinstance(weights := spec.get("class_weight"), dict):  # JSON has made text of the classes' numbers
        spec = {**spec, "class_weight": {int(number): weight for number, weight in weights.items()}}
    estimator = build(module_of(spec["class"]), spec, f"{place}.estimator", {})
    if "random_state" in estimator.get_params() and "random_state" not in spec:
        estimator.set_params(random_state=seed)
    return estimator


def module_of(class_name: str) -> ModuleType:
    """Give the module of scikit-learn that has the class."""
    return sklearn.dummy if hasattr(sklearn.dummy, class_name) else sklearn.linear_model


def train(recipe: Recipe, splits: Sequence[Split], name: str, folder: Path, observe: Observer) -> Iterator[Trained]:
    """Fit an estimator on each split with each seed; the first is left in the folder.

    Each is saved, loaded back and predicts; see `stages.training.keras_models`.
    """
    del observe  # takes seconds: there is no progress to show
    place = f"variants.{name}"
    with tempfile.TemporaryDirectory() as scratch:
        for number, (_, split, seed) in enumerate(trainings_of(recipe, splits)):
            target = Path(scratch) if number else folder
            fitted, scores = _fit(recipe, split, partial(build_estimator, recipe, seed, place))
            save_estimator(fitted, target)
            estimator = load_estimator(target)
            row: dict[str, float] = {"seed": seed, "epoch": 1}
            if scores:
                row["cross_validation_accuracy"] = float(np.mean(scores))
            predictions = {part: predict(estimator, split.x[part]) for part in predicted_parts(split)}
            yield Trained(predictions, [row], summarize(estimator), {})


def _fit(recipe: Recipe, split: Split, new: Callable[[], BaseEstimator]) -> tuple[BaseEstimator, list[float]]:
    """Fit an estimator on the training rows; beside it, a new one for each fold: its accuracy on the rows left out."""
    fits = [delayed(lambda: new().fit(_flat(split.x["train"]), split.y["train"]))()]
    if "cross_validation" in recipe:
        x, y = _training_rows_as_published(split)

        def score(kept: np.ndarray, left_out: np.ndarray) -> float:
            return float(new().fit(x[kept], y[kept]).score(x[left_out], y[left_out]))

        fits += [delayed(score)(*rows) for rows in check_cv(recipe["cross_validation"], y, classifier=True).split(x, y)]
    # One thread per core: an estimator that takes long leaves Python's lock alone. Any number gives the same figures.
    fitted, *scores = Parallel(n_jobs=-1, prefer="threads")(fits)
    return fitted, scores


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _training_rows_as_published(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """All rows that are not for the test, in the order of the raw file: folds without shuffling depend on it."""
    parts = [part for part in split.x if part != "test"]
    order = np.argsort(np.concatenate([split.rows[part] for part in parts]))
    x = np.concatenate([_flat(split.x[part]) for part in parts])
    y = np.concatenate([split.y[part] for part in parts])
    return x[order], y[order]


def predict(estimator: BaseEstimator, x: np.ndarray) -> np.ndarray:
    """Predict as a Keras model of the same task would.

    Returns: float32 (n, classes) probabilities, (n, 1) the probability of class 1 of two, or (n, 1) a quantity.
    """
    if not is_classifier(estimator):
        return estimator.predict(_flat(x)).astype(np.float32).reshape(-1, 1)
    probabilities = estimator.predict_proba(_flat(x)).astype(np.float32)
    return probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities


def save_estimator(estimator: BaseEstimator, folder: Path) -> None:
    """Write what `fit` learned as arrays: no pickle, so that loading runs no code, and the same bytes each time."""
    learned = {name: np.asarray(value) for name, value in sorted(vars(estimator).items())}
    learned = {name: a for name, a in learned.items() if name not in estimator.get_params() and a.dtype != object}
    np.savez(folder / "estimator.npz", allow_pickle=False, **learned)
    description = {"class_name": type(estimator).__name__, "arguments": estimator.get_params()}
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    (folder / "estimator.json").write_text(text, encoding="utf-8", newline="\n")


def load_estimator(folder: Path) -> BaseEstimator:
    """Read back what `save_estimator` wrote."""
    description = json.loads((folder / "estimator.json").read_text(encoding="utf-8"))
    class_name = description["class_name"]
    estimator = getattr(module_of(class_name), class_name)(**description["arguments"])
    with np.load(folder / "estimator.npz") as learned:
        for name, value in learned.items():
            setattr(estimator, name, value if value.ndim else value.item())
    return estimator


def summarize(estimator: BaseEstimator) -> dict[str, Any]:
    """Parameter counts, in the form in which Keras models are summarized."""
    parameters = sum(np.size(getattr(estimator, name, ())) for name in ("coef_", "intercept_"))
    layer: dict[str, Any] = {
        "name": "estimator",
        "class": type(estimator).__name__,
        "inputs": [],
        "output_shape": None,
        "parameters": parameters,
    }
    return {"parameters": parameters, "trainable_parameters": parameters, "layers": [layer]}
