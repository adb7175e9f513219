"""The training of a variant: from its recipe and its data to files.

Reads `data/recipes/<variant>.json` and the data that it names; leaves in `data/models/<variant>/`:

    history.csv                      one row per epoch of each training
    model.keras, model.weights.h5    the whole model, its weights alone (both of the first training that did not
                                     diverge: the first split and seed, unless it did)
    estimator.npz, estimator.json    instead of them for a scikit-learn estimator
    predictions.npz                  float32 (trainings, rows, outputs) by part, from the model loaded back from disk;
                                     trainings: the seeds of the first split, those of the next, …; not a number where
                                     a training diverged
    summary.json                     layers, shapes, parameter counts; of each training: epochs, evaluations of the
                                     saved model, and whether it diverged: epoch and reason, or null; layers and
                                     epochs of what was trained before for initial weights
    recipe.json, scaling.json        the recipe, and the numbers that normalize a new row
"""

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from stages.splits import Split, load_splits, split_of_each
from stages.training import Observer, Row, Trained, device, import_tensorflow, kernels
from stages.training.recipe import Recipe

RECIPES = Path("data/recipes")
MODELS = Path("data/models")


def read_recipe(variant: str) -> Recipe:
    """Read the recipe of a variant; ValueError if it has none."""
    path = RECIPES / f"{variant}.json"
    if path not in RECIPES.glob("*.json"):  # nor is a name a way to another folder
        hint = "run `dvc repro configure`"
        raise ValueError(f"{path}: expected the recipe of a variant of params.yaml, got no file; {hint}")
    return json.loads(path.read_text(encoding="utf-8"))


def train_variant(variant: str, observe: Observer, own_process: bool) -> list[Row]:
    """Train a variant with all its seeds on all repetitions of its split, and leave the files.

    observe: is told of each epoch of a Keras model that has ended; own_process: whether this process is for this
    training alone: for an estimator it may start again with other kernels, see `kernels.share`.
    Returns: the last epoch of each training. Raises: ValueError if it has no recipe, or a training fails. One that
    diverges does not fail.
    """
    recipe = read_recipe(variant)
    if "estimator" in recipe and own_process:
        kernels.share()
    splits = load_splits(recipe["dataset"], recipe["split"])
    folder = MODELS / variant
    folder.mkdir(parents=True, exist_ok=True)
    trained = _train_all(recipe, splits, variant, folder, observe)
    predictions = {key: np.stack([each.predictions[key] for each in trained]) for key in trained[0].predictions}
    np.savez(folder / "predictions.npz", **predictions)  # type: ignore[arg-type]
    summary = {
        **trained[0].summary,
        "epochs": [len(each.history) for each in trained],
        "evaluations": [each.evaluation for each in trained],
        "diverged": [each.diverged and each.diverged._asdict() for each in trained],
    }
    if initial := trained[0].initial:
        epochs = zip(*([each["epochs"] for each in one.initial] for one in trained), strict=True)
        summary["initial_weights"] = [
            {"layers": each["layers"], "epochs": list(counts)} for each, counts in zip(initial, epochs, strict=True)
        ]
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8", newline="\n")
    # Of the split of the model that is left: the first that did not diverge, or the last.
    left = next((number for number, each in enumerate(trained) if each.diverged is None), len(trained) - 1)
    scaling = json.dumps(split_of_each(splits, len(trained))[left].scaling) + "\n"
    (folder / "scaling.json").write_text(scaling, encoding="utf-8", newline="\n")
    write_history(trained, len(splits), folder / "history.csv")
    shutil.copyfile(RECIPES / f"{variant}.json", folder / "recipe.json")  # last: it says that the training is complete
    return [each.history[-1] for each in trained]


def _train_all(recipe: Recipe, splits: list[Split], variant: str, folder: Path, observe: Observer) -> list[Trained]:
    """Train on each split with each seed; the first leaves its model in the folder."""
    if "estimator" in recipe:
        from stages.training.estimators import train

        return list(train(recipe, splits, variant, folder, observe))
    import_tensorflow(*device.FLAGS[device.of(recipe)])
    from stages.training.engine import make_deterministic
    from stages.training.keras_models import train

    with device.on(device.of(recipe)):
        make_deterministic()
        return list(train(recipe, splits, variant, folder, observe))


def write_history(trained: list[Trained], splits: int, path: Path) -> None:
    """Write the epochs of all trainings as CSV; of several splits with the number of each training's split."""
    rows: list[Row] = []
    for number, each in enumerate(trained):
        split = {"split": number * splits // len(trained)} if splits > 1 else {}
        rows += [{**split, **row} for row in each.history]
    columns = dict.fromkeys(column for row in rows for column in row if column != "learning_rate")
    if any("learning_rate" in row for row in rows):
        columns["learning_rate"] = None
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    # Nine digits tell any two float32 numbers apart.
    return "" if math.isnan(value) else f"{value:.9g}"
