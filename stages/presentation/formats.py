"""Columns and numbers of the tables that the README and the report page show."""

import numpy as np
import pandas as pd

from stages.datasets.spec import spec_of
from stages.presentation.metrics import ERRORS
from stages.presentation.words import LANGUAGES, Text, read_strings, text

PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}


def cell(value: object) -> str:
    """Format a table's cell: four decimals, none for whole numbers, thousands separated; empty if missing."""
    if not isinstance(value, float):
        return str(value)
    return "" if pd.isna(value) else f"{value:,.0f}" if value == round(value) else f"{value:,.4f}"


def format_metric(value: float, metric: str, dataset: str) -> str:
    """Format a metric's value, errors in the unit in which reports give the data set's target."""
    target = spec_of(dataset).target
    if metric not in ERRORS or not target.report_unit or pd.isna(value):
        return cell(value)
    return f"{value * target.report_scale:,.0f}"


def abbreviated(value: float) -> str:
    """Format a large count with two or three digits and a prefix of the SI, as 3.2 T for 3.2e12; empty if missing."""
    if pd.isna(value):
        return ""
    prefix, scale = next(((prefix, scale) for prefix, scale in PREFIXES.items() if value >= scale), ("", 1.0))
    scaled = value / scale
    return f"{scaled:.1f} {prefix}" if prefix and scaled < 9.95 else f"{scaled:.0f} {prefix}".strip()


def signed(value: float) -> str:
    """Format a difference: its sign and four decimals."""
    return f"{value:+.4f}".replace("-", "−")


def leaderboard_columns(dataset: str) -> dict[str, Text]:
    """Headings of a leaderboard by column: the metric that ranks the data set, its interval, and others.

    The others are those of `leaderboards` in the words, where every heading may have a name of its own.
    """
    ranked = spec_of(dataset).ranked_by
    of_test_rows = text("page", "series_of_part", part=text("parts", "test"), metric=text("metrics", ranked))
    headings = {f"test_{ranked}": of_test_rows, "interval": text("page", "interval")}
    boards = [read_strings(language).get("leaderboards", {}) for language in LANGUAGES]
    named = [column for board in boards for column in board.get(dataset, {})]
    return headings | {column: text("leaderboards", dataset, column) for column in named}


def with_intervals(dataset: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the column `interval` of the metric that ranks the data set, and format errors and multiply-adds.

    rows: the leaderboard's of this data set.
    """
    low, high = (rows[f"test_{spec_of(dataset).ranked_by}_{end}"] for end in ("low", "high"))
    intervals = low.map("{:.3f}–".format) + high.map("{:.3f}".format)
    rows = rows.assign(interval=intervals.where(np.isfinite(low), ""))
    if "multiply_adds" in rows:
        rows["multiply_adds"] = rows["multiply_adds"].map(abbreviated)
    for metric in ERRORS:
        if f"test_{metric}" in rows:
            rows[f"test_{metric}"] = [format_metric(value, metric, dataset) for value in rows[f"test_{metric}"]]
    return rows
