"""The tables of a run with several seeds that are kept, beside those of a run with one, and whether they belong there.

`stages.keep` keeps them. They do as long as both runs ask the same, and the trainings that both have are the
same.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS, PUBLISHED, TRAININGS

REPEATS = Path("reports/repeats")
TOLERANCE = 2e-5
"""Of a figure: at most two in the last of its six digits."""
COMPARISON_KEYS = ["study", "variant", "baseline", "metric"]
FIGURE_KEYS = ["document", "variant", "part", "metric", "epoch"]
ASKED = {
    ANSWERS: ["study", "question", "claim", "documents"],
    COMPARISONS: [*COMPARISON_KEYS, "expected"],
    PUBLISHED: [*FIGURE_KEYS, "published", "tolerance"],
}
"""The columns that say what was asked, not what came of it."""
KEPT = (*ASKED, TRAININGS)

Tables = Mapping[Path, pd.DataFrame]


def kept(path: Path) -> Path:
    """Where the table of a run with several seeds is kept."""
    return REPEATS / path.name


def comparisons_beside(comparisons: pd.DataFrame, alone: pd.DataFrame) -> pd.DataFrame:
    """Comparisons, and what a run with one seed says of each: `verdict_alone`. alone: those of that run."""
    verdicts = alone[[*COMPARISON_KEYS, "verdict"]]
    return comparisons.merge(verdicts, on=COMPARISON_KEYS, how="left", suffixes=("", "_alone"))


def figures_beside(figures: pd.DataFrame, several: pd.DataFrame) -> pd.DataFrame:
    """Published figures, and what a run with several seeds gave of each: `<column>_several`, its result too."""
    beside = figures.merge(several, on=FIGURE_KEYS, how="left", suffixes=("", "_several"))
    return beside.assign(result_several=beside["result_several"].fillna("not measured"))


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


def joined(several: Tables, one: Tables) -> tuple[Tables, list[str]]:
    """The kept tables where they belong to the run with one seed, its own rows elsewhere; and the studies of those.

    A study belongs if both runs ask the same in it, and no training of what it compares is another.
    """
    changed = stale_trainings(several[TRAININGS], one[TRAININGS])
    studies = [*one[ANSWERS]["study"]]
    own = [study for study in studies if not _belongs(study, several, one, changed)]
    tables = {}
    for path in (ANSWERS, COMPARISONS):
        of_each = [_of_study((one if study in own else several)[path], study) for study in studies]
        tables[path] = pd.concat([one[path][:0], *of_each])
    for path in (PUBLISHED, TRAININGS):
        in_several, in_one = (each[path]["variant"].isin(changed) for each in (several, one))
        tables[path] = pd.concat([several[path][~in_several], one[path][in_one]])
    return tables, own


def _belongs(study: str, several: Tables, one: Tables, changed: list[str]) -> bool:
    for path in (ANSWERS, COMPARISONS):
        before, now = (_of_study(each[path], study)[ASKED[path]] for each in (several, one))
        if before.fillna("").to_numpy().tolist() != now.fillna("").to_numpy().tolist():
            return False
    compared = _of_study(one[COMPARISONS], study)
    return not {*compared["variant"], *compared["baseline"]} & {*changed}


def _of_study(table: pd.DataFrame, study: str) -> pd.DataFrame:
    return table[table["study"] == study]


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
