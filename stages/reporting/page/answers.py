"""The questions on the report page: claim, answer, comparisons and charts of each study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.trained import loss_function
from stages.documents import Study
from stages.presentation import determinism
from stages.presentation.determinism import Cost
from stages.presentation.formats import signed
from stages.presentation.kept import with_one_seed
from stages.presentation.metrics import label
from stages.presentation.words import Text, study_text, text
from stages.reporting.page.charts import Chart, Plotted, curve_charts, numbers, trainings
from stages.reporting.page.pictures import Picture, study_pictures
from stages.reporting.page.reports import Reports

Point = dict[str, Any]
"""Data of a point with its interval in a chart: variant, metric, difference, low, high, and baseline or label."""


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """A row of a study's table. Texts that do not apply are empty."""

    variant: str
    baseline: str
    metric: Text
    direction: Text
    difference: str
    interval: Text | str
    verdict: str
    expected: str
    one_seed: str
    """Verdict of one seed if it differs."""
    differs_in: str
    """Keys in which the recipes differ."""
    note: str
    point: Point | None


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
    answer: str
    members: list[str]
    """Names of the variants, baselines included."""
    rows: list[ComparisonRow] = field(default_factory=list)
    costs: list[CostRow] = field(default_factory=list)
    shows_one_seed: bool = False
    has_bands: bool = False
    """Whether its curves are means of several trainings."""
    missing: list[Text] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)


def questions(reports: Reports, plotted: Plotted) -> list[Question]:
    """Make the questions of all studies, and last that of the benchmark if there is one."""
    answers = reports.deciding[ANSWERS].set_index("study")["answer"]
    compared = with_one_seed(reports.deciding[COMPARISONS], reports.tables[COMPARISONS])
    found = [
        study_question(reports, plotted, name, study, compared[compared["study"] == name], answers)
        for name, study in reports.studies.items()
    ]
    return [*found, determinism_question(reports.costs, plotted.titles)] if reports.costs else found


def study_question(
    reports: Reports, plotted: Plotted, name: str, study: Study, compared: pd.DataFrame, answers: pd.Series
) -> Question:
    """Make the question of a study. compared: its rows of comparisons.csv; answers: by study."""
    rows = [comparison(row, reports.dataset(row["variant"])) for _, row in compared.iterrows()]
    question, claim = (study_text(name, key, getattr(study, key)) for key in ("question", "claim"))
    missing = [
        text("page", "no_comparison", study=question, variant=row.variant, note=row.note)
        for row in rows
        if row.verdict == "not measured"
    ]
    if name not in answers.index:
        missing.append(text("page", "no_answer", study=question, path=ANSWERS))
    members = list(dict.fromkeys(each for row in rows for each in (row.baseline, row.variant)))
    return Question(
        name=name,
        question=question,
        claim=claim,
        documents=study.documents,
        answer=answers.get(name, "not measured"),
        members=members,
        rows=rows,
        shows_one_seed=reports.several is not None,
        has_bands=any(trainings(reports.histories.get(each)) > 1 for each in members),
        missing=missing,
        points=[row.point for row in rows if row.point],
        pictures=study_pictures(reports, name, question),
        charts=[*difference_charts(name, rows), *study_curves(reports, members, plotted)],
    )


def determinism_question(costs: Sequence[Cost], titles: Mapping[str, str]) -> Question:
    """Make the question that a benchmark answers."""
    peers = determinism.comparable(costs)
    points = [
        {
            "variant": cost.variant,
            "label": text("page", "series", variant=titles.get(cost.variant, cost.variant), part=determinism.way(cost)),
            "metric": "ratio",
            **_position((cost.ratio, cost.low, cost.high)),
        }
        for cost in peers
    ]
    charts = []
    if limits := _limits(points):
        description = text("page", "costs_chart", low=f"{min(limits):.2f}", high=f"{max(limits):.2f}")
        axis = text("determinism", "times")
        charts.append(_differences(description, determinism.NAME, "ratio", axis, determinism.EXPENSIVE))
    return Question(
        name=determinism.NAME,
        question=determinism.question(),
        claim=determinism.claim(),
        documents=[determinism.DOCUMENT],
        answer=determinism.answer(costs),
        members=list(dict.fromkeys(cost.variant for cost in peers)),
        costs=[
            CostRow(cost.variant, determinism.way(cost), f"{cost.ratio:.2f}", determinism.interval(cost))
            for cost in peers
        ],
        missing=[] if peers else [text("page", "no_costs", path=determinism.COSTS)],
        points=points,
        charts=charts,
    )


def comparison(row: pd.Series, dataset: str) -> ComparisonRow:
    """Make a row of a study's table. row: of comparisons.csv, see `with_one_seed`."""
    one_seed = row["verdict_one_seed"]
    measured = bool(pd.notna(row["difference"]))
    limited = bool(np.isfinite(row["low"]))
    point = None
    if measured:
        place = _position(row[["difference", "low", "high"]])
        point = {**{key: row[key] for key in ("variant", "baseline", "metric")}, **place}
    return ComparisonRow(
        variant=row["variant"],
        baseline=row["baseline"],
        metric=label(row["metric"], dataset),
        direction=text("page", "less_is_better" if row["metric"] in LESS_IS_BETTER else "more_is_better"),
        difference=signed(row["difference"]) if measured else "",
        interval=text("table", "range", low=signed(row["low"]), high=signed(row["high"])) if limited else "",
        verdict=row["verdict"],
        expected=_text_or_empty(row["expected"]),
        one_seed="" if one_seed in (row["verdict"], "no interval") else _text_or_empty(one_seed),
        differs_in=_text_or_empty(row.get("differs_in")),
        note=_text_or_empty(row.get("note")),
        point=point,
    )


def _text_or_empty(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _position(values: Iterable[float]) -> dict[str, float | None]:
    return dict(zip(("difference", "low", "high"), numbers(values), strict=True))


def _limits(points: Iterable[Point]) -> list[float]:
    return [point[end] for point in points for end in ("low", "difference", "high") if point[end] is not None]


def _differences(description: Text, study: str, metric: str, axis: Text, at: float) -> Chart:
    """Chart of a study's points of one metric, with a line at a value."""
    return Chart(description, {"kind": "differences", "study": study, "metric": metric, "axis": axis, "at": at})


def difference_charts(name: str, rows: Sequence[ComparisonRow]) -> list[Chart]:
    """Make one chart for each metric, because metrics have no common axis."""
    charts = []
    axes = {row.point["metric"]: row.metric for row in rows if row.point}
    for metric, axis in axes.items():
        limits = _limits(row.point for row in rows if row.point and row.point["metric"] == metric)
        description = text("page", "differences_chart", metric=axis, low=signed(min(limits)), high=signed(max(limits)))
        charts.append(_differences(description, name, metric, text("page", "difference_in", metric=axis), 0))
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
