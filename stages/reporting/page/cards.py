"""A card of the report page: all that is known of a variant."""

import hashlib
from collections.abc import Mapping
from textwrap import indent
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.artifacts.tables import LEADERBOARD
from stages.datasets import module_of
from stages.presentation.formats import cell, figure
from stages.presentation.metrics import label, unit
from stages.presentation.words import Text, text
from stages.reporting.page.charts import changes_rate, chart, confused, curve_charts, trainings
from stages.reporting.page.pictures import pictures_of_variant
from stages.reporting.page.reports import Context, Reports

PLAIN = {"monitor", "patience", "restore_best_weights", "save_best_only"}
"""Arguments of callbacks with which the best epoch is that of the least loss."""


def card(reports: Reports, name: str, curves: Mapping[str, Any], asked: list[Context], color: str) -> Context:
    """All that is known of a variant."""
    recipe, summary = reports.recipe(name), reports.summaries.get(name)
    dataset = reports.dataset(name)
    board = reports.tables[LEADERBOARD]
    rows = board[board["variant"] == name]
    row = rows.iloc[0] if len(rows) else None
    metrics = [each for each in curves.get(name, {}) if each != "learning_rate" or changes_rate(name, curves)]
    counts = reports.confusion[reports.confusion["variant"] == name]
    by_class = reports.classes[reports.classes["variant"] == name]
    missing = []
    for there, key in ((name in reports.recipes, "no_recipe"), (summary, "no_model"), (row is not None, "no_row")):
        if not there:
            missing.append(text("page", key, variant=name))
    notes = []
    charts = curve_charts([name], metrics, curves, dataset)
    if not charts:
        if "estimator" in recipe:
            notes.append(text("page", "estimator"))
        else:
            missing.append(text("page", "no_history", variant=name))
    history = reports.histories.get(name)
    unmeasurable = holds_out_nothing(row, history)
    if unmeasurable:
        notes.append(text("page", "nothing_held_out"))
    if history is not None and "loss" in history and history["loss"].isna().any():
        notes.append(text("page", "diverged", epoch=int(history.loc[history["loss"].isna(), "epoch"].min())))
    classifies = row is not None and pd.notna(row.get("test_accuracy"))
    if classifies and counts.empty:
        missing.append(text("page", "no_confusion", variant=name))
    headline = []
    if row is not None:
        ranked = module_of(dataset).RANKED_BY
        if pd.notna(row.get(f"test_{ranked}")):
            value = f"{cell(float(row[f'test_{ranked}']))} {unit(ranked, dataset)}".strip()
            headline.append(text("page", "test_figure", metric=text("metrics", ranked), value=value))
    if summary:
        headline.append(text("page", "parameters_of", count=summary["parameters"]))
        if "estimator" not in recipe:
            epochs = round(float(np.mean(summary["epochs"])), 1)
            headline.append(text("page", "epochs_of", count=int(epochs) if epochs.is_integer() else epochs))
    studies_of = [each for each in asked if name in each["members"]]
    return {
        "name": name,
        "color": color,
        "dataset": dataset,
        "title": text("datasets", dataset),
        "headline": headline,
        "missing": missing,
        "unmeasurable": unmeasurable,
        "notes": notes,
        "figures": figures_of(rows, dataset),
        "weights": weights_of(recipe, history),
        "means": of_several("means", history),
        "first": of_several("first", history),
        "layers": summary["layers"] if summary else [],
        "recipe": declaration(name, recipe, reports.params.jit_compile) if recipe else "",
        "recipe_hash": hashlib.sha256(reports.recipes[name]).hexdigest() if recipe else "",
        "charts": charts,
        "several": trainings(history) > 1,
        "confusion": chart("confusion", confused(counts), variant=name) if len(counts) else None,
        "classes": by_class.to_dict("records"),
        "pictures": pictures_of_variant(reports, name),
        "studies": [{key: each[key] for key in ("name", "question", "answer")} for each in studies_of],
        "search": " ".join(searched(name, dataset, recipe, summary, studies_of)),
    }


def declaration(name: str, recipe: Context, jit_compile: bool) -> str:
    """The recipe as `params.yaml` declares it under `variants`, whatever overrides made it.

    Seeds are not a variant's own, nor is what all are compiled with: jit_compile.
    """
    declared = {key: value for key, value in recipe.items() if key not in ("seed", "repeats")}
    if declared.get("jit_compile") == jit_compile:
        del declared["jit_compile"]
    if "layers" in declared:
        declared["layers"] = [listed(*layer) for layer in declared["layers"].items()]
    # `default_flow_style=None` writes a mapping of plain values in one line.
    block = yaml.safe_dump({name: declared}, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)
    return indent(block, "  ")


def listed(key: str, arguments: Context) -> Context:
    """A layer of a recipe, called `<position>_<Class>` or `<first>-<last>_<Class>`, as an item of `layers`."""
    positions, _, class_name = key.partition("_")
    first, _, last = positions.partition("-")
    times = int(last or first) - int(first) + 1
    return {class_name: arguments} | ({"repeat": times} if times > 1 else {})


def figures_of(rows: pd.DataFrame, dataset: str) -> list[Context]:
    """Each metric of a variant on validation and test rows, with its unit; rows: that of the leaderboard, or none."""
    measured: dict[str, dict[str, str]] = {}
    for _, row in rows.iterrows():
        for column, value in row.dropna().items():
            part, _, metric = str(column).partition("_")
            if part in ("validation", "test") and not metric.endswith(("_low", "_high", "_std")):
                measured.setdefault(metric, {})[part] = figure(float(value), metric, dataset)
    return [{"metric": label(metric, dataset, own=True), **parts} for metric, parts in sorted(measured.items())]


def of_several(key: str, history: pd.DataFrame | None) -> Text | None:
    """Say what is the mean of several trainings, or of the first alone (key: "means" or "first"); None of one."""
    count = trainings(history)
    if history is None or count < 2:
        return None
    splits = history["split"].nunique() if "split" in history else 1
    return text("page", f"{key}_of_{'splits' if splits > 1 else 'trainings'}", count=count, splits=splits)


def holds_out_nothing(row: pd.Series | None, history: pd.DataFrame | None) -> bool:
    """Whether a variant has no figures because its split holds out no rows; row: of the leaderboard."""
    if row is None or history is None or "loss" not in history or "val_loss" in history:
        return False
    return not any(str(column).startswith(("validation_", "test_")) for column in row.dropna().index)


def weights_of(recipe: Context, history: pd.DataFrame | None) -> Text | None:
    """Say of which epoch the measured weights are; None for what has no epochs."""
    if "estimator" in recipe or history is None:
        return None
    callbacks = recipe.get("callbacks", {})
    for name, keeps in (("ModelCheckpoint", "save_best_only"), ("EarlyStopping", "restore_best_weights")):
        arguments = callbacks.get(name, {})
        if arguments.get(keeps):
            monitor = arguments.get("monitor", "val_loss")
            part, metric = ("validation", monitor[4:]) if monitor.startswith("val_") else ("training", monitor)
            by = text("page", "series_of_part", part=text("parts", part), metric=text("metrics", metric))
            least = history.loc[history[monitor] == history[monitor].min(), "epoch"]
            # With an option such as min_delta another epoch may count as the best.
            if monitor.endswith("loss") and len(least) == 1 and trainings(history) == 1 and set(arguments) <= PLAIN:
                of = {"epoch": least.iloc[0], "count": int(history["epoch"].max())}
                return text("page", "weights_of_epoch", by=by, callback=name, **of)
            return text("page", "weights_of_best", by=by, callback=name)
    return text("page", "weights_of_last")


def searched(name: str, dataset: str, recipe: Context, summary: Context | None, studies_of: list[Context]) -> list[str]:
    """The words by which a variant is found, in both languages."""
    words = [name, dataset, *text("titles", dataset).values(), str(recipe.get("loss", "")), recipe.get("split", "")]
    words += [*recipe.get("optimizer", {}), *recipe.get("callbacks", {})]
    words += [layer["class"] for layer in (summary or {}).get("layers", [])]
    words += [question for each in studies_of for question in each["question"].values()]
    return [word.lower() for word in dict.fromkeys(words) if word]
