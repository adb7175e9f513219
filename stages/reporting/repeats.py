"""The tables of a run with several seeds that are kept, and whether they belong to those of a run with one.

`stages.reporting.keep` keeps them. They do as long as both runs ask the same, and the trainings that both have are the
same.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stages.compare import ANSWERS, COMPARISONS, PUBLISHED
from stages.evaluate import TRAININGS

REPEATS = Path("reports/repeats")
TOLERANCE = 2e-5
"""Of a figure: at most two in the last of its six digits."""
ASKED = {
    ANSWERS: ["study", "question", "claim", "documents"],
    COMPARISONS: ["study", "variant", "baseline", "metric", "expected"],
    PUBLISHED: ["document", "variant", "part", "metric", "epoch", "published", "tolerance"],
}
"""The columns that say what was asked, not what came of it."""
KEPT = (*ASKED, TRAININGS)

Tables = Mapping[Path, pd.DataFrame]


def kept(path: Path) -> Path:
    """Where the table of a run with several seeds is kept."""
    return REPEATS / path.name


def stale(several: Tables, one: Tables) -> list[str]:
    """One line per table of several seeds that no longer belongs to that of one; both by the path of the latter."""
    lines = []
    for path, columns in ASKED.items():
        before, now = (each[path][columns].astype(object).fillna("") for each in (several, one))
        if not before.equals(now):
            lines.append(f"{kept(path)}: expected what {path} asks, got something else")
    if names := stale_trainings(several[TRAININGS], one[TRAININGS]):
        lines.append(f"{kept(TRAININGS)}: expected the figures of {TRAININGS}, got others of {', '.join(names)}")
    return lines


def stale_trainings(several: pd.DataFrame, one: pd.DataFrame) -> list[str]:
    """Name the variants of which a training of one is not in several with the same figures; see `TRAININGS`."""
    keys = ["variant", "split", "seed"]
    both = one.merge(several, on=keys, how="left", suffixes=("", "_kept"), indicator=True)
    names = set(both.loc[both["_merge"] != "both", "variant"]) | set(several["variant"]) - set(one["variant"])
    for column in one.select_dtypes("number").columns.difference(keys):
        if f"{column}_kept" not in both:
            names |= set(both.loc[both[column].notna(), "variant"])
            continue
        same = np.isclose(both[column], both[f"{column}_kept"], rtol=TOLERANCE, atol=0, equal_nan=True)
        names |= set(both.loc[~same, "variant"])
    return sorted(names)
