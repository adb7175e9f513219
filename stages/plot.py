"""Draw the reports: `python -m stages.plot`.

Reads the tables under `reports/` only. Leaves `reports/overview.png`, the learning curves of every variant in
`reports/figures/curves/` and a confusion matrix per classifier in `reports/figures/confusion/`.
"""

from pathlib import Path

import pandas as pd

from stages.compare import LEADERBOARD
from stages.datasets import module_of
from stages.evaluate import CONFUSION, HISTORIES
from stages.reporting import figures

FIGURES = Path("reports/figures")
OVERVIEW = Path("reports/overview.png")


def main() -> None:
    """Draw everything."""
    leaderboard = pd.read_csv(LEADERBOARD)
    ranked_by = {dataset: module_of(dataset).RANKED_BY for dataset in leaderboard["dataset"].unique()}
    figures.save(figures.overview(leaderboard, ranked_by), OVERVIEW)
    for name in leaderboard["variant"]:
        history = pd.read_csv(HISTORIES / f"{name}.csv")
        if "loss" in history:
            figures.save(figures.learning_curves(name, history), FIGURES / "curves" / f"{name}.png")
    confusion = pd.read_csv(CONFUSION)
    for name in confusion["variant"].unique():
        counts = confusion[confusion["variant"] == name]
        figures.save(figures.confusion_matrix(name, counts), FIGURES / "confusion" / f"{name}.png")


if __name__ == "__main__":
    main()
