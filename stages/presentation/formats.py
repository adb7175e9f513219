"""How the README and the report page write the numbers of the tables under `reports/`."""

import numpy as np
import pandas as pd

from stages.datasets import module_of
from stages.presentation.metrics import ERRORS


def cell(value: object) -> str:
    """Four decimals, none for whole numbers, thousands apart, nothing for what is not there."""
    if not isinstance(value, float):
        return str(value)
    return "" if pd.isna(value) else f"{value:,.0f}" if value == round(value) else f"{value:,.4f}"


def figure(value: float, metric: str, dataset: str) -> str:
    """A metric of a data set, errors in the target's own unit."""
    module = module_of(dataset)
    if metric not in ERRORS or module.CLASSES or pd.isna(value):
        return cell(value)
    return f"{value * module.TARGET_UNIT:,.0f}"


def signed(value: float) -> str:
    """A difference: its sign and four decimals."""
    return f"{value:+.4f}".replace("-", "−")


def with_intervals(dataset: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the column `interval`, of the figure that ranks the data set, and write errors in the target's own unit.

    rows: of the leaderboard, all of this data set.
    """
    module = module_of(dataset)
    low, high = (rows[f"test_{module.RANKED_BY}_{end}"] for end in ("low", "high"))
    intervals = low.map("{:.3f}–".format) + high.map("{:.3f}".format)
    rows = rows.assign(interval=intervals.where(np.isfinite(low), ""))
    for metric in ERRORS:
        if f"test_{metric}" in rows:
            rows[f"test_{metric}"] = [figure(value, metric, dataset) for value in rows[f"test_{metric}"]]
    return rows
