"""The plot of effects: one row for each question, in blocks of one metric on one data set each.

The report page begins with it, and the READMEs with a picture of it (`stages.reporting.figures.all_effects`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, copysign, floor, isfinite, isnan, log10

from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.verdicts import Answer, Verdict
from stages.presentation.effects import IN_POINTS, MINUS, NO_QUALITY, Effect
from stages.presentation.words import LANGUAGES, Text, technique_text, text

DOES = {
    Verdict.BETTER: "helps",
    Verdict.WORSE: "hurts",
    Verdict.SAME: "no difference",
    Verdict.UNKNOWABLE: "cannot be known",
    Verdict.OPEN: "open",
    Verdict.NO_INTERVAL: "open",
    Verdict.NOT_MEASURED: "not measured",
}
"""Keys of `does` in the words by verdict."""
AMOUNTS = {"helps": "more", "hurts": "less"}
"""The same where more is not better."""
COSTS = {Answer.YES: "slower", Answer.IN_PART: "slower in part", Answer.NO: "no difference", Answer.OPEN: "open"}
"""The same for the question of the benchmarks, by its answer."""
WITHIN = 0.85
"""Share of a block's intervals that its scale holds at least; those beyond end in an arrow."""
STEPS = (1, 2, 5, 10)
"""Digits of the end of a scale."""


@dataclass(frozen=True)
class Place:
    """Where an effect lies on its scale, in percent of its width."""

    at: float
    begin: float
    """Where its interval begins; `at` without one."""
    width: float
    beyond: str = ""
    """Side on which the effect lies beyond the scale, "left" or "right"."""
    cut: str = ""
    """Sides on which its interval leaves the scale."""
    broken: bool = False
    """Whether it has no number because one of the two diverged with every seed."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A question in the plot."""

    study: str
    title: Text
    compared: Text
    """Empty if nothing was."""
    note: Text | None
    """That a training diverged."""
    does: str
    """Key of `does` in the words."""
    claim: Text
    """Whether the claim holds."""
    size: Text
    interval: Text | None
    effect: float
    """In points or in the metric's unit, positive where it is better; NaN without a number."""
    place: Place | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """The rows of one metric on one data set, the best effect first."""

    metric: str
    dataset: str
    """Empty without a comparison."""
    title: Text
    ends: tuple[Text, Text] | None
    """Numbers at the ends of the scale; None without one."""
    sides: tuple[Text, Text]
    """What lies to the left and to the right of 0."""
    band: float
    """Half the width of what is not worth having, in percent."""
    rows: Sequence[Row]


def blocks(effects: Sequence[Effect]) -> list[Block]:
    """Make the plot: accuracy first, then what most questions are about; each question is in one block."""
    groups = Counter((effect.metric, effect.dataset) for effect in effects)
    order = sorted(groups, key=lambda group: (not group[0], group[0] != "accuracy", -groups[group], group))
    return [_block(*group, [each for each in effects if (each.metric, each.dataset) == group]) for group in order]


def tally(plot: Sequence[Block]) -> Sequence[tuple[str, int]]:
    """Count the rows by what the technique does; what is neither better nor worse is "other"."""
    order = dict.fromkeys([*DOES.values(), "other"])
    found = Counter(row.does if row.does in order else "other" for block in plot for row in block.rows)
    return [(does, found[does]) for does in order if found[does]]


def what_it_does(effect: Effect) -> str:
    """Tell what a technique does, as a key of `does` in the words. One seed cannot tell."""
    if effect.verdict is None:
        return COSTS.get(effect.answer, "not measured")
    if effect.seeds == 1 and effect.verdict != Verdict.NOT_MEASURED:
        return "open"
    does = DOES[effect.verdict]
    return AMOUNTS.get(does, does) if effect.metric in NO_QUALITY else does


def claim_word(effect: Effect) -> Text:
    """Tell whether the claim holds, and how many of its parts."""
    answers = [part.answer for part in effect.parts]
    key = "of_parts" if effect.answer == Answer.IN_PART and answers else effect.answer
    return text("claims", key, yes=answers.count(Answer.YES), parts=len(answers))


def _block(metric: str, dataset: str, effects: Sequence[Effect]) -> Block:
    end = _end([reach for effect in effects if not isnan(reach := _reach(effect))])
    rows = [replace(_row(effect), place=_place(effect, end)) for effect in effects]
    rows.sort(key=lambda row: (isnan(row.effect), -row.effect if not isnan(row.effect) else 0))
    sides = ("less_here", "more_here") if metric in NO_QUALITY else ("worse_here", "better_here")
    worth = max((effect.worth for effect in effects if effect.worth > 0), default=0.0)
    name = text("page", "of_test") if metric == "accuracy" else text("metrics", metric)
    unit = text("page", "block_points" if metric in IN_POINTS else "block_unit")
    return Block(
        metric=metric,
        dataset=dataset,
        title=text("page", "block", metric=name, unit=unit) if metric else text("page", "block_others"),
        ends=_ends(metric, end) if end else None,
        sides=(text("page", sides[0]), text("page", sides[1])),
        band=round(min(50 * worth / end, 50), 2) if end else 0,
        rows=rows,
    )


def divergence(effect: Effect) -> Text | None:
    """Tell that a training diverged, which may decide more than the difference of those that ended."""
    if not effect.diverged:
        return None
    key = "breaks_down" if effect.diverged > 0 else "baseline_breaks_down"
    return text("page", key, share=100 * abs(effect.diverged))


def _row(effect: Effect) -> Row:
    return Row(
        study=effect.study,
        title=technique_text(effect.study, effect.question),
        compared=effect.compared,
        note=divergence(effect),
        does=what_it_does(effect),
        claim=claim_word(effect),
        size=effect.size,
        interval=effect.interval,
        effect=effect.value * effect.worth,
    )


def _reach(effect: Effect) -> float:
    """How far an effect is from 0, with its interval."""
    ends = [abs(each) for each in (effect.value, effect.low, effect.high) if isfinite(each)]
    return effect.worth * max(ends, default=float("nan"))


def _end(reaches: Sequence[float]) -> float:
    """End of a scale, a round number that most reach no farther than; 0 without any."""
    if not reaches or not max(reaches):
        return 0.0
    most = sorted(reaches)[ceil(WITHIN * len(reaches)) - 1] or max(reaches)
    power = 10.0 ** floor(log10(most))
    return next(step * power for step in STEPS if step * power >= most * (1 - 1e-9))


def _ends(metric: str, end: float) -> tuple[Text, Text]:
    """Numbers at the ends of a scale: of what is better lower, the lower is to the right."""
    number = f"{end:g}"
    if metric in LESS_IS_BETTER:
        return text("effects", "higher", size=number), text("effects", "lower", size=number)
    return dict.fromkeys(LANGUAGES, MINUS + number), dict.fromkeys(LANGUAGES, "+" + number)


def _place(effect: Effect, end: float) -> Place | None:
    if isnan(effect.value):
        side = copysign(50, -effect.diverged)
        return Place(50 + side, 50 + side, 0, broken=True) if effect.diverged else None
    if not end:
        return None
    at, low, high = (50 + 50 * effect.worth * each / end for each in (effect.value, effect.low, effect.high))
    beyond = "left" if at < 0 else "right" if at > 100 else ""
    inside = min(max(at, 0), 100)
    limited = isfinite(low) and isfinite(high) and not beyond
    begin, until = (max(low, 0), min(high, 100)) if limited else (inside, inside)
    cut = " ".join(side for side, out in (("cut-left", low < 0), ("cut-right", high > 100)) if out and limited)
    return Place(round(inside, 2), round(begin, 2), round(until - begin, 2), beyond, cut)
