"""The tables of a sweep: every member, the best candidates, and what fewer candidates would have found.

A candidate is a recipe without seeds, and a member a candidate with one seed. The best candidate has the best mean over
seeds of the metric that ranks the data set, on validation rows: the test rows have no part in the choice. A candidate
with a training that diverged has no mean, and comes last.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import SUMMARY
from stages.artifacts.tables import BEST, BEST_OF_K, MEMBERS
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.studies import mean_score
from stages.comparison.trained import TrainedVariant, joined, read_trained
from stages.datasets.spec import spec_of
from stages.evaluation.metrics import ERROR, training_metrics, variant_metrics
from stages.training.recipe import Recipe

MIN_VALUES = 3
"""Of fewer numbers, the best is always at an edge."""
OF_MODEL = ("epochs", "parameters", "multiply_adds")


@dataclass(frozen=True)
class Member:
    """A trained member of a sweep."""

    candidate: int
    """Number of its candidate, from 0."""
    name: str
    """The name under which it was trained, as if it were a variant."""
    recipe: Recipe
    read_bytes: Callable[[Path], bytes]
    """Reads one of its files, by its path in a workspace."""

    def read(self) -> TrainedVariant:
        """Read its predictions and its history."""
        return read_trained(self.name, self.read_bytes)


def tabulate(sweep: Mapping[str, Any], members: Sequence[Member]) -> dict[str, pd.DataFrame]:
    """Make the tables of a sweep, by their names in `stages.artifacts.tables`.

    sweep: as `stages.configure` writes it; members: all of them, those of a candidate with rising seeds.

    members.csv: candidate (its number), the keys of the sweep, seed, diverged (share of the repetitions of the split
    that did), epochs, parameters, multiply_adds, <part>_<metric>.
    best.csv: the keys; candidates, from which it was chosen; seeds; validation_<metric> and its standard deviation over
    seeds; test_<metric> and its 95 % interval; diverged, epochs, parameters and multiply_adds as above; at_edge, the
    keys whose value is the least or the greatest of the grid.
    best_of_k.csv: see `best_of_k`; for each value of `best_for`.
    """
    metric = spec_of(members[0].recipe["dataset"]).ranked_by
    labels = pd.DataFrame([each["labels"] for each in sweep["candidates"]], columns=sweep["keys"])
    rows = pd.DataFrame([_row(each) for each in members])
    table = labels.loc[rows["candidate"]].reset_index(drop=True).join(rows)
    found = ranked(rows, metric).join(labels, on="candidate")
    by = sweep["best_for"]
    groups = {label: found[found[by] == label] for label in labels[by].unique()} if by else {None: found}
    best, curves = [], []
    for label, group in groups.items():
        first = group.iloc[0]
        own = [each for each in members if each.candidate == first["candidate"]]
        best.append(
            {name: first[name] for name in ("candidate", *sweep["keys"])}
            | {"candidates": len(group), "seeds": len(own)}
            | _scores(first, own, metric)
            | {name: first[name] for name in ("diverged", *OF_MODEL)}
            | {"at_edge": " ".join(at_edge(first, labels[sweep["grid"]]))}
        )
        curves.append(best_of_k(group, metric))
        if by:
            curves[-1].insert(0, by, label)
    return {
        MEMBERS: table[["candidate", *sweep["keys"], *rows.columns.drop("candidate")]],
        BEST: pd.DataFrame(best),
        BEST_OF_K: pd.concat(curves),
    }


def _row(member: Member) -> dict[str, Any]:
    trained, summary = member.read(), SUMMARY.read(member.name, member.read_bytes)
    by_training = training_metrics(member.recipe, trained.splits, trained.predictions, trained.history, summary)
    measured = variant_metrics(by_training, trained.splits, summary)
    model = {"diverged": 0.0, **measured["model"]}
    row = {"candidate": member.candidate, "seed": member.recipe["seed"]}
    row |= {name: model.get(name, np.nan) for name in ("diverged", *OF_MODEL)}
    for part in ("validation", "test"):
        values = measured.get(part, {}).items()
        row |= {f"{part}_{name}": value for name, value in values if not name.endswith("_std")}
    return row


def ranked(members: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Average the members of each candidate, and rank the candidates, the best first.

    members: candidate, seed, diverged, and numbers. Returns: means instead of the numbers, none of a metric where a
    training diverged, and validation_<metric>_std over seeds.
    """
    chosen_by = f"validation_{metric}"
    by_candidate = members.drop(columns="seed").groupby("candidate")
    means = by_candidate.mean()
    means[f"{chosen_by}_std"] = by_candidate[chosen_by].std(ddof=1)
    of_parts = [name for name in means if str(name).startswith(("validation_", "test_"))]
    means.loc[means["diverged"] > 0, of_parts] = np.nan
    return means.sort_values(chosen_by, ascending=metric in LESS_IS_BETTER, kind="stable").reset_index()


def _scores(candidate: pd.Series, members: Sequence[Member], metric: str) -> dict[str, float]:
    """Give the score on validation rows by which a candidate was chosen, and that on test rows with its interval."""
    names = [
        f"validation_{metric}",
        f"validation_{metric}_std",
        *(f"test_{metric}{end}" for end in ("", "_low", "_high")),
    ]
    scores = {name: candidate.get(name, np.nan) for name in names}
    if np.isfinite(scores[f"test_{metric}"]):
        found = mean_score(joined([each.read() for each in members]), metric, ERROR)
        scores |= {f"test_{metric}_low": found.low, f"test_{metric}_high": found.high}
    return scores


def at_edge(candidate: pd.Series, labels: pd.DataFrame) -> list[str]:
    """Name the keys whose value is the least or the greatest number of the grid: a better one may lie beyond it."""
    numbers = labels.select_dtypes("number", exclude="bool")
    return [
        str(key)
        for key, values in numbers.items()
        if values.nunique() >= MIN_VALUES and candidate[str(key)] in (values.min(), values.max())
    ]


def best_of_k(candidates: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Tabulate what the best of k candidates is expected to score, for every k: the mean over all orders of trying.

    candidates: as `ranked` gives them. Returns: k; diverged, the chance that all k diverged; the mean of the best one's
    validation_<metric>, and of its test_<metric>, where not all did. Exact, without replacement (Tang et al. 2020,
    "Showing Your Work Doesn't Always Work"; with it, Dodge et al. 2019, "Show Your Work").
    """
    names = [name for name in (f"validation_{metric}", f"test_{metric}") if name in candidates]
    ended = candidates[f"validation_{metric}"].notna().to_numpy()
    scores = candidates.loc[ended, names].to_numpy(np.float64)
    rows = []
    for k in range(1, len(candidates) + 1):
        chances = chances_of_best(len(candidates), k)[: ended.sum()]
        share = min(chances.sum(), 1.0)
        means = chances @ scores / share if share else np.full(len(names), np.nan)
        rows.append({"k": k, "diverged": round(1 - share, 9) + 0.0, **dict(zip(names, means, strict=True))})
    return pd.DataFrame(rows)


def chances_of_best(count: int, k: int) -> np.ndarray:
    """Give the chance of each candidate, the best first, to be the best of k drawn ones: float64 (count,).

    That of number r, from 0, is that of drawing it and k - 1 of the count - 1 - r behind it.
    """
    behind = np.arange(count - 1, 0, -1)
    return k / count * np.concatenate([[1.0], np.cumprod(np.maximum(behind - k + 1, 0) / behind)])
