"""The tables of all variants under `reports/`: their paths, their columns, and how they are written.

`stages.evaluate` writes those in `reports/tables/evaluation/`, `stages.compare` the others.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TABLES = Path("reports/tables/evaluation")
METRICS = TABLES / "metrics.json"
TRAININGS = TABLES / "trainings.csv"
CONFUSION = TABLES / "confusion.csv"
CLASSES = TABLES / "classes.csv"
WORST = TABLES / "worst.csv"
RELIABILITY = TABLES / "reliability.csv"
ROC = TABLES / "roc.csv"
PRECISION_RECALL = TABLES / "precision_recall.csv"

COMPARISON = Path("reports/tables/comparison")
LEADERBOARD = COMPARISON / "leaderboard.csv"
COMPARISONS = COMPARISON / "comparisons.csv"
ANSWERS = COMPARISON / "answers.csv"
PARTS = COMPARISON / "parts.csv"
PUBLISHED = COMPARISON / "published.csv"
CHANGES = COMPARISON / "changes.json"
"""What changed since the run that is kept in Git; see `stages.comparison.changes`."""

SWEEP_TABLES = Path("reports/tables/sweeps")
"""Holds a folder for each sweep, with the tables below."""
MEMBERS = "members.csv"
BEST = "best.csv"
BEST_OF_K = "best_of_k.csv"

ENVIRONMENT = Path("reports/tables/environment.json")
PLOT_TABLES = Path("reports/plot_tables")
RUN_SUMMARY = Path("reports/summary.json")

CLASSIFIER_TABLES = (CONFUSION, CLASSES, WORST, RELIABILITY, ROC, PRECISION_RECALL)

COLUMNS: dict[Path, list[str]] = {
    TRAININGS: ["dataset", "variant", "split", "seed", "epochs", "diverged"],
    CONFUSION: ["variant", "actual", "predicted", "count"],
    CLASSES: ["variant", "class", "precision", "recall", "f1", "rows"],
    WORST: ["variant", "row", "actual", "predicted", "probability_actual", "probability_predicted"],
    RELIABILITY: ["variant", "confidence", "accuracy", "rows"],
    ROC: ["variant", "split", "seed", "false_positive_rate", "true_positive_rate"],
    PRECISION_RECALL: ["variant", "split", "seed", "recall", "precision"],
    LEADERBOARD: ["dataset", "variant", "split", "epochs", "parameters", "multiply_adds", "trainings", "diverged"],
    COMPARISONS: [
        *("study", "part", "variant", "baseline", "metric", "clean", "trainings", "seeds", "ended", "splits", "rows"),
        *("overlap", "ours", "of_baseline", "difference", "low", "high", "better_in", "worse_in"),
        *("diverged", "baseline_diverged", "seed_variance", "seed_degrees", "row_variance", "rest_variance"),
        *("looks", "worth", "verdict", "expected", "shared_verdict", "seeds_needed", "minutes", "differs_in", "note"),
    ],
    ANSWERS: ["study", "question", "claim", "documents", "answer", "yes", "parts", "seeds_needed", "minutes", "but"],
    PARTS: ["study", "part", "claim", "answer", "seeds_needed", "minutes"],
    PUBLISHED: [
        *("document", "variant", "part", "metric", "epoch", "published", "ours", "std", "seeds"),
        *("difference", "tolerance", "result"),
    ],
}
"""Columns in their order. Trainings and leaderboard have more, one for each metric of a part: `<part>_<metric>`."""


def write_table(table: "pd.DataFrame", path: Path, digits: int = 9) -> None:
    """Write a table as CSV, the same bytes on every system."""
    table.to_csv(path, index=False, float_format=f"%.{digits}g", lineterminator="\n")
