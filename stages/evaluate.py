"""Measure what every variant predicted: `python -m stages.evaluate`.

Reads the recipes, the saved predictions, the targets and the histories; scikit-learn does the measuring. Leaves
`reports/metrics.json` ({data set: {variant: {part: {metric: value}}}}), `reports/summary.json` for `dvc metrics` (the
one figure of each variant by which its data set is ranked, on test rows) and, for `dvc plots`, long tables in
`reports/plots/`: the learning curves of each data set by metric, and the confusion counts of each classifier.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.datasets import load_split, module_of
from stages.recipes.resolve import Recipe

RECIPES = Path("data/recipes")
MODELS = Path("data/models")
HISTORIES = Path("reports/history")
METRICS = Path("reports/metrics.json")
SUMMARY = Path("reports/summary.json")
PLOTS = Path("reports/plots")
CONFUSION = PLOTS / "confusion.csv"

Metrics = dict[str, float]


def predicted_classes(probabilities: np.ndarray) -> np.ndarray:
    """Int (n,) from probabilities, float32 (n, classes), or (n, 1) that of class 1 of two."""
    return (probabilities[:, 0] > 0.5).astype(int) if probabilities.shape[1] == 1 else probabilities.argmax(axis=1)


def classification_metrics(y: np.ndarray, probabilities: np.ndarray) -> Metrics:
    """Measure a classifier.

    y: int (n,); probabilities: float32 (n, classes), or (n, 1) that of class 1 of two.
    log_loss is the mean cross-entropy in nats: Keras's `loss` without penalties, but for the least probabilities, which
    Keras takes from the logits and scikit-learn cuts off at 2e-16.
    """
    accuracy = metrics.accuracy_score(y, predicted_classes(probabilities))
    if probabilities.shape[1] == 1:
        ones = probabilities[:, 0].astype(np.float64)
        return {
            "accuracy": accuracy,
            "log_loss": metrics.log_loss(y, np.stack([1 - ones, ones], axis=1), labels=[0, 1]),
            "roc_auc": metrics.roc_auc_score(y, ones),
            "average_precision": metrics.average_precision_score(y, ones),
        }
    # float32 shares sum to 1 only almost.
    shares = probabilities.astype(np.float64)
    return {
        "accuracy": accuracy,
        "log_loss": metrics.log_loss(y, shares / shares.sum(axis=1, keepdims=True), labels=range(shares.shape[1])),
    }


def regression_metrics(y: np.ndarray, predicted: np.ndarray) -> Metrics:
    """Measure a regression, in the target's unit (mse: its square). y: float32 (n,); predicted: float32 (n, 1)."""
    values = predicted[:, 0].astype(np.float64)
    mse = metrics.mean_squared_error(y, values)
    return {
        "mse": mse,
        "rmse": float(np.sqrt(mse)),
        "mae": metrics.mean_absolute_error(y, values),
        "r2": metrics.r2_score(y, values),
    }


def part_metrics(y: np.ndarray, outputs: dict[str, np.ndarray], recipe: Recipe) -> Metrics:
    """Measure one part by one seed; a second output adds its own error and the weighted sum that was minimised."""
    main = outputs["main"]
    if not np.issubdtype(y.dtype, np.floating):
        return classification_metrics(y, main)
    measured = regression_metrics(y, main)
    if "auxiliary" in outputs:
        measured["auxiliary_mse"] = regression_metrics(y, outputs["auxiliary"])["mse"]
        weights = {"main": 1.0, "auxiliary": 1.0} | recipe.get("loss_weights", {})
        measured["loss"] = weights["main"] * measured["mse"] + weights["auxiliary"] * measured["auxiliary_mse"]
    return measured


def over_seeds(measured: list[Metrics]) -> Metrics:
    """Mean of each metric over the seeds, and with several its standard deviation, `<metric>_std`."""
    table = pd.DataFrame(measured)
    values = table.mean().to_dict()
    if len(table) > 1:
        values |= table.std(ddof=1).add_suffix("_std").to_dict()
    return {str(name): round(float(value), 6) for name, value in values.items()}


def variant_metrics(recipe: Recipe, targets: dict[str, np.ndarray], folder: Path, history: pd.DataFrame) -> dict:
    """Measure one variant: {part: {metric: value}}, and the model itself as the part `model`."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    measured: dict[str, Any] = {}
    with np.load(folder / "predictions.npz") as saved:
        for part in [part for part in ("train", "validation", "test") if part in saved]:
            outputs = {"main": saved[part]}
            if f"{part}_auxiliary" in saved:
                outputs["auxiliary"] = saved[f"{part}_auxiliary"]
            measured[part] = over_seeds(
                [
                    part_metrics(targets[part], {name: values[seed] for name, values in outputs.items()}, recipe)
                    for seed in range(len(saved[part]))
                ]
            )
    if "cross_validation_accuracy" in history:
        measured["cross_validation"] = over_seeds(
            [{"accuracy": value} for value in history["cross_validation_accuracy"]]
        )
    measured["model"] = {"parameters": summary["parameters"], "epochs": float(np.mean(summary["epochs"]))}
    return measured


def curves(name: str, history: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Turn one metric of a history into rows of (variant, part, seed, epoch, <metric>)."""
    parts = []
    for part, column in (("training", metric), ("validation", f"val_{metric}")):
        if column in history:
            parts.append(history[["seed", "epoch", column]].rename(columns={column: metric}).assign(part=part))
    if not parts:
        return pd.DataFrame()
    return pd.concat(parts).assign(variant=name)[["variant", "part", "seed", "epoch", metric]]


def confusion(name: str, y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Count the test rows by (variant, actual, predicted) class, for the first seed."""
    counts = metrics.confusion_matrix(y, predicted_classes(probabilities), labels=range(len(classes)))
    index = pd.MultiIndex.from_product([[name], classes, classes], names=["variant", "actual", "predicted"])
    return pd.DataFrame({"count": counts.ravel()}, index=index).reset_index()


def summary(measured: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Pick each variant's one figure: {"<data set>_<metric>": {variant: value on test rows}}."""
    picked: dict[str, dict[str, float]] = {}
    for dataset, variants in measured.items():
        metric = module_of(dataset).RANKED_BY
        picked[f"{dataset}_{metric}"] = {
            name: parts["test"][metric] for name, parts in variants.items() if "test" in parts
        }
    return picked


def recipes() -> Iterator[tuple[str, Recipe]]:
    """Yield the name and the recipe of every variant."""
    for path in sorted(RECIPES.glob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Measure every variant."""
    measured: dict[str, dict[str, Any]] = {}
    long: dict[str, list[pd.DataFrame]] = {}  # by "<data set>_<metric>"
    counts = []
    for name, recipe in recipes():
        dataset, folder = recipe["dataset"], MODELS / name
        split = load_split(dataset, recipe["split"])
        history = pd.read_csv(HISTORIES / f"{name}.csv")
        measured.setdefault(dataset, {})[name] = variant_metrics(recipe, split.y, folder, history)
        for metric in ("loss", *recipe.get("metrics", [])):
            long.setdefault(f"{dataset}_{metric}", []).append(curves(name, history, metric))
        classes = module_of(dataset).CLASSES
        if classes and "test" in split.y:
            with np.load(folder / "predictions.npz") as saved:
                counts.append(confusion(name, split.y["test"], saved["test"][0], classes))
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    for path, content in ((METRICS, measured), (SUMMARY, summary(measured))):
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PLOTS.mkdir(parents=True, exist_ok=True)
    for title, tables in long.items():
        write_table(pd.concat(tables), PLOTS / f"{title}.csv")
    columns = ["variant", "actual", "predicted", "count"]
    write_table(pd.concat(counts) if counts else pd.DataFrame(columns=columns), CONFUSION)
    print(f"{sum(map(len, measured.values()))} variants evaluated")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, the same bytes on every system."""
    table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")


if __name__ == "__main__":
    main()
