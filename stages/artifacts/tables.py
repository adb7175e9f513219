"""The tables of all variants under `reports/`: where each is, what its columns are, and how it is written.

`stages.evaluate` leaves the first, down to the precision-recall curves; `stages.compare` the others.
"""

from pathlib import Path

import pandas as pd

METRICS = Path("reports/metrics.json")
TRAININGS = Path("reports/trainings.csv")
PLOTS = Path("reports/plots")
CONFUSION = PLOTS / "confusion.csv"
CLASSES = PLOTS / "classes.csv"
WORST = PLOTS / "worst.csv"
RELIABILITY = PLOTS / "reliability.csv"
ROC = PLOTS / "roc.csv"
PRECISION_RECALL = PLOTS / "precision_recall.csv"
LEADERBOARD = Path("reports/leaderboard.csv")
COMPARISONS = Path("reports/comparisons.csv")
ANSWERS = Path("reports/answers.csv")
PUBLISHED = Path("reports/published.csv")

OF_CLASSIFIERS = (CONFUSION, CLASSES, WORST, RELIABILITY, ROC, PRECISION_RECALL)

COLUMNS: dict[Path, list[str]] = {
    TRAININGS: ["dataset", "variant", "split", "seed", "epochs"],
    CONFUSION: ["variant", "actual", "predicted", "count"],
    CLASSES: ["variant", "class", "precision", "recall", "f1", "rows"],
    WORST: ["variant", "row", "actual", "predicted", "probability_actual", "probability_predicted"],
    RELIABILITY: ["variant", "confidence", "accuracy", "rows"],
    ROC: ["variant", "split", "seed", "false_positive_rate", "true_positive_rate"],
    PRECISION_RECALL: ["variant", "split", "seed", "recall", "precision"],
    LEADERBOARD: ["dataset", "variant", "split", "epochs", "parameters", "trainings"],
    COMPARISONS: [
        *("study", "variant", "baseline", "metric", "trainings", "seeds", "ours", "of_baseline"),
        *("difference", "low", "high", "verdict", "expected", "remark"),
    ],
    ANSWERS: ["study", "question", "claim", "documents", "answer"],
    PUBLISHED: [
        *("document", "variant", "part", "metric", "epoch", "published", "ours", "std", "seeds"),
        *("difference", "tolerance", "result"),
    ],
}
"""In their order. The trainings and the leaderboard have more: one for each metric of a part, `<part>_<metric>`."""


def write_table(table: pd.DataFrame, path: Path, digits: int = 9) -> None:
    """Write a table as CSV, the same bytes on every system."""
    table.to_csv(path, index=False, float_format=f"%.{digits}g", lineterminator="\n")
