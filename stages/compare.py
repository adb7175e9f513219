"""Put the variants beside each other and beside the documents' figures: `python -m stages.compare`.

Reads `reports/metrics.json`, the confusion counts, the histories, the recipes and `published` in `params.yaml`. Leaves
`reports/comparisons.csv`, one row per variant, best first on the test rows of its data set, and
`reports/published.csv`, one row per published figure: published, ours, difference, tolerance, reproduced or missed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from stages.datasets import module_of
from stages.recipes.schema import Published, read_params

RECIPES = Path("data/recipes")
HISTORIES = Path("reports/history")
METRICS = Path("reports/metrics.json")
CONFUSION = Path("reports/plots/confusion.csv")
COMPARISONS = Path("reports/comparisons.csv")
PUBLISHED = Path("reports/published.csv")

LESS_IS_BETTER = {"mse", "rmse", "mae", "log_loss"}

Table = list[dict[str, Any]]


def comparisons(measured: dict[str, Any], recipes: dict[str, Any], histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per variant: its size, how long it trained, and its figures on validation and test rows."""
    tables = []
    for dataset, variants in measured.items():
        rows = []
        for name, parts in variants.items():
            row = {"dataset": dataset, "variant": name, "split": recipes[name]["split"], **parts["model"]}
            if "loss" in histories[name]:
                row["training_loss"] = histories[name].groupby("seed")["loss"].last().mean()
            for part in ("validation", "test"):
                row |= {f"{part}_{metric}": value for metric, value in parts.get(part, {}).items()}
            rows.append(row)
        metric = module_of(dataset).RANKED_BY
        best_first = [metric in LESS_IS_BETTER, True]
        tables.append(pd.DataFrame(rows).sort_values([f"test_{metric}", "variant"], ascending=best_first))
    return pd.concat(tables)


def accuracy_intervals(confusion: pd.DataFrame) -> pd.DataFrame:
    """95 % interval (Wilson) of each classifier's test accuracy, by chance of the test rows alone.

    confusion: variant, actual, predicted, count. Returns: test_accuracy_low and test_accuracy_high by variant.
    """
    rows = {}
    for name, counts in confusion.groupby("variant"):
        right = counts.loc[counts["actual"] == counts["predicted"], "count"].sum()
        interval = binomtest(int(right), int(counts["count"].sum())).proportion_ci(method="wilson")
        rows[name] = {"test_accuracy_low": interval.low, "test_accuracy_high": interval.high}
    return pd.DataFrame.from_dict(rows, orient="index")


def published_figures(figures: list[Published], measured: dict[str, Any], histories: dict[str, pd.DataFrame]) -> Table:
    """One row per published figure, reproduced where ours lies within its tolerance."""
    by_variant = {name: parts for variants in measured.values() for name, parts in variants.items()}
    rows = []
    for figure in figures:
        ours = our_figure(figure, by_variant[figure.variant], histories[figure.variant])
        difference = ours - figure.value
        rows.append(
            {
                **figure.model_dump(include={"document", "variant", "part", "metric", "epoch"}),
                "published": figure.value,
                "ours": round(ours, 6),
                "difference": round(difference, 6),
                "tolerance": figure.tolerance,
                "result": "reproduced" if abs(difference) <= figure.tolerance else "missed",
            }
        )
    return rows


def our_figure(figure: Published, parts: dict[str, Any], history: pd.DataFrame) -> float:
    """Find what we measured: in the history for an epoch (mean over the seeds), else for the saved model.

    Raises: ValueError if nothing of that name was measured.
    """
    if figure.epoch is None:
        measured = parts.get(figure.part, {})
        if figure.metric in measured:
            return float(measured[figure.metric])
        known = list(measured) or [f"no part {figure.part}"]
    else:
        column = figure.metric if figure.part == "training" else f"val_{figure.metric}"
        epochs = history[history["epoch"] == figure.epoch]
        if column in epochs and len(epochs):
            return float(epochs[column].mean())
        known = [f"{name} of {history['epoch'].max()} epochs" for name in history]
    raise ValueError(
        f"published: expected a figure that {figure.variant} has ({', '.join(known)}), "
        f"got {figure.part} {figure.metric}{f' of epoch {figure.epoch}' if figure.epoch else ''}"
    )


def main() -> None:
    """Write both tables."""
    measured = json.loads(METRICS.read_text(encoding="utf-8"))
    names = [name for variants in measured.values() for name in variants]
    histories = {name: pd.read_csv(HISTORIES / f"{name}.csv") for name in names}
    recipes = {name: json.loads((RECIPES / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    try:
        rows = published_figures(read_params().published, measured, histories)
    except ValueError as error:
        sys.exit(str(error))
    table = comparisons(measured, recipes, histories).join(accuracy_intervals(pd.read_csv(CONFUSION)), on="variant")
    table.to_csv(COMPARISONS, index=False, float_format="%.6g", lineterminator="\n")
    published = pd.DataFrame(rows).astype({"epoch": "Int64"})
    published.to_csv(PUBLISHED, index=False, lineterminator="\n")
    reproduced = (published["result"] == "reproduced").sum()
    print(f"{len(table)} variants; {reproduced} of {len(rows)} published figures reproduced")


if __name__ == "__main__":
    main()
