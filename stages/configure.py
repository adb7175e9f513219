"""Turn `params.yaml` into one complete recipe per variant: `python -m stages.configure`.

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

With `--check` it leaves all as it is.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from stages.normalization.rows import SPLITS, OptionError, check_options
from stages.params.catalogue import Catalogue, VariantEntry, write_catalogue
from stages.params.differences import NOT_COMPARED
from stages.params.keras_tables import write_keras_tables
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

Splits = dict[str, dict[str, dict[str, Any]]]
"""Options by data set and split."""


def complete_splits(params: Params) -> Splits:
    """Give the options of every split, complete and checked.

    Raises: ValueError with one line per mistake: its place in `params.yaml`, what was expected and what came.
    """
    splits: Splits = {}
    mistakes = []
    for dataset, declared in params.datasets.items():
        spec = spec_of(dataset)
        known = [name for name in scores.metrics_for(len(spec.classes)) if name in scores.RANKING]
        if spec.ranked_by not in known:
            mistakes.append(unknown(f"stages/datasets/{dataset}.py, SPEC.ranked_by", known, spec.ranked_by))
        splits[dataset] = {}
        for name, split in declared.splits.items():
            options = split.model_dump(mode="json", exclude_none=True)
            splits[dataset][name] = {key: value for key, value in options.items() if value != []}
            try:
                check_options(spec, splits[dataset][name])
            except OptionError as error:
                mistakes.append(f"datasets.{dataset}.splits.{name}.{error}")
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return splits


@contextmanager
def _completing(params: Params, splits: Splits) -> Iterator[Callable[[Recipe, str], None]]:
    """Give the function that checks and completes a recipe at a place, while names of one's own classes are known."""
    import_tensorflow()
    from stages.params.own_file import read_own_file
    from stages.training import custom_objects

    own = read_own_file(params.custom_objects)

    def complete(made: Recipe, place: str) -> None:
        if own.is_used_by(made):
            made["custom_objects"] = {"file": own.file, "sha256": own.sha256}
        _complete(made, place, splits[made["dataset"]][made["split"]])

    with custom_objects.scope(own.source):
        yield complete


def complete_recipes(params: Params, splits: Splits) -> dict[str, Recipe]:
    """Give the recipe of every variant, complete and checked; see `complete_splits`."""
    recipes, mistakes = {}, []
    with _completing(params, splits) as complete:
        from stages.params import checks

        if params.optimizer is not None:
            checks.check_optimizer(params.optimizer, "optimizer")
        for name, variant in params.variants.items():
            try:
                recipes[name] = made = recipe(params, variant, f"variants.{name}")
                complete(made, f"variants.{name}")
            except ValueError as error:
                mistakes += str(error).splitlines()
    if mistakes:
        raise ValueError("\n".join(params.at_their_source(mistakes)))
    return recipes


def complete_sweeps(params: Params, splits: Splits, recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Any]]:
    """Give the content of `data/sweeps/<sweep>.json` for each sweep, complete and checked; see `complete_splits`."""
    found, mistakes = {}, []
    variants = {_without_seeds(made): name for name, made in reversed([*recipes.items()])}
    with _completing(params, splits) as complete:
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
                "candidates": [
                    {"labels": each.labels, "variant": variants.get(_without_seeds(each.recipe)), "recipe": each.recipe}
                    for each in made
                ],
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


def _complete(made: Recipe, place: str, options: Mapping[str, Any]) -> None:
    """Check a recipe, and write the optimizers' own learning rates into it. options: of its split."""
    from stages.params import checks

    spec = spec_of(made["dataset"])
    if "estimator" in made:
        checks.check_estimator(made, len(spec.classes), place)
        return
    made["optimizer"] = checks.with_learning_rate(made["optimizer"], f"{place}.optimizer")
    before = made.get("initial_weights")
    while before is not None:
        own_place = f"variants.{before['variant']}.optimizer"
        before["optimizer"] = checks.with_learning_rate(before["optimizer"], own_place)
        before = before.get("initial_weights")
    shape = spec.row_shape(options.get("columns_left_out", ()))
    checks.check_model(made, shape, len(spec.classes), "validation" in options, place, options["scaling"])


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


def write_json(path: Path, content: Any) -> None:
    """Write JSON in the order of the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> None:
    """Write a recipe per variant, the splits and the catalogue."""
    parser = argparse.ArgumentParser(description="Check params.yaml and write the recipe of every variant.")
    parser.add_argument("--check", action="store_true", help="check alone: write and remove nothing")
    only_check = parser.parse_args(arguments).check
    try:
        params = read_params()
        splits = complete_splits(params)
        recipes = complete_recipes(params, splits)
        said = list(notes(params))
        check_worth(params)
        check_documents(recipes, splits)
        sweeps = complete_sweeps(params, splits, recipes)
    except ValueError as error:
        sys.exit(str(error))
    for note in said:
        print(f"note: {note}")
    if only_check:
        print(f"params.yaml, sweeps.yaml, documents: {len(recipes)} variants, no mistake")
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
    write_keras_tables(recipes)
    for path in remove_leftovers(recipes, splits, sweeps):
        print(f"removed {path}: the project has nothing of that name any more")
    CHECKED.write_text(
        "The names in params.yaml may stand in a path and in a command.\n", encoding="utf-8", newline="\n"
    )
    print(f"{len(recipes)} recipes")


if __name__ == "__main__":
    main()
