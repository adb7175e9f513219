"""The head of the report page after an experiment: what changed since the run that is kept in Git."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import pandas as pd

from stages.comparison.changes import Change, Changes
from stages.comparison.verdicts import Verdict
from stages.datasets.spec import spec_of
from stages.params.messages import shown
from stages.presentation.formats import format_metric
from stages.presentation.kept import ONE_SEED
from stages.presentation.metrics import label
from stages.presentation.words import Text, joined, text
from stages.reporting.page.answers import Question
from stages.reporting.page.charts import Chart, Plotted, curve_charts, curves_of
from stages.reporting.page.comparisons import effect
from stages.reporting.page.reports import Reports

MAX_CHARTED = 4
"""Variants whose curves are drawn: those that changed most."""
ALL_SHOWN = 12
"""Rows of the table that are shown at once; more are folded."""
TOLD = (Verdict.BETTER, Verdict.WORSE)


@dataclass(frozen=True)
class ChangedKey:
    """A key of recipes that changed in the same way in some variants."""

    key: str
    before: str
    after: str
    variants: list[str]


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """A variant that changed. Texts that do not apply are empty."""

    variant: str
    metric: Text
    before: str
    after: str
    difference: Text | str
    interval: Text | str
    verdict: Verdict | None
    """None of a new variant."""
    notes: list[Text | str]


@dataclass(frozen=True)
class ChangedQuestion:
    """A question that compares a variant that changed."""

    name: str
    question: Text
    answer: Text
    kept_answer: Text | None
    """That of the kept run with several seeds, if it is another one."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What the page says of an experiment."""

    said: Text
    keys: list[ChangedKey]
    rows: list[ChangedRow]
    folded: list[ChangedRow]
    notes: list[Text]
    charts: dict[str, list[Chart]]
    """Curves of those that changed most, by variant."""
    questions: list[ChangedQuestion]


def before(variant: str) -> str:
    """Name of a variant before the change, in charts."""
    return f"{variant} before"


def with_curves_before(plotted: Plotted, reports: Reports) -> Plotted:
    """Add the learning curves of the changed variants before the change."""
    changes = [each for each in reports.changes.variants if each.curves]
    curves = {before(each.variant): curves_of(_history(each)) for each in changes}
    titles = {
        before(each.variant): text("changed", "title_before", title=reports.title(each.variant)) for each in changes
    }
    return replace(plotted, curves={**plotted.curves, **curves}, titles={**plotted.titles, **titles})


def _history(change: Change) -> pd.DataFrame:
    history = pd.DataFrame(change.curves, dtype=float)
    return history.assign(epoch=range(1, len(history) + 1))


def changed(reports: Reports, plotted: Plotted, asked: Sequence[Question]) -> Changed | None:
    """Tell what changed; None if no recipe and no seed did. plotted: see `with_curves_before`."""
    changes = reports.changes
    if not replace(changes, other_result=()):
        return None
    variants = sorted(changes.variants, key=_greatness, reverse=True)
    rows = [_row(each, reports.dataset(each.variant)) for each in variants]
    rows += [_new_row(name, reports) for name in changes.added]
    names = {*changes.added, *(each.variant for each in variants)}
    charted = [each.variant for each in variants if each.curves][:MAX_CHARTED]
    return Changed(
        said=_said(variants, changes.added, reports),
        keys=_keys(variants, changes.seeds, reports.names) if len(rows) > 1 or changes.seeds else [],
        rows=rows[:ALL_SHOWN],
        folded=rows[ALL_SHOWN:],
        notes=_notes(reports, any(each.seeds == 1 for each in variants)),
        charts={name: _charts(name, plotted, reports) for name in charted},
        questions=[
            _question(each, reports) for each in asked if names & {*each.members} and each.name in reports.studies
        ],
    )


def _question(question: Question, reports: Reports) -> ChangedQuestion:
    answer, before = question.answer.answer, reports.kept_answers.get(question.name)
    other = text("answers", before) if before and before != answer else None
    return ChangedQuestion(question.name, question.question, question.answer.shown, other)


def _greatness(change: Change) -> tuple[bool, float]:
    """What is told apart comes first, then the greater difference."""
    return change.verdict in TOLD, abs(change.difference) if isfinite(change.difference) else -1.0


def _said(variants: Sequence[Change], added: Sequence[str], reports: Reports) -> Text:
    if len(variants) == 1 and not added and isfinite(variants[0].difference):
        (only,) = variants
        amount = effect(only.difference, only.metric)
        row = {"metric": text("metrics", only.metric), "amount": amount, "verdict": text("verdicts", only.verdict)}
        keys = ", ".join(f"{place} {_value(was)} → {_value(now)}" for place, (was, now) in only.keys.items())
        return text("changed", "one", title=reports.title(only.variant), keys=keys, **row)
    counts = Counter(each.verdict for each in variants)
    counted = [
        text("changed", "of_verdict", count=counts[each], verdict=text("verdicts", each))
        for each in Verdict
        if counts[each]
    ]
    said = [text("changed", "many", count=len(variants), verdicts=joined(counted, ", "))] if variants else []
    if added:
        said.append(text("changed", "added", variants=joined([reports.title(name) for name in added], ", ")))
    return joined(said) if said else text("changed", "no_recipe")


def _keys(variants: Sequence[Change], seeds: Mapping[str, tuple[Any, Any]], names: Sequence[str]) -> list[ChangedKey]:
    """Group the variants by the key and the values that changed."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for each in variants:
        for place, (was, now) in each.keys.items():
            found.setdefault((place, _value(was), _value(now)), []).append(each.variant)
    for place, (was, now) in seeds.items():
        found[place, _value(was), _value(now)] = [*names]
    return [ChangedKey(*key, of) for key, of in found.items()]


def _value(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else shown(value)


def _row(change: Change, dataset: str) -> ChangedRow:
    limited = isfinite(change.low) and isfinite(change.high)
    ends = {end: effect(getattr(change, end), change.metric, unit=False) for end in ("low", "high")}
    notes: list[Text | str] = [change.note] if change.note else []
    for key, count in zip(("diverged_in", "diverged_before"), change.diverged, strict=True):
        if count:
            notes.append(text("page" if key == "diverged_in" else "changed", key, count=count, seeds=change.seeds))
    return ChangedRow(
        variant=change.variant,
        metric=label(change.metric, dataset),
        before=format_metric(change.before, change.metric, dataset),
        after=format_metric(change.after, change.metric, dataset),
        difference=effect(change.difference, change.metric) if isfinite(change.difference) else "",
        interval=text("table", "range", **ends) if limited else "",
        verdict=change.verdict,
        notes=notes,
    )


def _new_row(variant: str, reports: Reports) -> ChangedRow:
    dataset = reports.dataset(variant)
    metric = spec_of(dataset).ranked_by
    scores = reports.rows("leaderboard", variant).get(f"test_{metric}", pd.Series(dtype=float))
    return ChangedRow(
        variant=variant,
        metric=label(metric, dataset),
        before="",
        after=format_metric(scores.max(), metric, dataset),
        difference="",
        interval="",
        verdict=None,
        notes=[],
    )


def _notes(reports: Reports, one_seed: bool) -> list[Text]:
    changes = reports.changes
    notes = [text("changed", "since", folder=f"{ONE_SEED.as_posix()}/")]
    if one_seed:
        notes.append(text("changed", "one_seed"))
    if changes.removed:
        notes.append(text("changed", "removed", variants=", ".join(changes.removed)))
    return notes


def other_results(changes: Changes) -> list[Text]:
    """Tell how many variants gave something else with the same recipe."""
    count = len(changes.other_result)
    return [text("changed", "other_result", count=count)] if count else []


def _charts(name: str, plotted: Plotted, reports: Reports) -> list[Chart]:
    pair = [each for each in (before(name), name) if each in plotted.curves]  # now lies over before
    metrics = [metric for metric in ("accuracy", "loss") if all(plotted.has(each, metric) for each in pair)]
    return curve_charts(pair, metrics, plotted, reports.dataset(name))
