"""Make the report page: `python -m stages.page`.

    python -m stages.page    # as `dvc repro page` does

It reads the tables under `reports/`, the catalogue, the source documents, the criteria, the sweeps, Keras's tables, the
raw and the normalized data, the tables in `reports/several_seeds/` and, in `data/models/`, the recipes, the scalings,
the summaries, the histories, the predictions and the weights. It writes `reports/index.html`: one file that opens from
disk and loads nothing. The page names what is missing.
"""

import argparse
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import HISTORY, MODELS, PREDICTIONS, SUMMARY, TRAINED_RECIPE, Artifact
from stages.artifacts.tables import (
    ANSWERS,
    CHANGES,
    CLASSES,
    COLUMNS,
    COMPARISONS,
    CONFUSION,
    ENVIRONMENT,
    LEADERBOARD,
    PARTS,
    PUBLISHED,
    RELIABILITY,
    TRAININGS,
)
from stages.comparison.changes import Changes
from stages.comparison.criteria import read_criteria
from stages.datasets.spec import RAW, spec_of
from stages.documents import Study, read_described, read_sources, read_studies
from stages.memo import of_repository
from stages.params.catalogue import read_catalogue
from stages.presentation.determinism import read_costs
from stages.presentation.kept import COMPARED, SEVERAL_SEEDS, Tables, kept, merged
from stages.presentation.words import Text, joined, study_text, text
from stages.reporting import stored
from stages.reporting.page import render
from stages.reporting.page.changes import other_results
from stages.reporting.page.compared import image_rows
from stages.reporting.page.reports import Reports, Tested, keeps_small
from stages.reporting.pictured import read_pictured
from stages.reporting.vega import bundle
from stages.splits import NORMALIZED, load_splits, overlap_of
from stages.training.recipe import Recipe

PAGE = Path("reports/index.html")
SCALING: Artifact[dict[str, Any]] = Artifact(MODELS, "/scaling.json", json.loads)
"""Names of the columns and how a row was scaled, of the split of each variant."""


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; a missing one has no rows."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS[path])


def read_kept_answers(one: Tables) -> dict[str, str]:
    """Read the answers of the kept run with several seeds; none if this run has several."""
    path = kept(ANSWERS, SEVERAL_SEEDS)
    if len(one[TRAININGS]["seed"].unique()) > 1 or not path.exists():
        return {}
    return {row["study"]: row["answer"] for row in pd.read_csv(path).to_dict("records")}


def read_several_seeds(one: Tables, studies: Mapping[str, Study]) -> tuple[Tables | None, list[Text]]:
    """Read the kept tables of a run with several seeds, if they belong to this run with one; and the notes on them."""
    if len(one[TRAININGS]["seed"].unique()) > 1:
        return None, []
    if not all(kept(path, SEVERAL_SEEDS).exists() for path in COMPARED):
        return None, [text("page", "no_several_seeds")]
    several, own = merged({path: pd.read_csv(kept(path, SEVERAL_SEEDS)) for path in COMPARED}, one)
    if len(own) == len(one[ANSWERS]):
        return None, [text("page", "stale_several_seeds")]
    questions = joined([study_text(name, "question", studies[name].question) for name in own], " ")
    return several, [text("page", "own_studies", studies=questions)] if own else []


def read_tested(recipes: Mapping[str, Recipe]) -> dict[str, Tested]:
    """Read the test rows of each variant that has some, as its first training predicts them."""
    splits = cache(load_splits)
    found = {}
    for name, recipe in recipes.items():
        predictions = PREDICTIONS.get(name) if (NORMALIZED / recipe["dataset"]).exists() else None
        if predictions and "test" in predictions:
            own = splits(recipe["dataset"], recipe["split"], inputs=False)
            rows, y = own[0].rows["test"], own[0].y["test"]
            found[name] = Tested(rows, y, predictions["test"][0], overlap_of(own, "test"))
    return found


def read_near_zero(recipes: Mapping[str, Recipe]) -> dict[str, dict[str, float]]:
    """Read the weights near zero of the variants that keep weights small, see `near_zero_by_layer`."""
    paths = {name: MODELS / name / "model.weights.h5" for name, recipe in recipes.items() if keeps_small(recipe)}
    return {
        name: stored.near_zero_by_layer(path, SUMMARY.read(name)["layers"])
        for name, path in paths.items()
        if path.exists()
    }


def read_images(tested: Mapping[str, Tested], recipes: Mapping[str, Recipe]) -> dict[str, np.ndarray]:
    """Read the first images of the test rows of each data set that has images, see `image_rows`."""
    firsts = {recipes[name]["dataset"]: each.rows for name, each in reversed([*tested.items()])}
    shapes = {dataset: spec_of(dataset).image_shape for dataset in firsts if (RAW / dataset).exists()}
    return {
        name: stored.images(name, image_rows(firsts[name], shape).tolist()) for name, shape in shapes.items() if shape
    }


def read_reports() -> Reports:
    """Read everything that is there."""
    catalogue = read_catalogue()
    one = {path: read_table(path) for path in (LEADERBOARD, COMPARISONS, PARTS, ANSWERS, PUBLISHED, TRAININGS)}
    studies, recipes = read_studies(), TRAINED_RECIPE.read_all()
    several, notes = read_several_seeds(one, studies)
    summaries, histories = SUMMARY.read_all(), HISTORY.read_all()
    tested = read_tested(recipes)
    changes = Changes.from_json(CHANGES.read_text(encoding="utf-8")) if CHANGES.exists() else Changes()
    return Reports(
        catalogue=catalogue,
        studies=studies,
        sources=read_sources(),
        described=read_described(),
        recipes={name: TRAINED_RECIPE.path(name).read_bytes() for name in TRAINED_RECIPE.variants()},
        columns={name: scaling["features"] for name, scaling in SCALING.read_all().items()},
        summaries=summaries,
        histories=histories,
        tables=one,
        several=several,
        notes=[*notes, *other_results(changes)],
        changes=changes,
        kept_answers=read_kept_answers(one),
        confusion=read_table(CONFUSION),
        classes=read_table(CLASSES),
        reliability=read_table(RELIABILITY),
        tested=tested,
        images=read_images(tested, recipes),
        near_zero=read_near_zero(recipes),
        criteria=read_criteria(),
        environment=json.loads(ENVIRONMENT.read_text(encoding="utf-8")) if ENVIRONMENT.exists() else {},
        costs=read_costs(catalogue.variants),
        pictured=read_pictured(catalogue, studies, recipes, summaries, histories),
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the page."""
    argparse.ArgumentParser(
        prog="python -m stages.page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    reports = read_reports()
    PAGE.write_text(render(reports, bundle(of_repository("reports"))), encoding="utf-8", newline="\n")
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB, variants: {len(reports.names)}")


if __name__ == "__main__":
    main()
