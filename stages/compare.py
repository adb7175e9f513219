"""Put the variants beside each other and beside the documents' figures: `python -m stages.compare`.

Reads `reports/metrics.json`, the confusion counts, the histories, the recipes and `published` in `params.yaml`. Leaves
`reports/comparisons.csv`, one row per variant, best first on the test rows of its data set, and
`reports/published.csv`, one row per published figure: published, ours, difference, tolerance, and whether it is
reproduced, missed or not measured.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from stages.datasets import module_of
from stages.evaluate import CONFUSION, HISTORIES, METRICS, recipes
from stages.recipes.schema import Published, read_params

COMPARISONS = Path("reports/comparisons.csv")
PUBLISHED = Path("reports/published.csv")

FIGURE_COLUMNS = [
    "document",
    "variant",
    "part",
    "metric",
    "epoch",
    "published",
    "ours",
    "difference",
    "tolerance",
    "result",
]
LESS_IS_BETTER = {"mse", "rmse", "mae", "log_loss"}

Table = list[dict[str, Any]]


def comparisons(measured: dict[str, Any], splits: dict[str, str]) -> pd.DataFrame:
    """One row per variant: its size, how long it trained, and its figures on validation and test rows."""
    tables = []
    for dataset, variants in measured.items():
        rows = []
        for name, parts in variants.items():
            row = {"dataset": dataset, "variant": name, "split": splits[name], **parts["model"]}
            for part in ("validation", "test"):
                row |= {f"{part}_{metric}": value for metric, value in parts.get(part, {}).items()}
            rows.append(row)
        metric = module_of(dataset).RANKED_BY
        best_first = [metric in LESS_IS_BETTER, True]
        tables.append(pd.DataFrame(rows).sort_values([f"test_{metric}", "variant"], ascending=best_first))
    return pd.concat(tables)


def with_intervals(table: pd.DataFrame, confusion: pd.DataFrame) -> pd.DataFrame:
    """Add the 95 % interval (Wilson) of each test accuracy by chance of the test rows: test_accuracy_low and _high.

    confusion: variant, actual, predicted, count; its counts say how many test rows there are.
    """
    rows = confusion.groupby("variant")["count"].sum()
    ends: dict[str, list[float]] = {"test_accuracy_low": [], "test_accuracy_high": []}
    for _, row in table.iterrows():
        accuracy, low, high = row.get("test_accuracy", float("nan")), float("nan"), float("nan")
        if pd.notna(accuracy):
            n = int(rows[row["variant"]])
            low, high = binomtest(round(accuracy * n), n).proportion_ci(method="wilson")
        ends["test_accuracy_low"].append(min(low, accuracy))  # the count is rounded
        ends["test_accuracy_high"].append(max(high, accuracy))
    return table.assign(**ends)


def published_figures(figures: list[Published], measured: dict[str, Any], histories: dict[str, pd.DataFrame]) -> Table:
    """One row per published figure, reproduced where ours lies within its tolerance.

    Where nothing of that name was measured (an override trains fewer epochs), ours is empty.
    """
    by_variant = {name: parts for variants in measured.values() for name, parts in variants.items()}
    rows = []
    for figure in figures:
        ours = our_figure(figure, by_variant[figure.variant], histories[figure.variant])
        row = {
            **figure.model_dump(include={"document", "variant", "part", "metric", "epoch"}),
            "published": figure.value,
            "tolerance": figure.tolerance,
            "result": "not measured",
        }
        if ours is not None:
            difference = ours - figure.value
            row |= {"ours": round(ours, 6), "difference": round(difference, 6)}
            row["result"] = "reproduced" if abs(difference) <= figure.tolerance else "missed"
        rows.append(row)
    return rows


def our_figure(figure: Published, parts: dict[str, Any], history: pd.DataFrame) -> float | None:
    """Find what we measured: in the history for an epoch (mean over the seeds), else for the saved model."""
    if figure.epoch is None:
        value = parts.get(figure.part, {}).get(figure.metric)
        return None if value is None else float(value)
    column = figure.metric if figure.part == "training" else f"val_{figure.metric}"
    epochs = history[history["epoch"] == figure.epoch]
    return float(epochs[column].mean()) if column in epochs and len(epochs) else None


def main() -> None:
    """Write both tables."""
    measured = json.loads(METRICS.read_text(encoding="utf-8"))
    splits = {name: recipe["split"] for name, recipe in recipes()}
    histories = {name: pd.read_csv(HISTORIES / f"{name}.csv") for name in splits}
    rows = published_figures(read_params().published, measured, histories)
    table = with_intervals(comparisons(measured, splits), pd.read_csv(CONFUSION))
    table.to_csv(COMPARISONS, index=False, float_format="%.6g", lineterminator="\n")
    published = pd.DataFrame(rows, columns=FIGURE_COLUMNS).astype({"epoch": "Int64"})
    published.to_csv(PUBLISHED, index=False, lineterminator="\n")
    reproduced = (published["result"] == "reproduced").sum()
    print(f"{len(table)} variants; {reproduced} of {len(rows)} published figures reproduced")


if __name__ == "__main__":
    main()
