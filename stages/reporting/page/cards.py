"""A card of the report page: all that is known of a variant."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.compare import LEADERBOARD
from stages.datasets import module_of
from stages.reporting.page.charts import chart, confused, curve_charts
from stages.reporting.page.pictures import pictures_of_variant
from stages.reporting.page.reports import Context, Reports
from stages.reporting.strings import text
from stages.reporting.tables import cell


def card(reports: Reports, name: str, curves: Mapping[str, Any], asked: list[Context], colour: str) -> Context:
    """All that is known of a variant."""
    recipe, summary = reports.recipe(name), reports.summaries.get(name)
    dataset = reports.dataset(name)
    board = reports.tables[LEADERBOARD]
    rows = board[board["variant"] == name]
    row = rows.iloc[0] if len(rows) else None
    counts = reports.confusion[reports.confusion["variant"] == name]
    by_class = reports.classes[reports.classes["variant"] == name]
    missing = []
    for there, key in ((name in reports.recipes, "no_recipe"), (summary, "no_model"), (row is not None, "no_row")):
        if not there:
            missing.append(text("page", key, variant=name))
    notes = []
    charts = curve_charts([name], curves.get(name, {}), curves)
    if not charts:
        if "estimator" in recipe:
            notes.append(text("page", "estimator"))
        else:
            missing.append(text("page", "no_history", variant=name))
    history = reports.histories.get(name)
    if history is not None and "loss" in history and history["loss"].isna().any():
        notes.append(text("page", "diverged", epoch=int(history.loc[history["loss"].isna(), "epoch"].min())))
    classifies = row is not None and pd.notna(row.get("test_accuracy"))
    if classifies and counts.empty:
        missing.append(text("page", "no_confusion", variant=name))
    headline = []
    if row is not None:
        ranked = module_of(dataset).RANKED_BY
        if pd.notna(row.get(f"test_{ranked}")):
            value = cell(float(row[f"test_{ranked}"]))
            headline.append(text("page", "test_figure", metric=text("metrics", ranked), value=value))
    if summary:
        headline.append(text("page", "parameters_of", count=f"{summary['parameters']:,}"))
        headline.append(text("page", "epochs_of", count=cell(float(np.mean(summary["epochs"])))))
    studies_of = [each for each in asked if name in each["members"]]
    return {
        "name": name,
        "colour": colour,
        "dataset": dataset,
        "title": text("datasets", dataset),
        "headline": headline,
        "missing": missing,
        "notes": notes,
        "figures": figures_of(row),
        "layers": summary["layers"] if summary else [],
        "recipe": yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        "recipe_hash": hashlib.sha256(reports.recipes[name]).hexdigest() if recipe else "",
        "charts": charts,
        "several": history is not None and history.groupby("epoch").size().max() > 1,
        "confusion": chart("confusion", confused(counts), variant=name) if len(counts) else None,
        "classes": by_class.to_dict("records"),
        "pictures": pictures_of_variant(reports, name),
        "studies": [{key: each[key] for key in ("name", "question", "answer")} for each in studies_of],
        "search": " ".join(searched(name, dataset, recipe, summary, studies_of)),
    }


def figures_of(row: pd.Series | None) -> list[Context]:
    """Each metric of a variant on validation and test rows; row: its row of the leaderboard."""
    if row is None:
        return []
    measured: dict[str, dict[str, str]] = {}
    for column, value in row.items():
        part, _, metric = str(column).partition("_")
        if part in ("validation", "test") and not metric.endswith(("_low", "_high", "_std")) and pd.notna(value):
            measured.setdefault(metric, {})[part] = cell(float(value))
    return [{"metric": text("metrics", metric), **parts} for metric, parts in sorted(measured.items())]


def searched(name: str, dataset: str, recipe: Context, summary: Context | None, studies_of: list[Context]) -> list[str]:
    """The words by which a variant is found, in both languages."""
    words = [name, dataset, *text("titles", dataset).values(), str(recipe.get("loss", "")), recipe.get("split", "")]
    words += [*recipe.get("optimizer", {}), *recipe.get("callbacks", {})]
    words += [layer["class"] for layer in (summary or {}).get("layers", [])]
    words += [question for each in studies_of for question in each["question"].values()]
    return [word.lower() for word in dict.fromkeys(words) if word]
