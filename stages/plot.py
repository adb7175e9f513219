"""Draw the reports: `python -m stages.plot`.

Reads the tables under `reports/` only. Leaves `reports/overview.png`, the learning curves of every variant in
`reports/figures/curves/` and a confusion matrix per classifier in `reports/figures/confusion/`.
"""

from pathlib import Path

import pandas as pd

from stages.compare import COMPARISONS, HISTORIES, RANKED_BY
from stages.reporting import figures

CONFUSION = Path("reports/plots/confusion.csv")
FIGURES = Path("reports/figures")
OVERVIEW = Path("reports/overview.png")


def main() -> None:
    """Draw everything."""
    comparisons = pd.read_csv(COMPARISONS)
    figures.save(figures.overview(comparisons, RANKED_BY), OVERVIEW)
    for name in comparisons["variant"]:
        history = pd.read_csv(HISTORIES / f"{name}.csv")
        if "loss" in history:
            figures.save(figures.learning_curves(name, history), FIGURES / "curves" / f"{name}.png")
    confusion = pd.read_csv(CONFUSION)
    for name in confusion["variant"].unique():
        counts = confusion[confusion["variant"] == name]
        figures.save(figures.confusion_matrix(name, counts), FIGURES / "confusion" / f"{name}.png")


if __name__ == "__main__":
    main()
