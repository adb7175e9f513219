"""Turn `params.yaml` into one complete recipe per variant: `python -m stages.configure`.

    python -m stages.configure            # as `dvc repro configure` does
    python -m stages.configure --check    # after a change of params.yaml, in seconds

Every parameter is checked here, before anything trains: structure and ranges first, then each variant's classes and
arguments by building its model without data. The only stage that reads `params.yaml` and `sweeps.yaml`, so that a
training depends on its own recipe alone. Leaves

    data/recipes/<variant>.json    the recipe, with what the variant has from its base and the overrides
    data/sweeps/<sweep>.json       the recipes of a sweep's candidates; see `stages.params.sweeps`
    data/splits/<dataset>.json     the options of the data set's splits
    data/catalogue.json            names, titles and order of variants and splits
    data/criteria.json             by what differences are judged
    data/keras_tables/             Keras's own activations, initializers and schedules, for figures
    data/checked                   says that all names may stand in a path and in a command

With `--check` it leaves all as it is, but for `.dvc/tmp/memo/`, which has the checks that passed.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stages.artifacts import MODELS, RECIPE, RECIPES, SWEEP, SWEEPS
from stages.artifacts.tables import SWEEP_TABLES
from stages.comparison import scores
from stages.comparison.criteria import CRITERIA
from stages.datasets.spec import RAW, spec_of
from stages.documents import PublishedValue, read_described, read_published, read_sources, read_studies
from stages.documents.checks import check_described, check_published, check_studies
from stages.evaluation.names import measured_names
from stages.memo import of_repository
from stages.normalization.rows import SPLITS, OptionError, check_options
from stages.params.catalogue import Catalogue, VariantEntry, write_catalogue
from stages.params.checked import NOTHING_CHECKED, Checked
from stages.params.completion import Completion, Splits
from stages.params.differences import NOT_COMPARED
from stages.params.keras_tables import KERAS_TABLES
from stages.params.messages import shown, unknown
from stages.params.overrides import notes, recipe
from stages.params.schema import Params, read_params
from stages.params.sweeps import SWEEPS as SWEEPS_FILE
from stages.params.sweeps import Candidate, candidates, read_sweeps
from stages.splits import NORMALIZED
from stages.training import import_tensorflow
from stages.training.recipe import Recipe

CHECKED = Path("data/checked")
VARIANT_FOLDERS = (RECIPES, MODELS)
DATASET_FOLDERS = (SPLITS, NORMALIZED, RAW)
SWEEP_FOLDERS = (SWEEPS, SWEEP_TABLES)
"""Folders with files of each variant, data set and sweep: nothing else removes those that are gone."""


def complete_splits(params: Params, checked: Checked = NOTHING_CHECKED) -> Splits:
    """Give the options of every split, complete and checked.

    checked: results of earlier runs.
    Raises: ValueError with one line per mistake: its place in `params.yaml`, what was expected and what came.
    """
    splits: dict[str, dict[str, dict[str, Any]]] = {}
    mistakes = []
    for dataset, declared in params.datasets.items():
        spec = spec_of(dataset)
        known = [name for name in scores.metrics_for(len(spec.classes)) if name in scores.RANKING]
        if spec.ranked_by not in known:
            mistakes.append(unknown(f"stages/datasets/{dataset}.py, SPEC.ranked_by", known, spec.ranked_by))
        splits[dataset] = {}
        for name, split in declared.splits.items():
            given = split.model_dump(mode="json", exclude_none=True)
            splits[dataset][name] = options = {key: value for key, value in given.items() if value != []}
            try:
                checked.once({"dataset": dataset, "options": options}, partial(check_options, spec, options))
            except OptionError as error:
                mistakes.append(f"datasets.{dataset}.splits.{name}.{error}")
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return splits


def complete_recipes(params: Params, splits: Splits, checked: Checked = NOTHING_CHECKED) -> dict[str, Recipe]:
    """Give the recipe of every variant, complete and checked; see `complete_splits`."""
    recipes, mistakes = {}, []
    with Completion(params, splits, checked) as complete:
        if params.optimizer is not None:
            complete.check_optimizer(params.optimizer, "optimizer")
        for name, variant in params.variants.items():
            try:
                recipes[name] = complete(recipe(params, variant, f"variants.{name}"), f"variants.{name}")
            except ValueError as error:
                mistakes += str(error).splitlines()
    if mistakes:
        raise ValueError("\n".join(params.at_their_source(mistakes)))
    return recipes


def complete_sweeps(params: Params, splits: Splits, checked: Checked = NOTHING_CHECKED) -> dict[str, dict[str, Any]]:
    """Give the content of `data/sweeps/<sweep>.json` for each sweep, complete and checked; see `complete_splits`."""
    found, mistakes = {}, []
    with Completion(params, splits, checked) as complete:
        for name, sweep in read_sweeps().items():
            try:
                made = list(candidates(name, sweep, params, complete))
                _check_candidates(name, made, splits)
            except ValueError as error:
                mistakes += str(error).splitlines()
                continue
            found[name] = {
                "variant": sweep.variant,
                "seeds": sweep.seeds,
                "grid": [*sweep.grid],
                "keys": sweep.keys,
                "best_for": sweep.best_for,
                "candidates": [{"labels": each.labels, "recipe": each.recipe} for each in made],
            }
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return found


def _without_seeds(made: Recipe) -> str:
    return json.dumps({key: value for key, value in made.items() if key not in NOT_COMPARED})


def _check_candidates(name: str, found: Sequence[Candidate], splits: Splits) -> None:
    dataset, split = found[0].recipe["dataset"], found[0].recipe["split"]
    if "validation" not in splits[dataset][split]:
        expected = "one whose split has validation rows, by which the best is chosen"
        raise ValueError(f"{SWEEPS_FILE}, {name}.variant: expected {expected}, got the split {split!r}")
    before: dict[str, Candidate] = {}
    for each in found:
        if (equal := before.setdefault(_without_seeds(each.recipe), each)) is not each:
            got = f"one recipe for {shown(equal.labels)} and {shown(each.labels)}"
            raise ValueError(f"{SWEEPS_FILE}, {name}: expected candidates that differ, got {got}")


def catalogue_of(params: Params) -> Catalogue:
    """Make the catalogue of these parameters."""
    return Catalogue(
        variants={
            name: VariantEntry(variant.dataset, variant.split, variant.title or name, variant.base)
            for name, variant in params.variants.items()
        },
        datasets={name: tuple(dataset.splits) for name, dataset in params.datasets.items()},
    )


def check_worth(params: Params) -> None:
    """Check that what is worth having is stated of metrics. Raises: ValueError with one line per mistake."""
    known = scores.KNOWN
    mistakes = [unknown("comparison.worth", known, name) for name in params.comparison.worth if name not in known]
    if mistakes:
        raise ValueError("\n".join(mistakes))


def check_documents(recipes: dict[str, Recipe], splits: Splits) -> None:
    """Check that the studies and the published values name what is there and what is measured."""
    datasets = {name: recipe["dataset"] for name, recipe in recipes.items()}
    sources = read_sources()

    def metrics_of(dataset: str) -> Collection[str]:
        return scores.metrics_for(len(spec_of(dataset).classes))

    def measured(value: PublishedValue) -> list[str]:
        recipe = recipes[value.variant]
        spec, options = spec_of(recipe["dataset"]), splits[recipe["dataset"]][recipe["split"]]
        parts = {"train", *(part for part in ("validation", "test") if part in options)}
        if spec.test_rows:
            parts.add("test")
        return measured_names(value.part, value.epoch, recipe, len(spec.classes), parts)

    check_studies(read_studies(), datasets, metrics_of, sources)
    check_described(read_described(), datasets, sources)
    check_published(read_published(), datasets, measured, sources)


def remove_leftovers(variants: Collection[str], datasets: Collection[str], sweeps: Collection[str] = ()) -> list[Path]:
    """Remove files of what `params.yaml` and `sweeps.yaml` no longer have; DVC's cache restores them later."""
    kept = dict.fromkeys(VARIANT_FOLDERS, variants) | dict.fromkeys(DATASET_FOLDERS, datasets)
    kept |= dict.fromkeys(SWEEP_FOLDERS, sweeps)
    left = [path for folder, names in kept.items() for path in sorted(folder.glob("*")) if path.stem not in names]
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return left


def write_keras_tables(
    recipes: Mapping[str, Recipe], folder: Path = KERAS_TABLES, checked: Checked = NOTHING_CHECKED
) -> None:
    """Write the tables of Keras's own functions; see `stages.params.keras_functions`.

    recipes: complete ones by variant; folder: made if it is missing; checked: results of earlier runs.
    """
    rates = {name: made.get("optimizer", {}).get("learning_rate") for name, made in recipes.items()}
    with_schedule = {name: made for name, made in recipes.items() if isinstance(rates[name], Mapping)}

    def tables() -> dict[str, str]:
        import_tensorflow()
        from stages.params.keras_functions import keras_tables

        return keras_tables(with_schedule)

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in checked.once({"keras_tables": with_schedule}, tables).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write JSON in the order of the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> None:
    """Write a recipe per variant, the splits and the catalogue."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.configure", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="check alone: write and remove nothing")
    only_check = parser.parse_args(arguments).check
    checked = Checked(of_repository("checks"))
    try:
        params = read_params()
        splits = complete_splits(params, checked)
        recipes = complete_recipes(params, splits, checked)
        said = list(notes(params))
        check_worth(params)
        check_documents(recipes, splits)
        sweeps = complete_sweeps(params, splits, checked)
    except ValueError as error:
        sys.exit(str(error))
    checked.memo.reduce()
    for note in said:
        print(f"note: {note}")
    if only_check:
        print(f"params.yaml, sweeps.yaml, documents: no mistake, variants: {len(recipes)}")
        return
    for name, recipe_of_variant in recipes.items():
        write_json(RECIPE.path(name), recipe_of_variant)
    SWEEPS.mkdir(parents=True, exist_ok=True)
    for name, content in sweeps.items():
        write_json(SWEEP.path(name), content)
    for dataset, options in splits.items():
        write_json(SPLITS / f"{dataset}.json", options)
    write_catalogue(catalogue_of(params))
    write_json(CRITERIA, params.comparison.model_dump(mode="json"))
    write_keras_tables(recipes, checked=checked)
    for path in remove_leftovers(recipes, splits, sweeps):
        print(f"removed {path}: the project has nothing of that name any more")
    CHECKED.write_text(
        "The names in params.yaml may stand in a path and in a command.\n", encoding="utf-8", newline="\n"
    )
    print(f"recipes: {len(recipes)}")


if __name__ == "__main__":
    main()
