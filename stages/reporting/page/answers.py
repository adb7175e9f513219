"""The questions on the report page: claim, answer, comparisons and charts of each study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS, PARTS
from stages.comparison.statistics import MAX_SEEDS
from stages.comparison.studies import BESIDE
from stages.comparison.trained import loss_function
from stages.comparison.verdicts import Answer, Verdict
from stages.documents import Study
from stages.presentation import determinism
from stages.presentation.colors import study_variants
from stages.presentation.determinism import Cost
from stages.presentation.effects import IN_POINTS, Effect, effect_of_determinism, effects, unanswered
from stages.presentation.formats import signed
from stages.presentation.kept import with_one_seed
from stages.presentation.words import Text, part_text, study_text, text
from stages.reporting.page.charts import Chart, Plotted, curve_charts, trainings
from stages.reporting.page.comparisons import ComparisonRow, Point, comparison_row, position
from stages.reporting.page.graphs import ranking_charts
from stages.reporting.page.reports import Reports

MANY_MINUTES = 100
"""From so many minutes on, they are told in hours."""


@dataclass(frozen=True)
class ShownAnswer:
    """An answer to a question or to a part of its claim."""

    answer: str
    """Key of `answers` in the words."""
    shown: Text
    """The answer, and how many parts of the claim hold."""
    needed: Text | None = None
    """What would decide it, if it is open."""


@dataclass(frozen=True)
class ClaimPart:
    """A part of a claim."""

    claim: Text | None
    """None if it is the whole claim."""
    answer: ShownAnswer
    rows: list[ComparisonRow]


@dataclass(frozen=True)
class CostRow:
    """A row of the table of what determinism costs."""

    variant: str
    way: Text
    ratio: str
    interval: Text


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question on the page: a study, or the claim that a benchmark answers."""

    name: str
    question: Text
    claim: Text
    documents: Sequence[str]
    answer: ShownAnswer
    effect: Effect
    """The answer in one line."""
    members: list[str]
    """Names of the variants, baselines included."""
    parts: list[ClaimPart] = field(default_factory=list)
    beside: list[ComparisonRow] = field(default_factory=list)
    """Comparisons beside the claim."""
    counts_seeds: bool = False
    """Whether a comparison counts seeds."""
    costs: list[CostRow] = field(default_factory=list)
    has_bands: bool = False
    """Whether its curves are means of several trainings."""
    missing: list[Text] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    ranking: list[Chart] = field(default_factory=list)
    """ROC and precision-recall curves, of classifiers of two classes."""


def questions(reports: Reports, plotted: Plotted) -> list[Question]:
    """Make the questions of all studies, and last that of the benchmark if there is one."""
    compared = with_one_seed(reports.deciding[COMPARISONS], reports.tables[COMPARISONS])
    by_study = {effect.study: effect for effect in effects(reports.deciding, reports.catalogue.variants)}
    found = [
        study_question(reports, plotted, name, study, compared[compared["study"] == name], by_study.get(name))
        for name, study in reports.studies.items()
    ]
    return [*found, determinism_question(reports.costs, plotted.titles)] if reports.costs else found


def study_question(
    reports: Reports, plotted: Plotted, name: str, study: Study, compared: pd.DataFrame, effect: Effect | None
) -> Question:
    """Make the question of a study. compared: its rows of comparisons.csv, see `with_one_seed`."""
    own_seed = str(reports.seeds[0]) if reports.seeds else ""
    rows = [
        comparison_row(
            row,
            reports.dataset(row["variant"]),
            own_seed,
            (reports.recipe(row["baseline"]), reports.recipe(row["variant"])),
        )
        for _, row in compared.iterrows()
    ]
    question, claim = (study_text(name, key, getattr(study, key)) for key in ("question", "claim"))
    missing = [
        text("page", "no_comparison", study=question, variant=reports.title(row.variant), note=row.note)
        for row in rows
        if row.verdict == Verdict.NOT_MEASURED
    ]
    answers = reports.deciding[ANSWERS]
    answered = answers[answers["study"] == name]
    if answered.empty:
        missing.append(text("page", "no_answer", study=question, path=ANSWERS))
    members = list(dict.fromkeys(each for row in rows for each in (row.baseline, row.variant)))
    return Question(
        name=name,
        question=question,
        claim=claim,
        documents=study.documents,
        answer=shown_answer(answered, effect.short_answer if effect else None),
        effect=effect or unanswered(name, question),
        members=members,
        parts=claim_parts(name, study, rows, reports.deciding[PARTS]),
        beside=[row for row in rows if row.part == BESIDE],
        counts_seeds=any(row.seeds for row in rows),
        has_bands=any(trainings(reports.histories.get(each)) > 1 for each in members),
        missing=missing,
        points=[row.point for row in rows if row.point],
        charts=[*difference_charts(name, rows), *study_curves(reports, members, plotted)],
        ranking=ranking_charts(study_variants(study), reports.pictured, plotted.titles),
    )


DECIDING = {False: 0, None: 1, True: 2}
"""Order of a part's comparisons by whether they are as claimed: one that is not decides."""


def claim_parts(name: str, study: Study, rows: Sequence[ComparisonRow], answers: pd.DataFrame) -> list[ClaimPart]:
    """Make the parts of a study's claim, the comparisons that decide one first. answers: parts.csv."""
    found = []
    for number, part in enumerate(study.parts, start=1):
        answered = answers[(answers["study"] == name) & (answers["part"] == number)]
        claim = part_text(name, number, part.claim) if part.claim else None
        own = sorted((row for row in rows if row.part == number), key=lambda row: DECIDING[row.agrees])
        found.append(ClaimPart(claim, shown_answer(answered), own))
    return found


def shown_answer(rows: pd.DataFrame, words: Text | None = None) -> ShownAnswer:
    """Format an answer. rows: that of answers.csv or of parts.csv, or none; words: see `ShownAnswer.shown`."""
    if rows.empty:
        return ShownAnswer(Answer.NOT_MEASURED, text("answers", Answer.NOT_MEASURED))
    row = rows.iloc[0]
    return ShownAnswer(row["answer"], words or text("answers", row["answer"]), needed(row))


def needed(row: pd.Series) -> Text | None:
    """Tell how many seeds and minutes would decide what is open; None if it is not, or if nobody knows."""
    seeds, minutes = row["seeds_needed"], row["minutes"]
    if row["answer"] != Answer.OPEN or not np.isfinite([seeds, minutes]).all():
        return None
    long = minutes >= MANY_MINUTES
    return text(
        "page",
        "needed",
        seeds=text("effects", "at_least" if seeds >= MAX_SEEDS else "about", seeds=f"{seeds:,.0f}"),
        time=text("effects", "hours" if long else "minutes", count=round(minutes / 60 if long else max(minutes, 1))),
    )


def determinism_question(costs: Sequence[Cost], titles: Mapping[str, Text]) -> Question:
    """Make the question that a benchmark answers."""
    peers, answer = determinism.comparable(costs), determinism.answer(costs)
    points = [
        {
            "variant": cost.variant,
            "label": text("page", "series", variant=titles.get(cost.variant, cost.variant), part=determinism.way(cost)),
            "metric": "ratio",
            **position((cost.ratio, cost.low, cost.high)),
        }
        for cost in peers
    ]
    charts = []
    if limits := _limits(points):
        description = text("page", "costs_chart", low=f"{min(limits):.2f}", high=f"{max(limits):.2f}")
        axis = text("determinism", "times")
        charts.append(_differences(description, determinism.NAME, "ratio", axis, determinism.EXPENSIVE, 2))
    return Question(
        name=determinism.NAME,
        question=determinism.question(),
        claim=determinism.claim(),
        documents=[determinism.DOCUMENT],
        answer=ShownAnswer(answer, text("answers", answer)),
        effect=effect_of_determinism(costs),
        members=list(dict.fromkeys(cost.variant for cost in peers)),
        costs=[
            CostRow(cost.variant, determinism.way(cost), f"{cost.ratio:.2f}", determinism.interval(cost))
            for cost in peers
        ],
        missing=[] if peers else [text("page", "no_costs", path=determinism.COSTS)],
        points=points,
        charts=charts,
    )


def _limits(points: Iterable[Point]) -> list[float]:
    return [point[end] for point in points for end in ("low", "difference", "high") if point[end] is not None]


def _differences(description: Text, study: str, metric: str, axis: Text, at: float, digits: int) -> Chart:
    """Chart of a study's points of one metric, with a line at a value. digits: decimals of the values."""
    about = {"study": study, "metric": metric, "axis": axis, "at": at, "digits": digits}
    return Chart(description, {"kind": "differences", **about})


def difference_charts(name: str, rows: Sequence[ComparisonRow]) -> list[Chart]:
    """Make one chart for each metric, because metrics have no common axis."""
    charts = []
    axes = {row.point["metric"]: row.metric for row in rows if row.point}
    for metric, axis in axes.items():
        limits = _limits(row.point for row in rows if row.point and row.point["metric"] == metric)
        ends = {"low": signed(min(limits)), "high": signed(max(limits))}
        key, digits = ("points_in", 2) if metric in IN_POINTS else ("difference_in", 4)
        description = text("page", "differences_chart", quantity=text("page", key, metric=axis), **ends)
        charts.append(_differences(description, name, metric, text("page", key, metric=axis), 0, digits))
    return charts


def study_curves(reports: Reports, members: Sequence[str], plotted: Plotted) -> list[Chart]:
    """Make the charts of a study's learning curves by data set; of the loss only if all have the same loss function."""
    charts = []
    for dataset in dict.fromkeys(map(reports.dataset, members)):
        names = [name for name in members if reports.dataset(name) == dataset]
        losses = {loss_function(reports.recipe(name)) for name in names} - {""}
        metrics = ["accuracy", *(["loss"] if len(losses) == 1 else [])]
        if any(plotted.changes_rate(name) for name in names):
            metrics.append("learning_rate")
        charts += curve_charts(names, metrics, plotted, dataset)
    return charts
