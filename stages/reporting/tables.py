"""How the README and the report page write the numbers of the tables under `reports/`."""

import numpy as np
import pandas as pd

from stages.datasets import module_of


def cell(value: object) -> str:
    """Four decimals, none for whole numbers, nothing for what is not there."""
    if not isinstance(value, float):
        return str(value)
    return "" if pd.isna(value) else f"{value:.0f}" if value == round(value) else f"{value:.4f}"


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
    for column in ("test_rmse", "test_mae"):
        if column in rows and not module.CLASSES:
            in_unit = (rows[column] * module.TARGET_UNIT).map("{:,.0f}".format)
            rows[column] = in_unit.where(rows[column].notna(), "")
    return rows
