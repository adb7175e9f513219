"""Measure what every variant predicted: `python -m stages.evaluate`.

Reads the recipes, the saved predictions, the targets and the histories; scikit-learn does the measuring. Leaves
`reports/metrics.json` ({data set: {variant: {part: {metric: value}}}}, means over trainings), `reports/trainings.csv`
(the same figures of each training apart) and long tables in `reports/plots/`, for `dvc plots` and the figures: of each
classifier's first training the confusion counts, each class's precision and recall and the most wrong test rows; of all
its trainings the reliability and, where there are two classes, the ROC and precision-recall curves.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY
from stages.artifacts.tables import COLUMNS, METRICS, OF_CLASSIFIERS, PLOTS, TRAININGS, write_table
from stages.datasets import load_splits, module_of
from stages.evaluation.metrics import metrics_of_each, trainings, variant_metrics
from stages.evaluation.tables import classifier_tables


def main() -> None:
    """Measure every variant."""
    measured: dict[str, dict[str, Any]] = {}
    each_training: list[pd.DataFrame] = []
    classified: dict[Path, list[pd.DataFrame]] = {path: [] for path in OF_CLASSIFIERS}
    for name, recipe in RECIPE.read_all().items():
        dataset = recipe["dataset"]
        splits = load_splits(dataset, recipe["split"])
        predictions, history, summary = PREDICTIONS.read(name), HISTORY.read(name), SUMMARY.read(name)
        of_each = metrics_of_each(recipe, splits, predictions, history)
        measured.setdefault(dataset, {})[name] = variant_metrics(of_each, splits, summary)
        each_training.append(trainings(name, recipe, of_each, splits, summary["epochs"]))
        classes = module_of(dataset).CLASSES
        if classes and "test" in splits[0].y:
            for path, table in classifier_tables(classes, splits, predictions["test"], recipe["seed"]).items():
                classified[path].append(table.assign(variant=name))
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    METRICS.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_table(pd.concat(each_training), TRAININGS, digits=6)
    PLOTS.mkdir(parents=True, exist_ok=True)
    for path, tables in classified.items():
        table = pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS[path])
        write_table(table[COLUMNS[path]], path)
    print(f"{sum(map(len, measured.values()))} variants evaluated")


if __name__ == "__main__":
    main()
