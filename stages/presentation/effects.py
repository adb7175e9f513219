"""The answer to each question in one line: how much, how sure, and what to know of it.

For the READMEs, the page and the picture of all effects. The number is that of the study's first comparison. Nothing in
it needs a variant's code name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf, isfinite, isnan, log10, nan
from pathlib import Path
from typing import Any

import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS, PARTS
from stages.comparison.scores import BOUNDED, LESS_IS_BETTER, SPREAD_SCORES
from stages.comparison.statistics import MAX_SEEDS
from stages.comparison.verdicts import Answer, Verdict
from stages.params.catalogue import VariantEntry
from stages.presentation import determinism
from stages.presentation.determinism import Cost
from stages.presentation.words import LANGUAGES, Text, joined, part_text, study_text, text, title_text

IN_POINTS = {*BOUNDED, *SPREAD_SCORES}
"""Metrics that are shares, whose differences are in percentage points."""
NO_QUALITY = {"near_zero_weights"}
"""Metrics of which more is more, and not better."""
MINUS = "−"


@dataclass(frozen=True)
class PartAnswer:
    """A part of a claim, and its answer."""

    claim: Text
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A question with its answer, and its first comparison."""

    study: str
    """Name of the study, or `determinism.NAME`."""
    question: Text
    answer: Answer
    short_answer: Text
    """The answer, and how many parts hold: "In part (2 of 3)"."""
    parts: tuple[PartAnswer, ...] = ()
    """Parts of the claim, if there are several."""
    compared: Text
    """What is compared, by titles: "SELU against ELU"; empty if nothing was."""
    dataset: str = ""
    """Name of the data set; empty without a comparison, and for a variant that is gone."""
    metric: str = ""
    """By which it is compared; empty for the question of the benchmarks."""
    amount: Text
    """The difference with its metric, unless that is the accuracy, and its interval: "+0.6 points (0.2 to 1.0)"."""
    size: Text
    """The difference alone: "+0.6 points", "0.024 lower"."""
    sureness: Text
    """How sure it is: "better in 5 of 5 seeds"."""
    interval: Text | None = None
    """The interval of `amount` alone; None without one."""
    by: tuple[Text, Text] | None = None
    """The difference and its interval without signs, "0.6 points" and "0.2 to 1.0"; None if that includes 0."""
    seeds: int = 0
    """Of the comparison."""
    caveat: Text | None = None
    """What to know of the answer."""
    verdict: Verdict | None = None
    """Of the comparison; None for the question of the benchmarks."""
    value: float = nan
    """The difference in units of what is worth having, positive where the variant is better; NaN without a number."""
    low: float = nan
    high: float = nan
    """The limits of its interval in the same units; infinite where there is none."""
    worth: float = nan
    """What is worth having, in percentage points for shares, else in the metric's unit."""
    diverged: float = 0.0
    """Share of the seeds with which the variant diverged, less that of the baseline."""


def effects(
    tables: Mapping[Path, pd.DataFrame], variants: Mapping[str, VariantEntry], costs: Sequence[Cost] = ()
) -> list[Effect]:
    """List the questions by answer, in the order of `Answer`, and the largest effects first.

    tables: `ANSWERS`, `PARTS` and `COMPARISONS` of the run whose answers count; variants: those of the catalogue;
    costs: see `stages.presentation.determinism`.
    """
    found = [_effect(row, tables, variants) for row in tables[ANSWERS].to_dict("records")]
    if costs:
        found.append(effect_of_determinism(costs))
    order = list(Answer)
    return sorted(found, key=lambda effect: (order.index(effect.answer), -_greatness(effect.value)))


def unanswered(study: str, question: Text) -> Effect:
    """Make the line of a question that has no answer yet."""
    nothing = text("effects", "no_number")
    return Effect(
        study=study,
        question=question,
        answer=Answer.NOT_MEASURED,
        short_answer=text("answers", Answer.NOT_MEASURED),
        compared=dict.fromkeys(LANGUAGES, ""),
        amount=nothing,
        size=nothing,
        sureness=nothing,
    )


def _greatness(value: float) -> float:
    return -inf if isnan(value) else abs(value)


def _effect(
    answered: Mapping[Any, Any], tables: Mapping[Path, pd.DataFrame], variants: Mapping[str, VariantEntry]
) -> Effect:
    study, answer = answered["study"], Answer(answered["answer"])
    parts = _rows(tables[PARTS], study)
    compared = _rows(tables[COMPARISONS], study)[0]
    if compared["verdict"] == Verdict.NO_INTERVAL:
        compared |= {"low": -inf, "high": inf}
    worth = -compared["worth"] if compared["metric"] in LESS_IS_BETTER else compared["worth"]
    ends = sorted(compared[end] / worth for end in ("low", "high"))
    names = compared["variant"], compared["baseline"]
    variant, baseline = (title_text(name, variants[name].title if name in variants else None) for name in names)
    but = answered["but"]
    return Effect(
        study=study,
        question=study_text(study, "question", answered["question"]),
        answer=answer,
        short_answer=_short_answer(answer, [part["answer"] for part in parts]),
        parts=tuple(PartAnswer(part_text(study, part["part"], part["claim"]), Answer(part["answer"])) for part in parts)
        if len(parts) > 1
        else (),
        compared=compared_text(variant, baseline),
        dataset=variants[compared["variant"]].dataset if compared["variant"] in variants else "",
        metric=compared["metric"],
        amount=_amount(compared),
        size=_size_of(compared),
        sureness=_sureness(answered, compared, variant, baseline),
        interval=_interval(compared),
        by=_by(compared),
        seeds=int(compared["seeds"]),
        caveat=None if pd.isna(but) else study_text(study, "but", but),
        verdict=Verdict(compared["verdict"]),
        value=compared["difference"] / worth,
        low=ends[0],
        high=ends[1],
        worth=scale(compared["metric"]) * compared["worth"],
        diverged=(compared["diverged"] - compared["baseline_diverged"]) / max(compared["seeds"], 1),
    )


def compared_text(variant: Text, baseline: Text) -> Text:
    """Name what is compared by titles; what both begin or end with stands once: "SELU against ELU (scaled)"."""
    shown = {}
    for language, title in variant.items():
        ours, theirs = title.split(", "), baseline[language].split(", ")
        common = []
        if ours[0] == theirs[0] and min(len(ours), len(theirs)) > 1:
            common, ours, theirs = [ours[0]], [ours[1][:1].upper() + ours[1][1:], *ours[2:]], theirs[1:]
        if ours[1:] == theirs[1:]:
            common += ours[1:]
            ours, theirs = ours[:1], theirs[:1]
        names = {"variant": ", ".join(ours), "baseline": ", ".join(theirs)}
        found = text("effects", "compared", **names)[language]
        shown[language] = f"{found} ({', '.join(common)})" if common else found
    return shown


def _rows(table: pd.DataFrame, study: str) -> list[dict[Any, Any]]:
    return table[table["study"] == study].to_dict("records")


def _short_answer(answer: Answer, parts: Sequence[str]) -> Text:
    word = text("answers", answer)
    if answer != Answer.IN_PART or len(parts) < 2:
        return word
    return text("effects", "of_parts", answer=word, yes=parts.count(Answer.YES), parts=len(parts))


def _amount(row: Mapping[Any, Any]) -> Text:
    """The difference with its metric and its interval."""
    metric, shown = row["metric"], _size_of(row)
    if isnan(row["difference"]):
        return shown
    if metric != "accuracy":
        shown = text("effects", "of_metric", metric=text("metrics", metric), size=shown)
    limits = _interval(row)
    return text("effects", "with_interval", amount=shown, interval=limits) if limits else shown


def _interval(row: Mapping[Any, Any]) -> Text | None:
    """The interval, with signs as `_size_of` has them."""
    metric = row["metric"]
    if isnan(row["difference"]) or not isfinite(row["high"] - row["low"]):
        return None
    low, high, decimals = scale(metric) * row["low"], scale(metric) * row["high"], _decimals(row)
    if metric in LESS_IS_BETTER:
        return _limits_by_direction(low, high, decimals)
    return text("table", "range", low=_signed(low, decimals), high=_signed(high, decimals, plus=low < 0))


def _size_of(row: Mapping[Any, Any]) -> Text:
    """The difference: with its sign if more is better, else lower or higher; of shares in points."""
    metric, value = row["metric"], scale(row["metric"]) * row["difference"]
    if isnan(value):
        return text("effects", "no_number")
    decimals = _decimals(row)
    if metric not in LESS_IS_BETTER:
        return _unit(_signed(value, decimals, plus=True), metric)
    return text("effects", "lower" if value <= 0 else "higher", size=_unit(f"{abs(value):.{decimals}f}", metric))


def _by(row: Mapping[Any, Any]) -> tuple[Text, Text] | None:
    """The difference and its interval without signs; None without an interval, and for one that includes 0."""
    low, high = (scale(row["metric"]) * row[end] for end in ("low", "high"))
    if not low * high > 0 or not isfinite(low * high):
        return None
    decimals = _decimals(row)
    least, greatest = (f"{each:.{decimals}f}" for each in sorted(map(abs, (low, high))))
    size = _unit(f"{abs(scale(row['metric']) * row['difference']):.{decimals}f}", row["metric"])
    return size, text("table", "range", low=least, high=greatest)


def scale(metric: str) -> int:
    """What a difference is multiplied by for its unit: shares are in percentage points."""
    return 100 if metric in IN_POINTS else 1


def _unit(number: str, metric: str) -> Text:
    return text("effects", "points", count=number) if metric in IN_POINTS else dict.fromkeys(LANGUAGES, number)


def _decimals(row: Mapping[Any, Any]) -> int:
    """Decimals of points: one, and more if the interval is narrow; else those of two significant digits."""
    half = scale(row["metric"]) * (row["high"] - row["low"]) / 2
    half = half if isfinite(half) else 0.0
    if row["metric"] in IN_POINTS:
        decimals = max(1, min(3, -floor(log10(half)))) if half else 1
        # A limit that is not 0 does not read as if it was.
        limits = [scale(row["metric"]) * row[end] for end in ("low", "high")]
        hidden = any(limit and isfinite(limit) and not round(limit, decimals) for limit in limits)
        return min(decimals + 1, 3) if hidden else decimals
    greatest = max(abs(row["difference"]), half)
    return max(0, min(5, 1 - floor(log10(greatest)))) if greatest else 2


def _signed(value: float, decimals: int, plus: bool = False) -> str:
    number = f"{value:+.{decimals}f}" if plus else f"{value:.{decimals}f}"
    return number.lstrip("+-") if not float(number) else number.replace("-", MINUS)


def _limits_by_direction(low: float, high: float, decimals: int) -> Text:
    if low < 0 < high:
        ends = {"low": text("effects", "lower", size=f"{-low:.{decimals}f}")}
        return text("table", "range", **ends, high=text("effects", "higher", size=f"{high:.{decimals}f}"))
    least, greatest = sorted(map(abs, (low, high)))
    return text("table", "range", low=f"{least:.{decimals}f}", high=f"{greatest:.{decimals}f}")


def _sureness(answered: Mapping[Any, Any], row: Mapping[Any, Any], variant: Text, baseline: Text) -> Text:
    if answered["answer"] == Answer.OPEN:
        return _open(answered, row)
    if row["verdict"] == Verdict.NOT_MEASURED:
        return text("effects", "no_number")
    if row["verdict"] == Verdict.UNKNOWABLE:
        return text("effects", "unknowable")
    seeds, ours, theirs = (int(row[key]) for key in ("seeds", "diverged", "baseline_diverged"))
    if not ours and not theirs:
        return _agreement(row, int(row["better_in"]), int(row["worse_in"]), seeds)
    broken = []
    if ours:
        broken.append(text("effects", "breaks", count=ours, seeds=seeds))
    if theirs:
        broken.append(text("effects", "baseline_breaks", baseline=baseline, count=theirs, seeds=seeds))
    ended = int(row["ended"])
    if not ended:
        return joined(broken, ", ")
    both = ended - seeds + ours + theirs
    better, worse = int(row["better_in"]) - theirs + both, int(row["worse_in"]) - ours + both
    rest = _agreement(row, better, worse, ended)
    return text("effects", "else", breaks=joined(broken, ", "), variant=variant, rest=rest)


def _agreement(row: Mapping[Any, Any], better: int, worse: int, seeds: int) -> Text:
    """In how many of these seeds the variant is better or worse, or that the two hardly differ."""
    if row["verdict"] == Verdict.SAME:
        return text("effects", "same", worth=_unit(f"{row['worth'] * scale(row['metric']):g}", row["metric"]))
    good, bad = ("more", "less") if row["metric"] in NO_QUALITY else ("better", "worse")
    if better and worse and row["verdict"] not in (Verdict.BETTER, Verdict.WORSE):
        return text("effects", f"{good}_and_{bad}", better=better, worse=worse, seeds=seeds)
    key, count = (good, better) if better >= worse else (bad, worse)
    return text("effects", key, count=count, seeds=seeds)


def _open(answered: Mapping[Any, Any], row: Mapping[Any, Any]) -> Text:
    needed, minutes = answered["seeds_needed"], answered["minutes"]
    if row["seeds"] == 1:
        return text("effects", "open_one_seed")
    if not isfinite(needed) or not isfinite(minutes):
        return text("effects", "open")
    seeds = text("effects", "at_least" if needed >= MAX_SEEDS else "about", seeds=f"{needed:,.0f}")
    long = minutes >= 100
    time = text("effects", "hours" if long else "minutes", count=f"{minutes / 60 if long else max(minutes, 1):.0f}")
    return text("effects", "open_until", seeds=seeds, time=time)


def effect_of_determinism(costs: Sequence[Cost]) -> Effect:
    """The claim that a benchmark answers."""
    peers = determinism.comparable(costs)
    answer = determinism.answer(costs)
    amount = sureness = text("effects", "no_number")
    if peers:
        ratios = [cost.ratio for cost in peers]
        amount = text("determinism", "ratios", low=f"{min(ratios):.1f}", high=f"{max(ratios):.1f}")
        sure = {
            "expensive": sum(cost.low > determinism.EXPENSIVE for cost in peers),
            "cheap": sum(cost.high < determinism.EXPENSIVE for cost in peers),
        }
        sureness = text("determinism", "sureness", **sure, pairs=len(peers), times=determinism.EXPENSIVE)
    return Effect(
        study=determinism.NAME,
        question=determinism.question(),
        answer=answer,
        short_answer=text("answers", answer),
        compared=text("determinism", "compared"),
        amount=amount,
        size=amount,
        sureness=sureness,
        caveat=text("determinism", "but"),
    )
