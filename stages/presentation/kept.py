"""Tables that are kept in Git: those of a run with one seed, and those of a run with several.

`stages.keep` writes them. Both runs belong together as long as they ask the same questions, and the trainings that both
have are the same.
"""

import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS, LEADERBOARD, PARTS, PUBLISHED, TRAININGS
from stages.comparison.leaderboard import best_first
from stages.documents import read_published

ONE_SEED = Path("reports/one_seed")
SEVERAL_SEEDS = Path("reports/several_seeds")
KEPT_SWEEPS = Path("reports/sweeps")
TOLERANCE = 2e-5
"""Relative difference of equal values: at most two in the last of six digits."""
COMPARISON_KEYS = ["study", "part", "variant", "baseline", "metric"]
PUBLISHED_KEYS = ["document", "variant", "part", "metric", "epoch"]
ASKED = {
    ANSWERS: ["study", "question", "claim", "documents", "but"],
    PARTS: ["study", "part", "claim"],
    COMPARISONS: [*COMPARISON_KEYS, "expected", "clean"],
    PUBLISHED: [*PUBLISHED_KEYS, "published", "tolerance"],
}
"""The columns of each table that state what is asked, not what was found."""
COMPARED = (*ASKED, TRAININGS)
"""The tables in which two runs are compared."""
KEPT = (*COMPARED, LEADERBOARD)

Tables = Mapping[Path, pd.DataFrame]
"""Tables of a run by their paths in `stages.artifacts.tables`."""


def kept(path: Path, folder: Path = SEVERAL_SEEDS) -> Path:
    """Path at which a table is kept."""
    return folder / path.name


def read_cells(folder: Path) -> Tables:
    """Read the tables kept in a folder; their cells are the text of the files."""
    return {path: pd.read_csv(kept(path, folder), dtype=str, keep_default_na=False) for path in KEPT}


def folder_of(trainings: pd.DataFrame) -> Path:
    """Folder in which the tables of a run belong, by its number of seeds."""
    return SEVERAL_SEEDS if len(trainings["seed"].unique()) > 1 else ONE_SEED


def with_one_seed(comparisons: pd.DataFrame, one: pd.DataFrame) -> pd.DataFrame:
    """Add to comparisons the verdict of a run with one seed (`verdict_one_seed`) and the keys in which recipes differ.

    one: the comparisons of that run.
    """
    added = one[[*COMPARISON_KEYS, "verdict"]].rename(columns={"verdict": "verdict_one_seed"})
    added["differs_in"] = one.get("differs_in", "")
    others = comparisons.drop(columns="differs_in", errors="ignore")
    return others.merge(added, on=COMPARISON_KEYS, how="left")


def with_several_seeds(published: pd.DataFrame, several: pd.DataFrame) -> pd.DataFrame:
    """Add to published values what a run with several seeds found: `<column>_several`, among them its result."""
    merged = published.merge(several, on=PUBLISHED_KEYS, how="left", suffixes=("", "_several"))
    return merged.assign(result_several=merged["result_several"].fillna("not measured"))


def stale(tables: Tables, run: Tables, folder: Path = SEVERAL_SEEDS, run_folder: Path | None = ONE_SEED) -> list[str]:
    """List the kept tables that do not belong to a run, one line each.

    tables: those kept in the folder; run: those kept in run_folder, or of the run in the workspace if it is None.
    """
    lines = []
    for path, columns in ASKED.items():
        before, now = (each[path][columns].astype(object).fillna("") for each in (tables, run))
        if not before.equals(now):
            of_run = kept(path, run_folder) if run_folder else path
            lines.append(f"{kept(path, folder)}: expected the questions of {of_run}, got others")
    if names := stale_trainings(tables[TRAININGS], run[TRAININGS]):
        of_run = kept(TRAININGS, run_folder) if run_folder else TRAININGS
        lines.append(f"{kept(TRAININGS, folder)}: expected the values of {of_run}, got others of {', '.join(names)}")
    return lines


def merged(several: Tables, one: Tables) -> tuple[Tables, list[str]]:
    """Merge the tables of several seeds with those of one, which replace what does not belong to their run.

    Returns: the tables, and the studies with the rows of one seed: those that ask something else in both runs, and
        those that compare a variant with another training.
    """
    changed = {*stale_trainings(several[TRAININGS], one[TRAININGS])}
    studies = [*one[ANSWERS]["study"]]
    before, now = _asked(several), _asked(one)
    pairs = one[COMPARISONS][["study", "variant", "baseline"]].to_numpy().tolist()
    outdated = {study for study, *pair in pairs if changed & {*pair}}
    own = [study for study in studies if before[study] != now[study] or study in outdated]
    tables = {}
    for path in (ANSWERS, PARTS, COMPARISONS):
        rows = [_rows_of_study((one if study in own else several)[path], study) for study in studies]
        tables[path] = pd.concat([one[path][:0], *rows])
    for path in (PUBLISHED, TRAININGS):
        in_several, in_one = (each[path]["variant"].isin(changed) for each in (several, one))
        tables[path] = pd.concat([several[path][~in_several], one[path][in_one]])
    return tables, own


def beside_others(
    before: Tables, own: Tables, studies: Iterable[str], variants: Collection[str]
) -> tuple[Tables, set[str]]:
    """Put the tables of a run of some studies beside what is kept of others.

    Its studies replace those that are kept, and its variants those that are kept with fewer seeds. All other rows stay
    as they are. They are in the order of a run of everything.

    before, own: all tables, with cells of text as in their files; studies, variants: all that there are.
    Returns: the tables, and the variants whose rows are those of the run.
    Raises: ValueError if trainings of a variant with the same seeds have other values.
    """
    fresh = _with_more_seeds(before[TRAININGS], own[TRAININGS])
    stay = {*variants} - fresh
    ran = {*own[ANSWERS]["study"]}
    tables = {}
    for path in (COMPARISONS, PARTS, ANSWERS):
        rows = [_rows_of_study((own if study in ran else before)[path], study) for study in studies]
        tables[path] = pd.concat([before[path][:0], *rows])
    for path in (TRAININGS, LEADERBOARD, PUBLISHED):
        both = [_of_variants(before[path], stay), _of_variants(own[path], fresh)]
        tables[path] = pd.concat(both).fillna("")
    tables[TRAININGS] = tables[TRAININGS].sort_values("variant", kind="stable")
    tables[LEADERBOARD] = best_first(tables[LEADERBOARD])
    asked = pd.DataFrame([value.model_dump() for value in read_published()], columns=PUBLISHED_KEYS)
    asked = asked.astype({"epoch": "Int64"}).astype(object).fillna("").astype(str)
    tables[PUBLISHED] = asked.merge(tables[PUBLISHED], on=PUBLISHED_KEYS)
    return tables, fresh


def _with_more_seeds(kept_trainings: pd.DataFrame, trainings: pd.DataFrame) -> set[str]:
    """Name the variants with more seeds than are kept. ValueError if those that both have are not the same."""
    before, own = (_numbers(table) for table in (kept_trainings, trainings))
    kept_seeds, seeds = (
        {str(name): len(each.unique()) for name, each in table.groupby("variant")["seed"]} for table in (before, own)
    )
    more = {name for name in seeds if seeds[name] > kept_seeds.get(name, 0)}
    known, fewer = more & kept_seeds.keys(), seeds.keys() - more
    changed = stale_trainings(_of_variants(own, known), _of_variants(before, known))
    changed += stale_trainings(_of_variants(before, fewer), _of_variants(own, fewer))
    if changed:
        raise ValueError(
            f"{kept(TRAININGS)}: expected the values of the new trainings with the same seeds, got others of "
            f"{', '.join(changed)}: their recipe, data or code has changed since; without a study, all are trained"
        )
    return more


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)), low_memory=False)


def _of_variants(table: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    return table[table["variant"].isin(names)]


def _asked(tables: Tables) -> Mapping[str, list[Any]]:
    """The cells that state what is asked, by study, which is in the first column."""
    asked = defaultdict(list)
    for path in (ANSWERS, PARTS, COMPARISONS):
        for study, *cells in tables[path][ASKED[path]].astype(object).fillna("").to_numpy().tolist():
            asked[study].append((path, cells))
    return asked


def _rows_of_study(table: pd.DataFrame, study: str) -> pd.DataFrame:
    return table[table["study"] == study]


def stale_trainings(kept_trainings: pd.DataFrame, trainings: pd.DataFrame) -> list[str]:
    """Name the variants with a training that is not among the kept ones with the same values; see `TRAININGS`."""
    keys = ["variant", "split", "seed"]
    both = trainings.merge(kept_trainings, on=keys, how="left", suffixes=("", "_kept"), indicator=True)
    names = set(both.loc[both["_merge"] != "both", "variant"]) | set(kept_trainings["variant"]) - set(
        trainings["variant"]
    )
    for column in trainings.select_dtypes("number").columns.difference([*keys, "reason"]):  # text, where there is any
        if f"{column}_kept" not in both:
            names |= set(both.loc[both[column].notna(), "variant"])
            continue
        same = np.isclose(both[column], both[f"{column}_kept"], rtol=TOLERANCE, atol=0, equal_nan=True)
        names |= set(both.loc[~same, "variant"])
    return sorted(names)
