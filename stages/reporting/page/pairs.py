"""Any two variants of the report page beside each other: the difference of the metric that ranks their data set.

What a study compares has the study's interval. Of any other pair the table of the trainings has the scores: several
seeds in common give the interval of the chance of seeds, on these test rows; repeated splits add theirs. One seed has
that of the test rows, and is about the two trained models.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stages.artifacts.tables import COMPARISONS, TRAININGS
from stages.comparison.criteria import Criteria
from stages.comparison.scores import BOUNDED, LESS_IS_BETTER, ROW_SCORES
from stages.comparison.statistics import MIN_ENDED, Moments, moments_of, moments_of_two
from stages.comparison.studies import Difference
from stages.comparison.verdicts import Verdict
from stages.datasets.spec import spec_of
from stages.presentation.effects import scale
from stages.reporting.page.comparisons import position
from stages.reporting.page.reports import Reports

VERDICTS = tuple(Verdict)
"""The page has a verdict as its place in it."""


class Scores(NamedTuple):
    """Scores of a variant's trainings."""

    by_seed: Mapping[int, np.ndarray]
    """float64 (splits,) by seed; NaN where a training diverged."""
    of_rows: np.ndarray | None
    """float64 (test rows,) of the first training; None for a metric without a score for each row."""
    test: bytes
    """Numbers of the test rows: only what was measured on the same ones is compared."""
    overlap: float


def pairs_of(reports: Reports, criteria: Criteria) -> dict[str, dict[str, Any]]:
    """Compare any two variants of each data set that were measured on the same test rows.

    Returns: by data set its `variants`, and columns with a value for each pair (1st and 2nd, 1st and 3rd, …, 2nd and
    3rd, …): `difference` (the first less the second; in points for shares), its `low` and `high`, the `seeds` in
    common, in how many the first was better (`better`) or worse (`worse`), the `verdict` by its place in VERDICTS, and
    the `study` that has the pair, empty for none. What is not known is None.
    """
    trainings = reports.deciding[TRAININGS]
    found = {}
    for dataset in dict.fromkeys(reports.dataset(name) for name in reports.tested):
        metric = spec_of(dataset).ranked_by
        scores = {
            str(name): _scores(reports, str(name), rows, metric)
            for name, rows in trainings.groupby("variant", sort=False)
            if name in reports.tested and reports.dataset(str(name)) == dataset and f"test_{metric}" in rows
        }
        told = _told(reports.deciding[COMPARISONS], metric)
        rows = [_pair(scores, one, other, metric, told, criteria) for one, other in combinations(scores, 2)]
        columns = ("difference", "low", "high", "seeds", "better", "worse", "verdict", "study")
        found[dataset] = {"variants": list(scores), **{key: [row[key] for row in rows] for key in columns}}
    return found


def _scores(reports: Reports, name: str, rows: pd.DataFrame, metric: str) -> Scores:
    tested = reports.tested[name]
    values = rows.pivot_table(index="seed", columns="split", values=f"test_{metric}", dropna=False)
    of_rows = ROW_SCORES[metric](tested.y, tested.predicted) if metric in ROW_SCORES else None
    by_seed = dict(zip(values.index.tolist(), values.to_numpy(np.float64), strict=True))
    return Scores(by_seed, of_rows, tested.rows.tobytes(), tested.overlap)


def _told(comparisons: pd.DataFrame, metric: str) -> dict[tuple[str, str], pd.Series]:
    """Comparisons of the metric by variant and baseline, those with the most seeds."""
    of_metric = comparisons[(comparisons["metric"] == metric) & comparisons["difference"].notna()]
    rows = of_metric.sort_values("seeds", kind="stable")
    return {(row["variant"], row["baseline"]): row for _, row in rows.iterrows()}


def _pair(
    scores: Mapping[str, Scores],
    one: str,
    other: str,
    metric: str,
    told: Mapping[tuple[str, str], pd.Series],
    criteria: Criteria,
) -> dict[str, Any]:
    for sign, pair in ((1, (one, other)), (-1, (other, one))):
        if pair in told:
            return _of_study(told[pair], sign, metric)
    found = difference(scores[one], scores[other], metric)
    if found is None:
        return dict.fromkeys(("difference", "low", "high", "seeds", "better", "worse", "verdict")) | {"study": ""}
    return {
        **position(scale(metric) * value for value in found.interval(criteria.error)),
        "seeds": found.seeds,
        "better": found.better_in,
        "worse": found.worse_in,
        "verdict": VERDICTS.index(found.judge(criteria)),
        "study": "",
    }


def _of_study(row: pd.Series, sign: int, metric: str) -> dict[str, Any]:
    ends, counts = row[["low", "high"]], row[["better_in", "worse_in"]]
    low, high = (ends * sign).iloc[::sign]
    better, worse = counts.astype(int).iloc[::sign].tolist()
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    verdict = Verdict(row["verdict"])
    return {
        **position(scale(metric) * value for value in (sign * row["difference"], low, high)),
        "seeds": int(row["seeds"]),
        "better": better,
        "worse": worse,
        "verdict": VERDICTS.index(verdict if sign > 0 else opposite.get(verdict, verdict)),
        "study": row["study"],
    }


def difference(one: Scores, other: Scores, metric: str) -> Difference | None:
    """Compare two variants over the seeds that both have; None without any, or on other test rows."""
    seeds = sorted(one.by_seed.keys() & other.by_seed.keys())
    if not seeds or one.test != other.test:
        return None
    ours, theirs = (np.stack([each.by_seed[seed] for seed in seeds]) for each in (one, other))
    ended = [np.isfinite(values).all(axis=1) for values in (ours, theirs)]
    both = ended[0] & ended[1]
    ahead = (ours - theirs)[both].mean(axis=1) * (-1 if metric in LESS_IS_BETTER else 1)
    alike = ended[0].all() and ended[1].all()
    moments = _of_alike(one, other, ours - theirs, metric) if alike else None
    if not alike and min(each.sum() for each in ended) >= MIN_ENDED:
        moments = moments_of_two(ours[ended[0]], theirs[ended[1]], one.overlap)
    return Difference(
        metric=metric,
        seeds=len(seeds),
        ended=int(both.sum()),
        splits=ours.shape[1],
        rows=1,
        overlap=one.overlap,
        ours=float(ours[ended[0]].mean()) if ended[0].any() else np.nan,
        of_baseline=float(theirs[ended[1]].mean()) if ended[1].any() else np.nan,
        moments=moments,
        better_in=int((ended[0] & ~ended[1]).sum() + (ahead > 0).sum()),
        worse_in=int((ended[1] & ~ended[0]).sum() + (ahead < 0).sum()),
        diverged=(int((~ended[0]).sum()), int((~ended[1]).sum())),
    )


def _of_alike(one: Scores, other: Scores, differences: np.ndarray, metric: str) -> Moments:
    """Moments of a difference, of which no training diverged. differences: float64 (seeds, splits)."""
    if differences.size == 1 and one.of_rows is not None and other.of_rows is not None:
        return moments_of((one.of_rows - other.of_rows)[np.newaxis], shares=metric in BOUNDED)
    return moments_of(differences, one.overlap)
