"""What changed between two runs, and for which variants by more than noise."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite, isnan, nan
from typing import Any

from stages.comparison.criteria import Criteria
from stages.comparison.kept_run import KeptRun
from stages.comparison.scores import RANKING
from stages.comparison.studies import Difference, difference
from stages.comparison.trained import TrainedVariant
from stages.comparison.verdicts import Verdict
from stages.datasets.spec import spec_of
from stages.params.differences import NOT_COMPARED, recipe_differences
from stages.training.recipe import Recipe

DIGITS = 6
"""Significant digits of the numbers in the file."""

Pair = tuple[TrainedVariant, TrainedVariant]
"""A variant before and after a change."""
Keys = Mapping[str, tuple[Any, Any]]
"""Values before and after by their place in the recipe; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A variant whose recipe changed, and what it scored before and after."""

    variant: str
    keys: Keys
    metric: str
    """The one that ranks the data set."""
    before: float = nan
    after: float = nan
    difference: float = nan
    low: float = nan
    high: float = nan
    """The limits of the difference's interval."""
    verdict: Verdict = Verdict.NOT_MEASURED
    seeds: int = 0
    """Number of seeds that both were trained with."""
    diverged: tuple[int, int] = (0, 0)
    """Number of these with which it diverged, after the change and before."""
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Learning curves before the change: columns of a history, one number for each epoch."""
    note: str = ""
    """Why it could not be compared."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed since another run; nothing if both are the same."""

    variants: Sequence[Change] = ()
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    seeds: Keys = field(default_factory=dict)
    """The first seed and the number of seeds, if they changed."""
    other_result: Sequence[str] = ()
    """Variants that gave something else with the same recipe and seeds."""

    def __bool__(self) -> bool:
        return any((self.variants, self.added, self.removed, self.seeds, self.other_result))

    def to_json(self) -> str:
        """Write them down; numbers that are not finite are null."""
        return json.dumps(_rounded(asdict(self)), indent=1) + "\n"

    @classmethod
    def from_json(cls, content: str) -> "Changes":
        """Read what `to_json` wrote."""
        found = json.loads(content)
        numbers = ("before", "after", "difference", "low", "high")
        variants = []
        for each in found.pop("variants"):
            each |= {key: nan if each[key] is None else each[key] for key in numbers}
            each |= {"verdict": Verdict(each["verdict"]), "diverged": tuple(each["diverged"])}
            variants.append(Change(**each | {"keys": _pairs(each["keys"])}))
        return cls(variants=variants, seeds=_pairs(found.pop("seeds")), **found)


def _pairs(keys: Mapping[str, Sequence[Any]]) -> Keys:
    return {place: (before, after) for place, (before, after) in keys.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if isfinite(value) else None
    return value


def changed_keys(before: Recipe, after: Recipe) -> dict[str, tuple[Any, Any]]:
    """Give the values that differ between two recipes, those of the seeds too; see `recipe_differences`."""
    return recipe_differences(before, after) | _changed_seeds(before, after)


def _changed_seeds(before: Recipe, after: Recipe) -> dict[str, tuple[Any, Any]]:
    seeds = {key: (before.get(key), after.get(key)) for key in NOT_COMPARED}
    return {key: pair for key, pair in seeds.items() if pair[0] != pair[1]}


def find_changes(before: KeptRun, trained: Mapping[str, TrainedVariant], criteria: Criteria) -> Changes:
    """Find the variants whose recipes differ from those of a kept run, and judge what that changed.

    `other_result` stays empty. Without a kept run nothing changed.
    """
    if not before.recipes:
        return Changes()
    both = {name: each for name, each in trained.items() if name in before.recipes}
    changed = {
        name: keys for name, each in both.items() if (keys := recipe_differences(before.recipes[name], each.recipe))
    }
    pairs, notes = [], {}
    for name in changed:
        try:
            pairs.append((before.trained(name), trained[name]))
        except (FileNotFoundError, ValueError) as error:  # its data set is gone, or has other rows
            notes[name] = str(error)
    judged, failed = judge(pairs, criteria)
    found = [
        Change(
            variant=name,
            keys=keys,
            metric=spec_of(trained[name].recipe["dataset"]).ranked_by,
            curves=before.curves_of(name),
            note=(notes | failed).get(name, ""),
        )
        for name, keys in changed.items()
    ]
    seeds_of_each = [_changed_seeds(before.recipes[name], each.recipe) for name, each in both.items()]
    return Changes(
        variants=[
            _with_result(each, *judged[each.variant], criteria) if each.variant in judged else each for each in found
        ],
        added=sorted(trained.keys() - before.recipes.keys()),
        removed=sorted(before.recipes.keys() - trained.keys()),
        seeds={key: pair for seeds in seeds_of_each for key, pair in seeds.items()},
    )


def _with_result(change: Change, found: Difference, verdict: Verdict, criteria: Criteria) -> Change:
    mean, low, high = found.interval(criteria.error)
    return replace(
        change,
        before=found.of_baseline,
        after=found.ours,
        difference=mean,
        low=low,
        high=high,
        verdict=verdict,
        seeds=found.seeds,
        diverged=found.diverged,
    )


def judge(
    pairs: Iterable[Pair], criteria: Criteria, metric: str | None = None
) -> tuple[dict[str, tuple[Difference, Verdict]], dict[str, str]]:
    """Judge what changed in each variant; the verdicts share the chance of an error (see `verdicts`).

    metric: by default that which ranks the data set.
    Returns: the differences with their verdicts by variant, and why the others could not be compared.
    """
    compared, failed = dict[str, Difference](), {}
    for before, after in pairs:
        try:
            compared[after.name] = compare(before, after, metric or spec_of(after.recipe["dataset"]).ranked_by)
        except ValueError as error:
            failed[after.name] = str(error)
    judged = verdicts([*compared.values()], criteria)
    return dict(zip(compared, zip(compared.values(), judged, strict=True), strict=True)), failed


def compare(before: TrainedVariant, after: TrainedVariant, metric: str) -> Difference:
    """Compare a variant after a change with itself before. Raises: ValueError if they were not measured alike."""
    if metric in RANKING and "test" not in after.predictions:
        raise ValueError("it has no test rows")
    before, after = pair_seeds(before, after)
    return difference(after, before, metric)


def pair_seeds(one: TrainedVariant, other: TrainedVariant) -> Pair:
    """Keep the common seeds; if there are none but equally many, pair them in order.

    Raises: ValueError if there are neither.
    """
    seeds = [sorted(set(each.history["seed"])) for each in (one, other)]
    common = sorted(set(seeds[0]) & set(seeds[1]))
    if not common and len(seeds[0]) == len(seeds[1]):
        renamed = other.history.assign(seed=other.history["seed"].map(dict(zip(seeds[1], seeds[0], strict=True))))
        return one, replace(other, history=renamed)
    if not common:
        raise ValueError(f"expected seeds in common, got {seeds[0]} and {seeds[1]}")
    return one.with_seeds(common), other.with_seeds(common)


def verdicts(differences: Sequence[Difference], criteria: Criteria) -> list[Verdict]:
    """Judge differences that share the chance of an error.

    The chance that any of them is wrongly called better or worse is at most `criteria.error`, and so is that of one
    that is wrongly called the same.
    """
    differ = holm([each.p_value() for each in differences], criteria.error)
    same = holm([each.p_value_of_same(criteria) for each in differences], criteria.error)
    of_any_size = replace(criteria, worth={})
    found = []
    for number, each in enumerate(differences):
        alone = each.judge(criteria)
        if same[number]:
            found.append(Verdict.SAME)
        elif differ[number]:
            found.append(each.judge(of_any_size))
        else:
            found.append(Verdict.OPEN if alone in (Verdict.BETTER, Verdict.WORSE, Verdict.SAME) else alone)
    return found


def holm(p_values: Sequence[float], error: float) -> list[bool]:
    """Tell which hypotheses are rejected (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure",
    Scandinavian Journal of Statistics 6): the clearest has the least share of the error, and the first that is not
    rejected ends it. One without a p-value is none.
    """
    order = sorted((p, number) for number, p in enumerate(p_values) if not isnan(p))
    rejected = set()
    for rank, (p, number) in enumerate(order):
        if p > error / (len(order) - rank):
            break
        rejected.add(number)
    return [number in rejected for number in range(len(p_values))]
