"""The cards of the report page: recipe, layers, metrics, curves and errors of a variant."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

import numpy as np
import pandas as pd
import yaml

from stages.artifacts.tables import CONFUSION, LEADERBOARD, METRICS
from stages.datasets.spec import spec_of
from stages.presentation.formats import cell, format_metric
from stages.presentation.metrics import label, unit
from stages.presentation.words import Text, text
from stages.reporting.page.answers import Question
from stages.reporting.page.charts import Chart, Plotted, confusion_chart, curve_charts, trainings
from stages.reporting.page.pictures import Picture, variant_pictures
from stages.reporting.page.reports import Reports
from stages.training.recipe import Recipe, Spec

PLAIN = {"class", "monitor", "patience", "restore_best_weights", "save_best_only"}
"""Arguments of callbacks with which the best epoch is that of the least loss."""
MAX_LINE = 81
"""Characters of a line of a recipe with its end: in params.yaml DVC wraps lines of more than 80."""


@dataclass(frozen=True)
class MetricRow:
    """A metric on validation and test rows; empty where it was not measured."""

    metric: Text
    validation: str
    test: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that the page shows of a variant."""

    name: str
    title: str
    color: str
    dataset: Text
    headline: list[Text]
    missing: list[Text]
    not_measurable: bool
    """Whether it has no metrics because its split holds out no rows."""
    notes: list[Text]
    metrics: list[MetricRow]
    weights: Text | None
    """Epoch of the measured weights."""
    means: Text | None
    first: Text | None
    """Notes on what is a mean of several trainings, and what is of the first one."""
    layers: Sequence[Mapping[str, Any]]
    recipe: str
    recipe_hash: str
    charts: list[Chart]
    has_bands: bool
    """Whether its curves are means of several trainings."""
    confusion: Chart | None
    classes: list[dict[Any, Any]]
    """Its rows of classes.csv."""
    pictures: list[Picture]
    questions: list[Question]
    search: str
    """Words by which it is found."""


def make_card(reports: Reports, name: str, plotted: Plotted, questions: Sequence[Question], color: str) -> Card:
    """Make the card of a variant."""
    recipe, summary, history = reports.recipe(name), reports.summaries.get(name), reports.histories.get(name)
    dataset = reports.dataset(name)
    board = reports.tables[LEADERBOARD]
    rows = board[board["variant"] == name]
    row = rows.iloc[0] if len(rows) else None
    metrics = [each for each in plotted.curves.get(name, {}) if each != "learning_rate" or plotted.changes_rate(name)]
    charts = curve_charts([name], metrics, plotted, dataset)
    counts = reports.confusion[reports.confusion["variant"] == name]
    not_measurable = holds_out_nothing(row, history)
    asked = [each for each in questions if name in each.members]
    return Card(
        name=name,
        title=reports.catalogue.title(name),
        color=color,
        dataset=text("datasets", dataset),
        headline=headline(dataset, row, recipe, summary),
        missing=missing(reports, name, row, bool(charts)),
        not_measurable=not_measurable,
        notes=notes(recipe, history, not_measurable),
        metrics=metric_rows(rows, dataset),
        weights=epoch_of_weights(recipe, history),
        means=over_trainings("means", history),
        first=over_trainings("first", history),
        layers=summary["layers"] if summary else [],
        recipe=declaration(name, recipe, reports.columns.get(name)) if recipe else "",
        recipe_hash=hashlib.sha256(reports.recipes[name]).hexdigest() if recipe else "",
        charts=charts,
        has_bands=trainings(history) > 1,
        confusion=confusion_chart(name, counts) if len(counts) else None,
        classes=reports.classes[reports.classes["variant"] == name].to_dict("records"),
        pictures=variant_pictures(reports, name),
        questions=asked,
        search=" ".join(search_words(reports, name, asked)),
    )


def headline(dataset: str, row: pd.Series | None, recipe: Recipe, summary: Mapping[str, Any] | None) -> list[Text]:
    """List the metric that ranks the data set, the number of parameters and the number of epochs."""
    texts = []
    ranked = spec_of(dataset).ranked_by if row is not None else ""
    if row is not None and pd.notna(row.get(f"test_{ranked}")):
        value = f"{cell(float(row[f'test_{ranked}']))} {unit(ranked, dataset)}".strip()
        texts.append(text("page", "test_metric", metric=text("metrics", ranked), value=value))
    if summary:
        texts.append(text("page", "parameters_of", count=summary["parameters"]))
        if "estimator" not in recipe:
            epochs = round(float(np.mean(summary["epochs"])), 1)
            texts.append(text("page", "epochs_of", count=int(epochs) if epochs.is_integer() else epochs))
    return texts


def missing(reports: Reports, name: str, row: pd.Series | None, has_charts: bool) -> list[Text]:
    """List what the variant should have and has not. row: of the leaderboard."""
    classifies = row is not None and pd.notna(row.get("test_accuracy"))
    recipe, model, measured = name in reports.recipes, name in reports.summaries, row is not None
    history = has_charts or "estimator" in reports.recipe(name)
    confusion = not classifies or bool((reports.confusion["variant"] == name).any())
    return [
        *([] if recipe else [text("page", "no_recipe", variant=name)]),
        *([] if model else [text("page", "no_model", variant=name)]),
        *([] if measured else [text("page", "no_row", variant=name, path=LEADERBOARD)]),
        *([] if history else [text("page", "no_history", variant=name)]),
        *([] if confusion else [text("page", "no_confusion", variant=name, path=CONFUSION)]),
    ]


def notes(recipe: Recipe, history: pd.DataFrame | None, not_measurable: bool) -> list[Text]:
    """List what a reader should know: no curves or metrics by design, a loss that is not finite."""
    texts = []
    if "estimator" in recipe:
        texts.append(text("page", "estimator"))
    if not_measurable:
        texts.append(text("page", "nothing_held_out", path=METRICS))
    if history is not None and "loss" in history and history["loss"].isna().any():
        texts.append(text("page", "diverged", epoch=int(history.loc[history["loss"].isna(), "epoch"].min())))
    return texts


def declaration(name: str, recipe: Recipe, columns: Sequence[str] | None = None) -> str:
    """Format a recipe as a variant in `params.yaml`, its overrides included.

    Seeds are left out, and so is a `jit_compile` that is true: pasted where params.yaml has `jit_compile: true` for all
    variants, the block gives the same recipe. columns: names of the columns that `inputs` counts.
    """
    declared: dict[str, Any] = {key: value for key, value in recipe.items() if key not in ("seed", "seeds")}
    if declared.get("jit_compile") is True:
        del declared["jit_compile"]
    if columns is not None and "inputs" in declared:
        inputs = declared["inputs"].items()
        declared["inputs"] = {key: " ".join(columns[position] for position in each) for key, each in inputs}
    return indent(_yaml(name, declared, 1), "  ")


def _yaml(key: str, value: Any, depth: int) -> str:
    """Format a key and its value as block style of YAML; mappings of plain values in one line if it is short enough."""
    flow = None if isinstance(value, Mapping) else False  # None: a mapping of plain values in one line
    block = yaml.safe_dump(
        {key: value}, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=flow
    )
    if isinstance(value, Mapping) and (block.count("\n") > 1 or len(block) + len("  ") * depth > MAX_LINE):
        members = "".join(_yaml(inner, member, depth + 1) for inner, member in value.items())
        return f"{block.partition(':')[0]}:\n{indent(members, '  ')}"
    return block


def metric_rows(rows: pd.DataFrame, dataset: str) -> list[MetricRow]:
    """List the metrics of a variant with their units. rows: that of the leaderboard, or none."""
    measured: dict[str, dict[str, str]] = {}
    for _, row in rows.iterrows():
        for column, value in row.dropna().items():
            part, _, metric = str(column).partition("_")
            if part in ("validation", "test") and not metric.endswith(("_low", "_high", "_std")):
                measured.setdefault(metric, {})[part] = format_metric(float(value), metric, dataset)
    return [
        MetricRow(label(metric, dataset, report_unit=True), parts.get("validation", ""), parts.get("test", ""))
        for metric, parts in sorted(measured.items())
    ]


def over_trainings(key: str, history: pd.DataFrame | None) -> Text | None:
    """Note what is the mean of several trainings, or of the first one (key: "means" or "first"); None for one."""
    count = trainings(history)
    if history is None or count < 2:
        return None
    splits = history["split"].nunique() if "split" in history else 1
    return text("page", f"{key}_of_{'splits' if splits > 1 else 'trainings'}", count=count, splits=splits)


def holds_out_nothing(row: pd.Series | None, history: pd.DataFrame | None) -> bool:
    """Whether a variant has no metrics because its split holds out no rows. row: of the leaderboard."""
    if row is None or history is None or "loss" not in history or "val_loss" in history:
        return False
    return not any(str(column).startswith(("validation_", "test_")) for column in row.dropna().index)


def epoch_of_weights(recipe: Recipe, history: pd.DataFrame | None) -> Text | None:
    """Tell the epoch of the measured weights; None for an estimator."""
    if "estimator" in recipe or history is None:
        return None
    for class_name, keeps in (("ModelCheckpoint", "save_best_only"), ("EarlyStopping", "restore_best_weights")):
        for callback in recipe.get("callbacks", {}).values():
            if callback["class"] == class_name and callback.get(keeps):
                return _best_epoch(callback, history)
    return text("page", "weights_of_last")


def _best_epoch(callback: Spec, history: pd.DataFrame) -> Text:
    monitor: str = callback.get("monitor", "val_loss")
    part, metric = ("validation", monitor[4:]) if monitor.startswith("val_") else ("training", monitor)
    by = text("page", "series_of_part", part=text("parts", part), metric=text("metrics", metric))
    values: pd.Series = history[monitor]
    least = history.loc[values == values.min(), "epoch"]
    # With an option such as min_delta another epoch may count as the best.
    if monitor.endswith("loss") and len(least) == 1 and trainings(history) == 1 and set(callback) <= PLAIN:
        epochs = {"epoch": least.iloc[0], "count": int(history["epoch"].max())}
        return text("page", "weights_of_epoch", by=by, callback=callback["class"], **epochs)
    return text("page", "weights_of_best", by=by, callback=callback["class"])


def search_words(reports: Reports, name: str, asked: Sequence[Question]) -> list[str]:
    """List the words by which a variant is found, in all languages."""
    recipe: Any = reports.recipe(name)
    dataset = reports.dataset(name)
    loss = recipe.get("loss", {})
    objects = [recipe.get("optimizer", {}), *([loss] if "class" in loss else loss.values())]
    objects += [*recipe.get("callbacks", {}).values(), *reports.summaries.get(name, {}).get("layers", [])]
    words = [name, reports.catalogue.title(name), dataset, *text("titles", dataset).values(), recipe.get("split", "")]
    words += [each.get("class", "") for each in objects]
    words += [question for each in asked for question in each.question.values()]
    return [word.lower() for word in dict.fromkeys(words) if word]
