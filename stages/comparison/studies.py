"""Studies: comparisons of a claim's members with their baselines, and the answers that follow from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np

from stages.comparison.criteria import Criteria
from stages.comparison.scores import BOUNDED, LESS_IS_BETTER, LOSSES, PARTS, ROW_SCORES
from stages.comparison.statistics import (
    MIN_ENDED,
    Estimate,
    Interval,
    Moments,
    Variances,
    cannot_be_known,
    moments_of,
    moments_of_two,
    seeds_to_decide,
    seeds_to_decide_with_divergence,
    share_interval,
    share_p_value,
    verdict,
    verdict_with_divergence,
)
from stages.comparison.trained import TrainedVariant, loss_function
from stages.comparison.verdicts import Answer, Verdict
from stages.documents import Member, Study
from stages.params.differences import recipe_differences
from stages.splits import overlap_of

BESIDE = 0
"""The part of a comparison that is shown beside the claim."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A variant beside its baseline, by one metric, over the seeds that both have."""

    metric: str
    seeds: int
    """Number of seeds that both were trained with."""
    ended: int
    """Number of seeds with which neither diverged, on any split."""
    splits: int
    rows: int
    """Test rows of a split, or 1 for a metric that has none."""
    overlap: float
    ours: float
    """Mean over the seeds with which the variant ended."""
    of_baseline: float
    moments: Moments | None
    """Of the difference; None if some diverged and one of both ended with fewer than MIN_ENDED seeds."""
    better_in: int
    """Number of seeds with which the variant was better: one that diverged is worse than one that did not."""
    worse_in: int
    diverged: tuple[int, int]
    """Number of seeds with which the variant diverged, and the baseline."""

    @property
    def estimate(self) -> Estimate | None:
        """The difference of the means, where its chance is known."""
        return self.moments and self.moments.estimate()

    def interval(self, error: float) -> Interval:
        """The difference and its interval, which misses with the chance of error; NaN where that is not known."""
        mean = self.ours - self.of_baseline
        if self.moments is None:
            return Interval(mean, nan, nan)
        _, low, high = self.moments.estimate().interval(error)
        return Interval(mean, max(low, -1.0), min(high, 1.0)) if self.metric in BOUNDED else Interval(mean, low, high)

    def judge(self, criteria: Criteria, comparisons: int = 1) -> Verdict:
        """Judge the difference. comparisons: number of those that share the chance of an error (Bonferroni)."""
        less_is_better, error = self.metric in LESS_IS_BETTER, criteria.error / comparisons
        worth = criteria.worth.get(self.metric, 0.0)
        if any(self.diverged):
            return verdict_with_divergence(self.estimate, self.diverged, self.seeds, less_is_better, worth, error)
        if self.moments is None:
            return Verdict.NOT_MEASURED
        found = verdict(self.moments.estimate(), less_is_better, worth, error)
        if found == Verdict.OPEN and self.seeds > 1 and cannot_be_known(self.moments, worth, error):
            return Verdict.UNKNOWABLE
        return found

    def p_value(self) -> float:
        """Chance of a difference of this size or more, in means or in divergence, where there is none.

        NaN if nothing shows the chance.
        """
        found = self.moments.estimate().p_value() if self.moments else nan
        if any(self.diverged):
            of_shares = share_p_value(self.diverged, self.seeds)
            return min(1.0, 2 * (of_shares if isnan(found) else min(found, of_shares)))
        return found

    def p_value_of_same(self, criteria: Criteria) -> float:
        """Chance of a difference as small as this or smaller where one is worth having; NaN as for `p_value`."""
        if any(self.diverged):
            return 1.0
        return self.moments.estimate().p_value_of_same(criteria.worth.get(self.metric, 0.0)) if self.moments else nan

    def seeds_to_decide(self, criteria: Criteria, comparisons: int = 1) -> float:
        """Estimate how many seeds would decide it; see `statistics`. NaN if one seed cannot tell.

        comparisons: see `judge`.
        """
        error, worth = criteria.error / comparisons, criteria.worth.get(self.metric, 0.0)
        if self.seeds < 2:
            return nan
        if any(self.diverged):
            found, less_is_better = self.moments, self.metric in LESS_IS_BETTER
            return seeds_to_decide_with_divergence(found, self.diverged, self.seeds, less_is_better, worth, error)
        return seeds_to_decide(self.moments, worth, error) if self.moments else nan


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A member of a study beside its baseline: one row of `comparisons.csv`."""

    study: str
    part: int
    """Number of the part of the claim, from 1, or BESIDE."""
    variant: str
    baseline: str
    metric: str
    clean: bool
    """Whether the pair differs in nothing but what the claim is about."""
    trainings: int = 0
    seeds: int = 0
    ended: int = 0
    splits: int = 0
    rows: int = 0
    overlap: float = nan
    ours: float = nan
    """Mean score of the variant."""
    of_baseline: float = nan
    difference: float = nan
    low: float = nan
    high: float = nan
    """The limits of the difference's interval."""
    better_in: int = 0
    worse_in: int = 0
    diverged: int = 0
    baseline_diverged: int = 0
    seed_variance: float = nan
    seed_degrees: float = nan
    row_variance: float = nan
    rest_variance: float = nan
    looks: int = 0
    """Number of looks that share the chance of an error; see `Criteria`."""
    worth: float = nan
    verdict: Verdict
    expected: Verdict | None
    shared_verdict: Verdict = Verdict.NOT_MEASURED
    """The verdict where the part's members share the chance of an error."""
    seeds_needed: float = nan
    """To decide it, if it is open; infinite if no number would."""
    shared_seeds_needed: float = nan
    """The same of the shared verdict."""
    differs_in: str
    """Keys of the recipes that differ, separated by `; `."""
    note: str
    """Why nothing was measured, and the study's note on the member."""


@dataclass(frozen=True, kw_only=True)
class AnsweredPart:
    """A part of a claim and its answer: one row of `parts.csv`."""

    study: str
    part: int
    claim: str
    answer: Answer
    seeds_needed: float = nan
    """To answer it, if it is open."""


def mean_score(trained: TrainedVariant, metric: str, error: float) -> Interval:
    """Mean score of a variant over the trainings that did not diverge, with its interval."""
    values = _scores_by_seed(trained, metric)
    if not len(values):
        return Interval(nan, nan, nan)
    found = moments_of(values, _overlap(trained))
    if metric in ROW_SCORES and metric in BOUNDED:
        return share_interval(found, len(np.unique(np.concatenate(_rows(trained, "test")))), error)
    mean, low, high = found.estimate().interval(error)
    return Interval(mean, max(low, 0.0), min(high, 1.0)) if metric in BOUNDED else Interval(mean, low, high)


def difference(member: TrainedVariant, baseline: TrainedVariant, metric: str) -> Difference:
    """Compare the member's scores with the baseline's over the seeds that both have.

    Raises: ValueError if the two were not measured alike: on the same rows, with seeds in common, and where the loss is
    the score, by the same loss.
    """
    _check_alike(member, baseline, metric)
    seeds = member.all_seeds & baseline.all_seeds
    if not seeds:
        got = f"{sorted(member.all_seeds)} and {sorted(baseline.all_seeds)}"
        raise ValueError(f"{member.name}: expected seeds in common with {baseline.name}, got {got}")
    member, baseline = member.with_seeds(seeds), baseline.with_seeds(seeds)
    ours, theirs = _scores_by_seed(member, metric), _scores_by_seed(baseline, metric)
    diverged = len(seeds) - len(ours), len(seeds) - len(theirs)
    both = len(member.diverged_seeds() & baseline.diverged_seeds())
    ahead = ours[_ended_in(member, baseline)].mean(axis=1) - theirs[_ended_in(baseline, member)].mean(axis=1)
    if metric in LESS_IS_BETTER:
        ahead = -ahead
    splits, overlap = len(member.splits), _overlap(member)
    shares = metric in ROW_SCORES and metric in BOUNDED and splits == 1
    moments = None
    if not any(diverged):
        moments = moments_of(ours - theirs, overlap, shares)
    elif min(len(ours), len(theirs)) >= MIN_ENDED:
        moments = moments_of_two(ours, theirs, overlap, shares)
    return Difference(
        metric=metric,
        seeds=len(seeds),
        ended=len(ahead),
        splits=splits,
        rows=len(member.splits[0].y["test"]) if metric in ROW_SCORES else 1,
        overlap=overlap,
        ours=float(ours.mean()) if len(ours) else nan,
        of_baseline=float(theirs.mean()) if len(theirs) else nan,
        moments=moments,
        better_in=diverged[1] - both + int((ahead > 0).sum()),
        worse_in=diverged[0] - both + int((ahead < 0).sum()),
        diverged=diverged,
    )


def _scores_by_seed(trained: TrainedVariant, metric: str) -> np.ndarray:
    """Scores with the seeds that did not diverge: float (seeds, rows), or (seeds, splits) if the split is repeated."""
    ended = trained.all_seeds - trained.diverged_seeds()
    if not ended:
        return np.empty((0, 1))
    scores = trained.with_seeds(ended).scores(metric)
    # Repeated splits have different test rows: one value for each.
    return scores.mean(axis=1).reshape(len(trained.splits), -1).T if len(trained.splits) > 1 else scores


def _ended_in(trained: TrainedVariant, other: TrainedVariant) -> list[bool]:
    """Whether the other ended too, for each seed with which the variant did."""
    seeds = dict.fromkeys(training[-1] for training in trained.trainings)
    return [seed not in other.diverged_seeds() for seed in seeds if seed not in trained.diverged_seeds()]


def _check_alike(member: TrainedVariant, baseline: TrainedVariant, metric: str) -> None:
    same = {"dataset": (baseline.recipe["dataset"], member.recipe["dataset"])}
    if metric in LOSSES:
        same["loss"] = (loss_function(baseline.recipe), loss_function(member.recipe))
    for key, (expected, got) in same.items():
        if got != expected:
            raise ValueError(f"{member.name}: expected the {key} of {baseline.name}, {expected!r}, got {got!r}")
    for part in PARTS.get(metric, ("test",)):
        rows, expected_rows = _rows(member, part), _rows(baseline, part)
        if len(rows) != len(expected_rows) or not all(map(np.array_equal, rows, expected_rows)):
            raise ValueError(f"{member.name}: expected the {part} rows of {baseline.name}, got others")


def _rows(trained: TrainedVariant, part: str) -> list[np.ndarray]:
    """Give the row numbers of the part in each split; without the part, none."""
    rows = [split.rows.get(part, np.array([], dtype=np.int32)) for split in trained.splits]
    # Test rows are paired one by one; of the others a training has the mean.
    return rows if part == "test" else [np.sort(each) for each in rows]


def _overlap(trained: TrainedVariant) -> float:
    return overlap_of(trained.splits, "test" if "test" in trained.splits[0].y else "validation")


def compare_members(
    name: str,
    study: Study,
    trained: Mapping[str, TrainedVariant],
    ranked_by: Callable[[str], str],
    criteria: Criteria,
) -> list[Comparison]:
    """Compare each member of a study with its baseline; those that were not measured alike are `not measured`.

    ranked_by: the metric of a data set where the study names none.
    """
    groups: list[tuple[int, Sequence[Member]]] = [
        *((number, part.members) for number, part in enumerate(study.parts, start=1)),
        (BESIDE, study.beside),
    ]
    return [
        _compared(name, study, number, member, len(members), trained, ranked_by, criteria)
        for number, members in groups
        for member in members
    ]


def _compared(
    name: str,
    study: Study,
    part: int,
    member: Member,
    members: int,
    trained: Mapping[str, TrainedVariant],
    ranked_by: Callable[[str], str],
    criteria: Criteria,
) -> Comparison:
    variant, baseline = trained[member.variant], trained[member.baseline or study.baseline]
    metric = member.metric or study.metric or ranked_by(variant.recipe["dataset"])
    expected = Verdict(member.expected) if member.expected else None
    notes = [member.note] if member.note else []
    measured: dict[str, Any] = {}
    found = Verdict.NOT_MEASURED
    try:
        compared = difference(variant, baseline, metric)
        found = compared.judge(criteria)
        measured = _columns(compared, criteria)
        shared = compared.judge(criteria, members)
        # What is the same alone, and not where the chance of an error is shared, is not different there: it is open.
        measured["shared_verdict"] = Verdict.OPEN if found == Verdict.SAME != shared else shared
        if found in (Verdict.OPEN, Verdict.UNKNOWABLE):
            measured["seeds_needed"] = compared.seeds_to_decide(criteria)
        if measured["shared_verdict"] == Verdict.OPEN:
            measured["shared_seeds_needed"] = compared.seeds_to_decide(criteria, members)
    except ValueError as error:
        notes.insert(0, str(error))
    return Comparison(
        study=name,
        part=part,
        variant=variant.name,
        baseline=baseline.name,
        metric=metric,
        clean=member.clean,
        verdict=found,
        expected=expected,
        differs_in="; ".join(recipe_differences(baseline.recipe, variant.recipe)),
        note="; ".join(notes),
        **measured,
    )


def _columns(compared: Difference, criteria: Criteria) -> dict[str, Any]:
    moments = compared.moments
    mean, low, high = compared.interval(criteria.error)
    seed, row, rest = moments.variances if moments else Variances()
    return {
        "trainings": compared.seeds * compared.splits,
        "seeds": compared.seeds,
        "ended": compared.ended,
        "splits": compared.splits,
        "rows": compared.rows,
        "overlap": compared.overlap,
        "ours": compared.ours,
        "of_baseline": compared.of_baseline,
        "difference": mean,
        "low": low,
        "high": high,
        "better_in": compared.better_in,
        "worse_in": compared.worse_in,
        "diverged": compared.diverged[0],
        "baseline_diverged": compared.diverged[1],
        "seed_variance": seed,
        "seed_degrees": moments.seed_degrees if moments else nan,
        "row_variance": row,
        "rest_variance": rest,
        "looks": max(len(criteria.looks), 1),
        "worth": criteria.worth.get(compared.metric, nan),
    }


def _opposes(found: Verdict, expected: Verdict | None) -> bool:
    opposites = {Verdict.BETTER: {Verdict.WORSE}, Verdict.WORSE: {Verdict.BETTER}}
    opposites[Verdict.SAME] = {Verdict.BETTER, Verdict.WORSE}
    return expected is not None and found in opposites[expected]


def answer_part(comparisons: Sequence[Comparison]) -> Answer:
    """Answer a part of a claim by its comparisons, all of which it expects to hold.

    What needs all of them has the whole chance of an error in each, since a false answer needs all of them to be false
    (Berger 1982, "Multiparameter Hypothesis Testing and Acceptance Sampling", Technometrics 24): it holds if every
    expected verdict occurred, does not if every opposite did, and makes no difference if every one is the same. What
    one of them is enough for, they share the chance of: the opposite of one, or one that holds beside one that does
    not.
    """
    verdicts = [each.verdict for each in comparisons]
    if Verdict.NOT_MEASURED in verdicts:
        return Answer.NOT_MEASURED
    if any(each.seeds == 1 for each in comparisons):
        return Answer.OPEN
    if all(each.verdict == each.expected for each in comparisons):
        return Answer.YES
    if all(each.verdict == Verdict.SAME for each in comparisons):
        return Answer.NO_DIFFERENCE
    shared = [(each.shared_verdict, each.expected) for each in comparisons]
    opposed = [_opposes(*each) for each in shared]
    same = [found == Verdict.SAME != expected for found, expected in shared]
    if any(found == expected for found, expected in shared) and (any(opposed) or any(same)):
        return Answer.IN_PART
    if any(opposed) or all(_opposes(each.verdict, each.expected) for each in comparisons):
        return Answer.NO
    return Answer.UNKNOWABLE if Verdict.UNKNOWABLE in verdicts and Verdict.OPEN not in verdicts else Answer.OPEN


def seeds_that_decide(part: Sequence[Comparison]) -> list[tuple[Comparison, float]]:
    """Give the comparisons that leave a part open, each with the number of seeds that would decide it.

    They are the open ones; if none is, those that are open where they share the chance of an error.
    """
    own = [(each, each.seeds_needed) for each in part if each.verdict == Verdict.OPEN]
    return own or [(each, each.shared_seeds_needed) for each in part if each.shared_verdict == Verdict.OPEN]


def answer_parts(name: str, study: Study, comparisons: Iterable[Comparison]) -> list[AnsweredPart]:
    """Answer each part of a study's claim."""
    found = []
    by_part: dict[int, list[Comparison]] = {}
    for each in comparisons:
        by_part.setdefault(each.part, []).append(each)
    for number, part in enumerate(study.parts, start=1):
        answer = answer_part(by_part[number])
        needed = [seeds for _, seeds in seeds_that_decide(by_part[number]) if not isnan(seeds)]
        found.append(
            AnsweredPart(
                study=name,
                part=number,
                claim=part.claim or study.claim,
                answer=answer,
                seeds_needed=max(needed, default=nan) if answer == Answer.OPEN else nan,
            )
        )
    return found


def answer_study(parts: Iterable[Answer]) -> Answer:
    """Answer a study by the answers to its parts. A study without parts claims nothing, and is open."""
    found = list(parts)
    for answer in (Answer.NOT_MEASURED, Answer.YES, Answer.NO_DIFFERENCE, Answer.UNKNOWABLE):
        if found and all(each == answer for each in found):
            return answer
    held = {Answer.YES, Answer.IN_PART} & {*found}
    if held and {Answer.IN_PART, Answer.NO, Answer.NO_DIFFERENCE, Answer.UNKNOWABLE} & {*found}:
        return Answer.IN_PART
    for answer in (Answer.OPEN, Answer.NOT_MEASURED, Answer.NO, Answer.UNKNOWABLE):
        if answer in found:
            return answer
    return Answer.OPEN
