"""Each study on the report page: question, claim, answer, comparisons and charts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.compare import ANSWERS, COMPARISONS
from stages.comparison.scores import LESS_IS_BETTER
from stages.evaluate import loss_function
from stages.reporting.page.charts import chart, curve_charts, numbers
from stages.reporting.page.pictures import pictures_of_study
from stages.reporting.page.reports import Context, Reports
from stages.reporting.repeats import Tables
from stages.reporting.strings import study_text, text
from stages.reporting.tables import signed


def studies(reports: Reports, deciding: Tables, curves: Mapping[str, Any]) -> list[Context]:
    """Each study: question, claim, answer, comparisons and charts."""
    answers = deciding[ANSWERS].set_index("study")
    alone = reports.tables[COMPARISONS]
    keys = ["study", "variant", "baseline", "metric"]
    compared = deciding[COMPARISONS].merge(alone[[*keys, "verdict"]], on=keys, how="left", suffixes=("", "_alone"))
    parts = []
    for name, study in reports.params.studies.items():
        rows = [comparison(row) for _, row in compared[compared["study"] == name].iterrows()]
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
                "documents": ", ".join(study.documents),
                "answer": answers["answer"].get(name, "not measured"),
                "rows": rows,
                "members": members,
                "alone": reports.several is not None,
                "missing": missing,
                "differences": differences,
                "pictures": pictures_of_study(reports, name, question),
                "charts": [*difference_charts(name, differences), *study_curves(reports, members, curves)],
            }
        )
    return parts


def comparison(row: pd.Series) -> Context:
    """A row of a study's table, and the point of its chart."""
    limited = bool(np.isfinite(row["low"]))
    measured = bool(pd.notna(row["difference"]))
    alone = row["verdict_alone"]
    return {
        "variant": row["variant"],
        "baseline": row["baseline"],
        "metric": text("metrics", row["metric"]),
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


def difference_charts(name: str, differences: list[Context]) -> list[Context]:
    """One chart for each metric: metrics have no axis in common."""
    charts = []
    for metric in dict.fromkeys(point["metric"] for point in differences):
        limits = [
            point[end]
            for point in differences
            for end in ("low", "difference", "high")
            if point["metric"] == metric and point[end] is not None
        ]
        said = {"metric": text("metrics", metric), "low": signed(min(limits)), "high": signed(max(limits))}
        charts.append(chart("differences", text("page", "differences_chart", **said), study=name, metric=metric))
    return charts


def study_curves(reports: Reports, members: list[str], curves: Mapping[str, Any]) -> list[Context]:
    """The learning curves of a study's variants, for each data set, on axes that mean the same for all of them."""
    charts = []
    for dataset in dict.fromkeys(map(reports.dataset, members)):
        names = [name for name in members if reports.dataset(name) == dataset]
        losses = {loss_function(reports.recipe(name)) for name in names} - {""}
        charts += curve_charts(names, ["accuracy", *(["loss"] if len(losses) == 1 else []), "learning_rate"], curves)
    return charts
