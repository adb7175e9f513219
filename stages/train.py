"""Train one variant from its recipe: `python -m stages.train <variant>`.

Reads `data/recipes/<variant>.json` and the data that it names; leaves `reports/history/<variant>.csv` (one row per
epoch of each training) and `data/models/<variant>/`:

    model.keras, model.weights.h5    the whole model, its weights alone (both of the first split and seed)
    estimator.npz, estimator.json    instead of them for a scikit-learn estimator
    predictions.npz                  float32 (trainings, rows, outputs) by part, from the model loaded back from disk;
                                     trainings: the seeds of the first split, those of the next, …
    summary.json                     layers, shapes, parameter counts; epochs of each training
    recipe.json, scaling.json        what it was made from, and how a new row is normalized for it
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from stages.datasets import Split, load_splits
from stages.params.overrides import Recipe
from stages.training import Trained, import_tensorflow, kernels

RECIPES = Path("data/recipes")
MODELS = Path("data/models")
HISTORIES = Path("reports/history")


def train_all(recipe: Recipe, splits: list[Split], name: str, title: str, folder: Path) -> list[Trained]:
    """Train the recipe on each split with each of its seeds; the first leaves its model in the folder."""
    if "estimator" in recipe:
        from stages.training.estimators import train
    else:
        import_tensorflow()
        from stages.training.engine import make_deterministic
        from stages.training.keras_models import train

        make_deterministic()
    trained = list(train(recipe, splits, name, title, folder))
    if len(splits) > 1:
        for number, each in enumerate(trained):
            each.history.insert(0, "split", number // recipe["repeats"])
    return trained


def title_of(name: str) -> str:
    """Name the training and say which of how many it is."""
    recipes = list(RECIPES.glob("*.json"))
    done = sum(is_trained(recipe) for recipe in recipes if recipe.stem != name)
    return f"{name} ({done + 1} of {len(recipes)})"


def is_trained(recipe: Path) -> bool:
    """Whether a model was made from the recipe as it stands now."""
    copy = MODELS / recipe.stem / "recipe.json"
    return copy.exists() and copy.read_bytes() == recipe.read_bytes()


def main(arguments: list[str] | None = None) -> None:
    """Train the variant that is named on the command line.

    Without arguments they are the process's own, and that of an estimator may start again with other kernels.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant")
    name = parser.parse_args(arguments).variant
    path = RECIPES / f"{name}.json"
    if path not in RECIPES.glob("*.json"):  # nor is a name a way to another folder
        sys.exit(f"{path}: expected the recipe of a variant of params.yaml, got no file; run `dvc repro configure`")
    started = time.monotonic()
    recipe = json.loads(path.read_text(encoding="utf-8"))
    if "estimator" in recipe and arguments is None:
        kernels.share()
    splits = load_splits(recipe["dataset"], recipe["split"])
    title = title_of(name)
    folder = MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    HISTORIES.mkdir(parents=True, exist_ok=True)
    try:
        trained = train_all(recipe, splits, name, title, folder)
    except ValueError as error:
        sys.exit(f"{name}: {error}")
    predictions = {key: np.stack([each.predictions[key] for each in trained]) for key in trained[0].predictions}
    np.savez(folder / "predictions.npz", **predictions)  # type: ignore[arg-type]
    summary = {**trained[0].summary, "epochs": [each.summary["epochs"] for each in trained]}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    (folder / "scaling.json").write_text(json.dumps(splits[0].scaling) + "\n", encoding="utf-8")
    history = pd.concat([each.history for each in trained])
    # Nine digits tell any two float32 numbers apart.
    history.to_csv(HISTORIES / f"{name}.csv", index=False, float_format="%.9g", lineterminator="\n")
    shutil.copyfile(path, folder / "recipe.json")  # last: it says that the training is complete
    last = pd.DataFrame([each.history.iloc[-1] for each in trained])
    figures = last.drop(columns=["split", "seed", "epoch", "learning_rate"], errors="ignore").mean()
    shown = " ".join(f"{key} {value:.4f}" for key, value in figures.items()) or "fitted"
    print(f"{title}: {shown}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
