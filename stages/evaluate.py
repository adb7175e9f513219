"""Measure the predictions of every variant: `python -m stages.evaluate`.

    python -m stages.evaluate    # as `dvc repro evaluate` does

Reads the recipes, the saved predictions, the targets and the histories; scikit-learn computes the metrics. Writes to
`reports/tables/evaluation/`:

    metrics.json   {data set: {variant: {part: {metric: value}}}}, means over trainings
    trainings.csv  the same metrics of each training
    confusion.csv, classes.csv, worst.csv
                   of each classifier's first training: confusion counts, precision and recall of each class, and the
                   worst errors among the test rows
    reliability.csv, roc.csv, precision_recall.csv
                   of all trainings of each classifier; the curves are those of two classes
"""

import argparse
import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import config_context

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY
from stages.artifacts.tables import CLASSIFIER_TABLES, COLUMNS, METRICS, TABLES, TRAININGS, write_table
from stages.datasets.spec import spec_of
from stages.evaluation.metrics import training_metrics, training_table, variant_metrics
from stages.evaluation.tables import classifier_tables
from stages.splits import Split, load_splits
from stages.training.recipe import Recipe


def measure(
    name: str,
    recipe: Recipe,
    splits: list[Split],
    predictions: Mapping[str, np.ndarray],
    history: pd.DataFrame,
    summary: Mapping[str, Any],
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure a variant: its metrics by part, and its rows of the table of trainings."""
    by_training = training_metrics(recipe, splits, predictions, history, summary)
    table = training_table(name, recipe, by_training, splits, summary, history)
    return variant_metrics(by_training, splits, summary), table


@config_context(skip_parameter_validation=True)  # that of scikit-learn's functions, which are called by the thousand
def main(arguments: list[str] | None = None) -> None:
    """Measure every variant."""
    argparse.ArgumentParser(
        prog="python -m stages.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    stored = cache(partial(load_splits, inputs=False))
    measured: dict[str, dict[str, Any]] = {}
    trainings: list[pd.DataFrame] = []
    classified: dict[Path, list[pd.DataFrame]] = {path: [] for path in CLASSIFIER_TABLES}
    for name, recipe in RECIPE.read_all().items():
        dataset = recipe["dataset"]
        splits = stored(dataset, recipe["split"])
        predictions, history, summary = PREDICTIONS.read(name), HISTORY.read(name), SUMMARY.read(name)
        found, table = measure(name, recipe, splits, predictions, history, summary)
        measured.setdefault(dataset, {})[name] = found
        trainings.append(table)
        classes = spec_of(dataset).classes
        if classes and "test" in splits[0].y:
            for path, rows in classifier_tables(classes, splits, predictions["test"], recipe["seed"]).items():
                classified[path].append(rows.assign(variant=name))
    TABLES.mkdir(parents=True, exist_ok=True)
    METRICS.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    write_table(pd.concat(trainings), TRAININGS, digits=6)
    for path, tables in classified.items():
        table = pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS[path])
        write_table(table[COLUMNS[path]], path)
    print(f"variants evaluated: {sum(map(len, measured.values()))}")


if __name__ == "__main__":
    main()
