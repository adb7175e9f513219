"""Turn `params.yaml` into one complete recipe per variant: `python -m stages.configure`.

Every parameter is checked here, before anything trains: structure and ranges first, then each variant's classes and
arguments by building its model without data. The only stage that reads the variants and the top-level overrides, so
that a training depends on its own recipe alone. Leaves `data/recipes/<variant>.json`, and `data/checked`, which says
that all names may stand in a path and in a command. With `--check` it leaves all as it is.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np

from stages.artifacts import HISTORIES, MODELS, RECIPE, RECIPES
from stages.comparison import scores
from stages.datasets import module_of, row_shape
from stages.evaluation.metrics import part_metrics
from stages.normalize import check_splits
from stages.params.overrides import Recipe, recipes
from stages.params.schema import Params, Published, Variant, read_params, unknown
from stages.training import import_tensorflow

CHECKED = Path("data/checked")
# What a variant leaves behind: nothing else would clean up after one that is gone from params.yaml.
LEFT_BY_VARIANTS = (RECIPES, MODELS, HISTORIES)


def complete(params: Params) -> dict[str, Recipe]:
    """Give the recipe of every variant, complete and checked.

    Raises: ValueError with one line per mistake: its path in `params.yaml`, what was expected and what came.
    """
    import_tensorflow()
    from stages.training import builder
    from stages.training.estimators import check_estimator

    for name, dataset in params.datasets.items():
        check_splits(name, dataset.splits)
    check_studies(params)
    check_published(params)
    if params.optimizer is not None:
        builder.build_optimizer(params.optimizer, "optimizer")
    made, mistakes = {}, []
    for name, recipe in recipes(params):
        path = f"variants.{name}"
        options = params.datasets[recipe["dataset"]].splits[recipe["split"]]
        classes = module_of(recipe["dataset"]).CLASSES
        try:
            if "estimator" in recipe:
                check_estimator(recipe, len(classes), path)
            else:
                recipe["optimizer"] = builder.with_learning_rate(recipe["optimizer"], f"{path}.optimizer")
                has_validation = any("validation" in option for option in options)
                shape = row_shape(recipe["dataset"], options)
                builder.check_model(recipe, shape, len(classes), has_validation, path)
        except ValueError as error:
            mistakes.append(str(error))
        made[name] = recipe
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return made


def check_studies(params: Params) -> None:
    """Check what a study compares, as far as no data are needed.

    Raises: ValueError with one line per mistake: its path in the file, what was expected and what came.
    """
    mistakes = []
    for name, study in params.studies.items():
        for index, member in enumerate(study.members):
            place = f"studies.{name}.members[{index}]"
            dataset = params.variants[member.variant].dataset
            other = params.variants[member.baseline or study.baseline].dataset
            if dataset != other:
                mistakes.append(f"{place}.variant: expected one of {other}, the baseline's data set, got {dataset!r}")
            metric = member.metric or study.metric
            known = scores.metrics_for(len(module_of(dataset).CLASSES))
            if metric is not None and metric not in known:
                mistakes.append(
                    unknown(f"{place}.metric" if member.metric else f"studies.{name}.metric", known, metric)
                )
    if mistakes:
        raise ValueError("\n".join(dict.fromkeys(mistakes)))


def check_published(params: Params) -> None:
    """Check that something of the name of each published figure is measured.

    Raises: ValueError with one line per mistake: its path in the file, what was expected and what came.
    """
    mistakes = []
    for index, figure in enumerate(params.published):
        place = f"published[{index}]"
        if figure.epoch is None and figure.part == "training":
            mistakes.append(f"{place}.epoch: expected an epoch beside training, got none")
        elif figure.epoch is not None and figure.part not in ("training", "validation"):
            mistakes.append(f"{place}.epoch: expected none beside {figure.part}, got {figure.epoch}")
        elif figure.metric not in (known := measured_by(params.variants[figure.variant], figure)):
            mistakes.append(unknown(f"{place}.metric", known, figure.metric))
    if mistakes:
        raise ValueError("\n".join(mistakes))


def measured_by(variant: Variant, figure: Published) -> list[str]:
    """Name what is measured where the figure is from: in the history for an epoch, else of the model."""
    outputs = ["main", "auxiliary"] if variant.graph is not None else ["main"]
    if figure.epoch is not None:
        of_each = ["loss", *variant.metrics]
        return of_each + [f"{output}_{name}" for output in outputs for name in of_each if len(outputs) > 1]
    if figure.part in ("model", "cross_validation"):
        return ["parameters", "epochs", "trainings"] if figure.part == "model" else ["accuracy"]
    classes = len(module_of(variant.dataset).CLASSES)
    targets = np.arange(classes or 2, dtype=int if classes else float)
    predicted = np.full((len(targets), classes if classes > 2 else 1), 1 / len(targets))
    return list(part_metrics(targets, dict.fromkeys(outputs, predicted), {}))


def remove_leftovers(names: set[str]) -> list[Path]:
    """Remove what variants left that `params.yaml` no longer has; DVC's cache restores it if they come back."""
    left = [path for folder in LEFT_BY_VARIANTS for path in sorted(folder.glob("*")) if path.stem not in names]
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return left


def main(arguments: list[str] | None = None) -> None:
    """Write a recipe per variant."""
    parser = argparse.ArgumentParser(description="Check params.yaml and write the recipe of every variant.")
    parser.add_argument("--check", action="store_true", help="check alone: write and remove nothing")
    only_check = parser.parse_args(arguments).check
    try:
        made = complete(read_params())
    except ValueError as error:
        sys.exit(str(error))
    if only_check:
        print(f"params.yaml: {len(made)} variants, no mistake")
        return
    RECIPES.mkdir(parents=True, exist_ok=True)
    for name, recipe in made.items():
        RECIPE.path(name).write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    for path in remove_leftovers(set(made)):
        print(f"removed {path}: params.yaml has no such variant any more")
    CHECKED.write_text("The names in params.yaml may stand in a path and in a command.\n", encoding="utf-8")
    print(f"{len(made)} recipes")


if __name__ == "__main__":
    main()
