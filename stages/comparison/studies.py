"""Studies: comparisons of a claim's members with their baselines, and the answer that follows from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

from stages.comparison.scores import HISTORY_PARTS, HISTORY_SCORES, LESS_IS_BETTER
from stages.comparison.statistics import Interval, interval, interval_of_rows, verdict
from stages.comparison.trained import TrainedVariant, loss_function
from stages.comparison.verdicts import OPPOSITE, Answer, Verdict
from stages.documents import Member, Study
from stages.params.differences import recipe_differences
from stages.splits import overlap_of


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A member of a study beside its baseline: one row of `comparisons.csv`."""

    study: str
    variant: str
    baseline: str
    metric: str
    trainings: int
    seeds: int
    ours: float = nan
    """Mean score of the variant."""
    of_baseline: float = nan
    difference: float = nan
    low: float = nan
    high: float = nan
    """The limits of the difference's interval."""
    verdict: Verdict
    expected: Verdict | None
    differs_in: str
    """Keys of the recipes that differ, separated by `; `."""
    note: str
    """Why nothing was measured, and the study's note on the member."""


def mean_score(trained: TrainedVariant, metric: str) -> Interval:
    """Mean score of a variant with its 95 % interval."""
    return _mean(trained.scores(metric), trained, comparisons=1)


def mean_difference(member: TrainedVariant, baseline: TrainedVariant, metric: str, comparisons: int = 1) -> Interval:
    """Mean of the member's score less the baseline's, with the interval that fits; see `statistics`.

    comparisons: the number of intervals that have to hold together.
    Raises: ValueError if the two were not measured alike: on the same rows (test rows, or for HISTORY_SCORES the rows
    of HISTORY_PARTS), with the same seeds, and where the loss is the score, by the same loss.
    """
    same = {"dataset": (baseline.recipe["dataset"], member.recipe["dataset"])}
    if metric in HISTORY_SCORES and metric != "training_accuracy":
        same["loss"] = (loss_function(baseline.recipe), loss_function(member.recipe))
    for key, (expected, got) in same.items():
        if got != expected:
            raise ValueError(f"{member.name}: expected the {key} of {baseline.name}, {expected!r}, got {got!r}")
    for part in HISTORY_PARTS.get(metric, ("test",)):
        rows, expected_rows = _rows(member, part), _rows(baseline, part)
        if len(rows) != len(expected_rows) or not all(map(np.array_equal, rows, expected_rows)):
            raise ValueError(f"{member.name}: expected the {part} rows of {baseline.name}, got others")
    if member.trainings != baseline.trainings:
        raise ValueError(
            f"{member.name}: expected the seeds of {baseline.name}, {baseline.trainings}, got {member.trainings}"
        )
    return _mean(member.scores(metric) - baseline.scores(metric), member, comparisons)


def _rows(trained: TrainedVariant, part: str) -> list[np.ndarray]:
    """Give the row numbers of the part in each split; without the part, none."""
    rows = [split.rows.get(part, np.array([], dtype=np.int32)) for split in trained.splits]
    # Test rows are paired one by one; of the others a history has the mean.
    return rows if part == "test" else [np.sort(each) for each in rows]


def _mean(scores: np.ndarray, trained: TrainedVariant, comparisons: int) -> Interval:
    splits = trained.splits
    if len(splits) > 1:
        # Repeated splits have different test rows: one value for each split, the mean of its seeds.
        by_split = scores.mean(axis=1).reshape(len(splits), -1).mean(axis=1)
        return interval(by_split, comparisons, overlap_of(splits, "test" if "test" in splits[0].y else "validation"))
    return interval_of_rows(scores, comparisons) if scores.shape[1] > 1 else interval(scores[:, 0], comparisons)


def compare_members(
    name: str, study: Study, trained: Mapping[str, TrainedVariant], ranked_by: Callable[[str], str]
) -> list[Comparison]:
    """Compare each member of a study with its baseline; those that were not measured alike are `not measured`.

    The intervals of the members with an expected verdict hold simultaneously at 95 %; so do those of the others.
    ranked_by: the metric of a data set where the study names none.
    """
    return [_compared(name, study, member, trained, ranked_by) for member in study.members]


def _compared(
    name: str,
    study: Study,
    member: Member,
    trained: Mapping[str, TrainedVariant],
    ranked_by: Callable[[str], str],
) -> Comparison:
    variant, baseline = trained[member.variant], trained[member.baseline or study.baseline]
    metric = member.metric or study.metric or ranked_by(variant.recipe["dataset"])
    comparisons = sum((each.expected is None) == (member.expected is None) for each in study.members)
    measured, notes = {}, [member.note] if member.note else []
    found = Verdict.NOT_MEASURED
    try:
        difference = mean_difference(variant, baseline, metric, comparisons)
        measured = {"ours": variant.scores(metric).mean(), "of_baseline": baseline.scores(metric).mean()}
        measured |= {"difference": difference.mean, "low": difference.low, "high": difference.high}
        found = verdict(difference, metric in LESS_IS_BETTER)
    except ValueError as error:
        notes.insert(0, str(error))
    return Comparison(
        study=name,
        variant=variant.name,
        baseline=baseline.name,
        metric=metric,
        trainings=len(variant.trainings),
        seeds=variant.seeds,
        verdict=found,
        expected=Verdict(member.expected) if member.expected else None,
        differs_in="; ".join(recipe_differences(baseline.recipe, variant.recipe)),
        note="; ".join(notes),
        **measured,
    )


def answer_study(comparisons: Iterable[Comparison]) -> Answer:
    """Answer a study by its comparisons.

    The claim is confirmed if every expected verdict occurred, refuted if the opposite of one did. A study that expects
    none claims nothing and is not decided.
    """
    expected = [each for each in comparisons if each.expected]
    if not expected:
        return Answer.NOT_DECIDED
    if any(each.seeds == 1 for each in expected):
        return Answer.NEEDS_SEVERAL_SEEDS
    if any(each.verdict == OPPOSITE[each.expected] for each in expected if each.expected):
        return Answer.REFUTED
    if all(each.verdict == each.expected for each in expected):
        return Answer.CONFIRMED
    return Answer.NOT_DECIDED
