"""Write the README's tables from the reports: `python -m stages.reporting.readme`.

Everything between `<!-- name -->` and `<!-- /name -->` in README.md is generated; a test fails when it is stale.
"""

import re
from pathlib import Path

import pandas as pd

from stages.compare import COMPARISONS, PUBLISHED

README = Path("README.md")

TITLES = {
    "fashion_mnist": "Fashion-MNIST",
    "housing": "California housing (errors in 100,000 USD)",
    "thoracic": "Thoracic surgery (94 test rows, 14 deaths)",
}
COLUMNS = {
    "fashion_mnist": {
        "test_accuracy": "test accuracy",
        "interval": "95 %",
        "test_log_loss": "test loss",
        "validation_accuracy": "validation accuracy",
        "validation_log_loss": "validation loss",
    },
    "housing": {
        "test_mse": "test MSE",
        "test_mae": "test MAE",
        "test_r2": "test R²",
        "validation_mse": "validation MSE",
    },
    "thoracic": {
        "test_roc_auc": "test ROC AUC",
        "test_average_precision": "average precision",
        "test_log_loss": "log loss",
        "test_accuracy": "accuracy",
        "interval": "95 %",
    },
}


def results(comparisons: pd.DataFrame) -> str:
    """One Markdown table per data set, best first. comparisons: as `stages.compare` writes it."""
    intervals = comparisons["test_accuracy_low"].map("{:.3f}–".format) + comparisons["test_accuracy_high"].map(
        "{:.3f}".format
    )
    comparisons = comparisons.assign(interval=intervals.where(comparisons["test_accuracy_low"].notna(), ""))
    parts = []
    for dataset, rows in comparisons.groupby("dataset"):
        columns = COLUMNS.get(str(dataset), {})
        head = ["variant", "split", "parameters", "epochs", *columns.values()]
        body = [
            [f"`{row['variant']}`", row["split"], f"{row['parameters']:,.0f}", f"{row['epochs']:g}"]
            + [_cell(row[column]) for column in columns]
            for _, row in rows.iterrows()
        ]
        parts.append(f"### {TITLES.get(str(dataset), dataset)}\n\n{_table(head, body)}")
    return "\n\n".join(parts)


def published(figures: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Count the reproduced figures by document, and name those that are not.

    Parameter counts are certain, and the settings of the `small` split were chosen to fit: both are counted apart.
    """
    small = comparisons.loc[comparisons["split"] == "small", "variant"]
    kind = figures["document"].where(figures["metric"] != "parameters", "parameter counts")
    kind = kind.where(~figures["variant"].isin(small), "E, on 3,000 images, whose unprinted settings we chose to fit")
    counts = pd.crosstab(kind, figures["result"])
    head = ["document", *counts.columns]
    body = [[str(name), *map(str, row)] for name, row in zip(counts.index, counts.to_numpy(), strict=True)]
    body.append(["all", *map(str, counts.sum())])
    text = _table(head, body)
    others = figures[figures["result"] != "reproduced"]
    if len(others):
        keys = ["part", "metric", "epoch", "published", "ours", "tolerance", "result"]
        rows = [[f"`{row['variant']}`", *(_cell(row[key]) for key in keys)] for _, row in others.iterrows()]
        text += f"\n\n{_table(['not reproduced', *keys], rows)}"
    return text


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if pd.isna(value) else f"{value:.0f}" if value == round(value) else f"{value:.4f}"


def _table(head: list[str], body: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def filled(text: str, blocks: dict[str, str]) -> str:
    """Put each block between its marks. Raises: ValueError if a mark is missing."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{README}: expected the marks <!-- {name} --> and <!-- /{name} -->, got none")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)  # type: ignore[misc]
    return text


def updated(text: str, comparisons: pd.DataFrame, figures: pd.DataFrame) -> str:
    """Fill the README's text with the tables of the reports, as `stages.compare` writes them."""
    return filled(text, {"results": results(comparisons), "published": published(figures, comparisons)})


def main() -> None:
    """Update README.md."""
    text = updated(README.read_text(encoding="utf-8"), pd.read_csv(COMPARISONS), pd.read_csv(PUBLISHED))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
