"""Studies: what a claim's members score beside their baseline, and what that makes of the claim."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import HISTORY, NORMALIZED, PREDICTIONS, RECIPE
from stages.comparison.scores import HISTORY_SCORES, LESS_IS_BETTER, ROW_SCORES, TRAINING_SCORES, metrics_for
from stages.comparison.statistics import Interval, interval, interval_of_rows, verdict
from stages.datasets import Split, load_splits, module_of, overlap_of, split_of_each
from stages.params.overrides import Recipe
from stages.params.schema import Study

OPPOSITE = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class Result:
    """What a variant left, as far as comparisons need it."""

    name: str
    recipe: Recipe
    splits: list[Split]
    """The split and its repetitions."""
    predictions: Mapping[str, np.ndarray]
    """float32 (trainings, rows, outputs) by part; the seeds of a split follow each other."""
    history: pd.DataFrame

    @cached_property
    def trainings(self) -> list[tuple[Any, ...]]:
        """What tells a training from the others of the variant: its split, if there are several, and its seed."""
        return list(self.history[_columns(self.history)].drop_duplicates().itertuples(index=False, name=None))

    @property
    def seeds(self) -> int:
        """How many seeds it was trained with, on each split."""
        return self.history["seed"].nunique()

    def of_seeds(self, seeds: Sequence[int]) -> "Result":
        """Leave out the trainings of other seeds."""
        kept = [number for number, training in enumerate(self.trainings) if training[-1] in seeds]
        predictions = {part: values[kept] for part, values in self.predictions.items()}
        return replace(self, predictions=predictions, history=self.history[self.history["seed"].isin(seeds)])

    def scores(self, metric: str) -> np.ndarray:
        """Score each training: float64 (trainings, test rows), or (trainings, 1) for a metric that has no rows.

        Raises: ValueError for a metric that does not fit the data set, or was not measured.
        """
        known = metrics_for(len(module_of(self.recipe["dataset"]).CLASSES))
        if metric not in known:
            raise ValueError(f"{self.name}: expected a metric among {', '.join(known)}, got {metric!r}")
        if metric in HISTORY_SCORES:
            try:
                epochs = self.history.groupby(_columns(self.history), sort=False)
                return np.array([[HISTORY_SCORES[metric](rows)] for _, rows in epochs], dtype=np.float64)
            except KeyError as error:
                got = ", ".join(map(str, self.history))
                raise ValueError(f"{self.name}: expected a history with {error}, got {got}") from None
        if "test" not in self.predictions:
            raise ValueError(f"{self.name}: expected predictions of test rows for {metric}, got a split without")
        targets = [split.y["test"] for split in split_of_each(self.splits, len(self.trainings))]
        pairs = list(zip(targets, self.predictions["test"], strict=True))
        if metric in ROW_SCORES:
            return np.stack([ROW_SCORES[metric](y, predicted) for y, predicted in pairs])
        return np.array([[TRAINING_SCORES[metric](y, predicted)] for y, predicted in pairs])


def result_of(
    variant: str, read_bytes: Callable[[Path], bytes] = Path.read_bytes, normalized: Path = NORMALIZED
) -> Result:
    """Open what a variant left, with the targets of its split; see `Artifact.read`. normalized: the folder of those."""
    recipe = RECIPE.read(variant, read_bytes)
    splits = load_splits(recipe["dataset"], recipe["split"], normalized, inputs=False)
    return Result(variant, recipe, splits, PREDICTIONS.read(variant, read_bytes), HISTORY.read(variant, read_bytes))


def loss_function(recipe: Mapping[str, Any]) -> str:
    """Name what a variant loses, the same where the figures mean the same; empty for an estimator."""
    return str(recipe.get("loss", "")).removeprefix("sparse_")


def _columns(history: pd.DataFrame) -> list[str]:
    return [column for column in ("split", "seed") if column in history]


def own_figure(result: Result, metric: str) -> Interval:
    """The variant's own figure with its 95 % interval."""
    return _interval(result.scores(metric), result, comparisons=1)


def difference(member: Result, baseline: Result, metric: str, comparisons: int = 1) -> Interval:
    """How much more the member scores than the baseline, with the interval that fits; see `statistics`.

    Raises: ValueError if the two were not measured alike: on the same rows, with the same seeds, by the same loss.
    """
    for key in ("dataset", *(["loss"] if metric in HISTORY_SCORES and metric != "training_accuracy" else [])):
        if member.recipe.get(key) != baseline.recipe.get(key):
            expected, got = baseline.recipe.get(key), member.recipe.get(key)
            raise ValueError(f"{member.name}: expected the {key} of {baseline.name}, {expected!r}, got {got!r}")
    if metric not in HISTORY_SCORES and not _same_rows(member, baseline):
        raise ValueError(f"{member.name}: expected the test rows of {baseline.name}, got others")
    if member.trainings != baseline.trainings:
        raise ValueError(
            f"{member.name}: expected the seeds of {baseline.name}, {baseline.trainings}, got {member.trainings}"
        )
    return _interval(member.scores(metric) - baseline.scores(metric), member, comparisons)


def _same_rows(member: Result, baseline: Result) -> bool:
    pairs = zip(member.splits, baseline.splits, strict=False)
    return len(member.splits) == len(baseline.splits) and all(
        "test" in one.rows and "test" in other.rows and np.array_equal(one.rows["test"], other.rows["test"])
        for one, other in pairs
    )


def _interval(scores: np.ndarray, result: Result, comparisons: int) -> Interval:
    splits = result.splits
    if len(splits) > 1:
        # Rows of repeated splits are not those of each other: one value for each split, the mean of its seeds.
        of_split = scores.mean(axis=1).reshape(len(splits), -1).mean(axis=1)
        return interval(of_split, comparisons, overlap_of(splits, "test" if "test" in splits[0].y else "validation"))
    return interval_of_rows(scores, comparisons) if scores.shape[1] > 1 else interval(scores[:, 0], comparisons)


def compare_members(
    name: str, study: Study, results: Mapping[str, Result], ranked_by: Callable[[str], str]
) -> list[dict[str, Any]]:
    """One row per member of a study; what was not measured alike is `not measured`.

    Their columns are those of `stages.artifacts.tables`.
    The intervals of the members of which the claim expects something hold together in 95 % of studies; so do those of
    the others. ranked_by: the metric of a data set where the study names none.
    """
    rows = []
    for member in study.members:
        baseline = results[member.baseline or study.baseline]
        result = results[member.variant]
        metric = member.metric or study.metric or ranked_by(result.recipe["dataset"])
        comparisons = sum((each.expected is None) == (member.expected is None) for each in study.members)
        row: dict[str, Any] = {"study": name, "variant": member.variant, "baseline": baseline.name, "metric": metric}
        row |= {"trainings": len(result.trainings), "seeds": result.seeds, "expected": member.expected}
        try:
            found = difference(result, baseline, metric, comparisons)
            row |= {"ours": result.scores(metric).mean(), "of_baseline": baseline.scores(metric).mean()}
            row |= {"difference": found.mean, "low": found.low, "high": found.high}
            row["verdict"] = verdict(found, metric in LESS_IS_BETTER)
        except ValueError as error:
            row |= {"verdict": "not measured", "remark": str(error)}
        rows.append(row)
    return rows


def answer(rows: Iterable[Mapping[str, Any]]) -> str:
    """What the verdicts make of the claim: `confirmed`, `refuted`, `not decided` or `needs several seeds`.

    Confirmed if every expected verdict came, refuted if the opposite of one did; a study that expects none claims
    nothing, which is never decided. With one seed, verdicts are about the
    nets that start from it: another may turn them round.
    """
    expected = [row for row in rows if row["expected"]]
    if not expected:
        return "not decided"
    if any(row["seeds"] == 1 for row in expected):
        return "needs several seeds"
    if any(row["verdict"] == OPPOSITE[row["expected"]] for row in expected):
        return "refuted"
    return "confirmed" if all(row["verdict"] == row["expected"] for row in expected) else "not decided"
