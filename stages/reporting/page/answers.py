"""Each study on the report page: question, claim, answer, comparisons and charts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COMPARISONS
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.studies import loss_function
from stages.presentation import determinism
from stages.presentation.formats import signed
from stages.presentation.kept import Tables, comparisons_beside
from stages.presentation.metrics import label
from stages.presentation.words import study_text, text
from stages.reporting.page.charts import changes_rate, chart, curve_charts, numbers, trainings
from stages.reporting.page.pictures import pictures_of_study
from stages.reporting.page.reports import Context, Reports


def studies(reports: Reports, deciding: Tables, curves: Mapping[str, Any]) -> list[Context]:
    """Each study: question, claim, answer, comparisons and charts; last the claim that a benchmark answers."""
    answers = deciding[ANSWERS].set_index("study")
    compared = comparisons_beside(deciding[COMPARISONS], reports.tables[COMPARISONS])
    parts = []
    for name, study in reports.params.studies.items():
        rows = [
            comparison(row, reports.dataset(row["variant"]))
            for _, row in compared[compared["study"] == name].iterrows()
        ]
        question, claim = (study_text(name, key, getattr(study, key)) for key in ("question", "claim"))
        missing = [
            text("page", "no_comparison", study=question, variant=row["variant"], remark=row["remark"])
            for row in rows
            if row["verdict"] == "not measured"
        ]
        if name not in answers.index:
            missing.append(text("page", "no_answer", study=question))
        members = list(dict.fromkeys(each for row in rows for each in (row["baseline"], row["variant"])))
        differences = [row["point"] for row in rows if row["point"]]
        parts.append(
            {
                "name": name,
                "question": question,
                "claim": claim,
                "documents": study.documents,
                "answer": answers["answer"].get(name, "not measured"),
                "rows": rows,
                "costs": [],
                "members": members,
                "alone": reports.several is not None,
                "several": any(trainings(reports.histories.get(each)) > 1 for each in members),
                "missing": missing,
                "differences": differences,
                "pictures": pictures_of_study(reports, name, question),
                "charts": [*difference_charts(name, rows), *study_curves(reports, members, curves)],
            }
        )
    return [*parts, of_determinism(reports.costs)]


def of_determinism(costs: determinism.Costs) -> Context:
    """The claim that a benchmark answers, as `studies` gives the others; its rows are `costs`."""
    peers = determinism.comparable(costs)
    points = [
        {
            "variant": cost["variant"],
            "label": text("page", "series", variant=cost["variant"], part=way),
            "metric": "ratio",
        }
        | dict(zip(("difference", "low", "high"), numbers(cost[key] for key in ("ratio", "low", "high")), strict=True))
        for cost in peers
        for way in [determinism.way(cost)]
    ]
    limits = [point[end] for point in points for end in ("low", "difference", "high") if point[end] is not None]
    charts = []
    if limits:
        said = text("page", "costs_chart", low=f"{min(limits):.2f}", high=f"{max(limits):.2f}")
        of = {
            "study": determinism.NAME,
            "metric": "ratio",
            "axis": text("determinism", "times"),
            "at": determinism.EXPENSIVE,
        }
        charts.append(chart("differences", said, **of))
    return {
        "name": determinism.NAME,
        "question": determinism.question(),
        "claim": determinism.claim(),
        "documents": [determinism.DOCUMENT],
        "answer": determinism.answer(costs),
        "rows": [],
        "costs": [
            {
                "variant": cost["variant"],
                "way": determinism.way(cost),
                "ratio": f"{cost['ratio']:.2f}",
                "interval": determinism.interval(cost),
            }
            for cost in peers
        ],
        "members": list(dict.fromkeys(cost["variant"] for cost in peers)),
        "alone": False,
        "several": False,
        "missing": [] if peers else [text("page", "no_costs", path=determinism.BENCHMARKS)],
        "differences": points,
        "pictures": [],
        "charts": charts,
    }


def comparison(row: pd.Series, dataset: str) -> Context:
    """A row of a study's table, and the point of its chart."""
    limited = bool(np.isfinite(row["low"]))
    measured = bool(pd.notna(row["difference"]))
    alone = row["verdict_alone"]
    return {
        "variant": row["variant"],
        "baseline": row["baseline"],
        "metric": label(row["metric"], dataset),
        "direction": text("page", "less_is_better" if row["metric"] in LESS_IS_BETTER else "more_is_better"),
        "difference": signed(row["difference"]) if measured else "",
        "interval": text("table", "range", low=signed(row["low"]), high=signed(row["high"])) if limited else "",
        "verdict": row["verdict"],
        "expected": row["expected"] if pd.notna(row["expected"]) else "",
        "alone": alone if pd.notna(alone) and alone not in (row["verdict"], "no interval") else "",
        "remark": row["remark"] if pd.notna(row["remark"]) else "",
        "point": {key: row[key] for key in ("variant", "baseline", "metric")}
        | dict(zip(("difference", "low", "high"), numbers(row[["difference", "low", "high"]]), strict=True))
        if measured
        else None,
    }


def difference_charts(name: str, rows: list[Context]) -> list[Context]:
    """One chart for each metric: metrics have no axis in common."""
    charts = []
    axes = {row["point"]["metric"]: row["metric"] for row in rows if row["point"]}
    for metric, axis in axes.items():
        points = [row["point"] for row in rows if row["point"] and row["point"]["metric"] == metric]
        limits = [point[end] for point in points for end in ("low", "difference", "high") if point[end] is not None]
        said = text("page", "differences_chart", metric=axis, low=signed(min(limits)), high=signed(max(limits)))
        of = {"study": name, "metric": metric, "axis": text("page", "difference_in", metric=axis), "at": 0}
        charts.append(chart("differences", said, **of))
    return charts


def study_curves(reports: Reports, members: list[str], curves: Mapping[str, Any]) -> list[Context]:
    """The learning curves of a study's variants, for each data set, on axes that mean the same for all of them."""
    charts = []
    for dataset in dict.fromkeys(map(reports.dataset, members)):
        names = [name for name in members if reports.dataset(name) == dataset]
        losses = {loss_function(reports.recipe(name)) for name in names} - {""}
        metrics = ["accuracy", *(["loss"] if len(losses) == 1 else [])]
        if any(changes_rate(name, curves) for name in names):
            metrics.append("learning_rate")
        charts += curve_charts(names, metrics, curves, dataset)
    return charts
