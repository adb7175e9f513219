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
from stages.comparison.trained import loss_function
from stages.datasets.spec import spec_of
from stages.documents import Described
from stages.presentation.formats import cell, format_metric
from stages.presentation.metrics import label, unit
from stages.presentation.words import Text, joined, note_text, text
from stages.reporting.page.answers import Question
from stages.reporting.page.charts import Chart, Plotted, confusion_chart, curve_charts, reliability_chart, trainings
from stages.reporting.page.graphs import ranking_charts, residual_charts
from stages.reporting.page.images import Grid, variant_grids
from stages.reporting.page.models import DrawnModel, drawn_model
from stages.reporting.page.reports import Reports
from stages.training.recipe import Recipe, Spec

PLAIN = {"class", "monitor", "patience", "restore_best_weights", "save_best_only"}
"""Arguments of callbacks with which the best epoch is that of the least loss."""
METRIC_OF_LOSS = {
    "CategoricalCrossentropy": "log_loss",
    "BinaryCrossentropy": "log_loss",
    "MeanSquaredError": "mse",
}
"""Metrics that losses are, by the name that `loss_function` gives."""
NOT_FINITE = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}
MAX_LINE = 81
"""Characters of a line of a recipe with its end: in params.yaml DVC wraps lines of more than 80."""


@dataclass(frozen=True)
class MetricRow:
    """A metric on training, validation and test rows; empty where it was not measured."""

    metric: Text
    training: str
    validation: str
    test: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that the page shows of a variant."""

    name: str
    title: Text
    color: str
    dataset: Text
    headline: list[Text]
    missing: list[Text]
    not_measurable: bool
    """Whether it has no metrics because its split holds out no rows."""
    notes: list[Text]
    metrics: list[MetricRow]
    facts: list[tuple[Text, str]]
    """Cost of the training, and share of its weights near zero."""
    weights: Text | None
    """Epoch of the measured weights."""
    means: Text | None
    first: Text | None
    """Notes on what is a mean of several trainings, and what is of the first one."""
    layers: Sequence[Mapping[str, Any]]
    drawing: DrawnModel | None
    recipe: str
    recipe_hash: str
    experiment: str
    """A command that trains the variant with another number of epochs; empty if nothing can be set so."""
    charts: list[Chart]
    has_bands: bool
    """Whether its curves are means of several trainings."""
    confusion: Chart | None
    classes: list[dict[Any, Any]]
    """Its rows of classes.csv."""
    reliability: Chart | None
    reliability_key: Text | None
    ranking: list[Chart]
    """ROC and precision-recall curves, of a classifier of two classes."""
    residuals: list[Chart]
    grids: list[Grid]
    questions: list[Question]
    documents: Sequence[str]
    """Letters of the documents that describe it."""
    ours: Text | None
    """Which of its settings are ours."""


def make_card(reports: Reports, name: str, plotted: Plotted, questions: Sequence[Question], color: str) -> Card:
    """Make the card of a variant."""
    recipe, summary, history = reports.recipe(name), reports.summaries.get(name), reports.histories.get(name)
    dataset = reports.dataset(name)
    rows = reports.rows("leaderboard", name)
    row = rows.iloc[0] if len(rows) else None
    metrics = [each for each in plotted.curves.get(name, {}) if each != "learning_rate" or plotted.changes_rate(name)]
    charts = curve_charts([name], metrics, plotted, dataset)
    counts, bins = (reports.rows(table, name) for table in ("confusion", "reliability"))
    not_measurable = holds_out_nothing(row, history)
    asked = [each for each in questions if name in each.members]
    described = reports.described.get(name)
    return Card(
        name=name,
        title=reports.title(name),
        color=color,
        dataset=text("datasets", dataset),
        headline=headline(dataset, row, recipe, summary),
        missing=missing(reports, name, row, bool(charts)),
        not_measurable=not_measurable,
        notes=[*notes(recipe, not_measurable), *divergence(reports, name)],
        metrics=metric_rows(rows, dataset, evaluated(recipe, summary)),
        facts=facts(row),
        weights=epoch_of_weights(recipe, history),
        means=over_trainings("means", history, summary),
        first=over_trainings("first", history, summary),
        layers=summary["layers"] if summary else [],
        drawing=drawn_model(summary["layers"], reports.title(name)) if summary else None,
        recipe=declaration(name, recipe, reports.columns.get(name)) if recipe else "",
        experiment=experiment(name, recipe),
        recipe_hash=hashlib.sha256(reports.recipes[name]).hexdigest() if recipe else "",
        charts=charts,
        has_bands=trainings(history) > 1,
        confusion=confusion_chart(name, counts) if len(counts) else None,
        classes=reports.rows("classes", name).to_dict("records"),
        reliability=reliability_chart(name, bins) if len(bins) else None,
        reliability_key=text("page", "reliability_key", count=bins["rows"].max()) if len(bins) else None,
        ranking=ranking_charts([name], reports.pictured, plotted.titles),
        residuals=residual_charts(reports.pictured.residuals[name]) if name in reports.pictured.residuals else [],
        grids=variant_grids(reports, name),
        questions=asked,
        documents=described.documents if described else [],
        ours=ours(reports, described),
    )


def headline(dataset: str, row: pd.Series | None, recipe: Recipe, summary: Mapping[str, Any] | None) -> list[Text]:
    """List the metric that ranks the data set, or that it diverged, the number of parameters and that of epochs."""
    texts = []
    ranked = spec_of(dataset).ranked_by if row is not None else ""
    if row is not None and row.get("diverged", 0.0) == 1:
        texts.append(text("page", "all_diverged"))
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
    confusion = not classifies or len(reports.rows("confusion", name)) > 0
    return [
        *([] if recipe else [text("page", "no_recipe", variant=name)]),
        *([] if model else [text("page", "no_model", variant=name)]),
        *([] if measured else [text("page", "no_row", variant=name, path=LEADERBOARD)]),
        *([] if history else [text("page", "no_history", variant=name)]),
        *([] if confusion else [text("page", "no_confusion", variant=name, path=CONFUSION)]),
    ]


def notes(recipe: Recipe, not_measurable: bool) -> list[Text]:
    """List what a variant has not by design: curves, or metrics."""
    texts = []
    if "estimator" in recipe:
        texts.append(text("page", "estimator"))
    if not_measurable:
        texts.append(text("page", "nothing_held_out", path=METRICS))
    return texts


def divergence(reports: Reports, name: str) -> list[Text]:
    """Tell how many trainings of a variant diverged, when and why: of this run, and of the one whose answers count."""
    texts = []
    for table in ("trainings", "deciding") if reports.several else ("trainings",):
        rows = reports.rows(table, name)
        diverged = rows[rows["diverged"].notna()]
        if len(diverged):
            key = "diverged_of_several" if table == "deciding" else "diverged_of" if len(rows) > 1 else "diverged_alone"
            first, last = int(diverged["diverged"].min()), int(diverged["diverged"].max())
            when = text("page", "in_epochs" if last > first else "in_epoch", epoch=first, last=last)
            why = joined([reason(each) for each in dict.fromkeys(diverged["reason"])], ", ")
            texts.append(text("page", key, count=len(diverged), trainings=len(rows), when=when, reason=why))
    return texts


def reason(recorded: str) -> Text:
    """Word the reason why a training diverged, see `stages.training.history`."""
    name, _, value = recorded.rpartition(" ")
    shown = NOT_FINITE.get(value, value)
    part = {"loss": "training", "val_loss": "validation"}.get(name)
    if part is None:
        return text("page", "not_finite_prediction", value=shown)
    of = text("page", "series_of_part", part=text("parts", part), metric=text("metrics", "loss"))
    return text("page", "not_finite", quantity=of, value=shown)


def ours(reports: Reports, described: Described | None) -> Text | None:
    """Tell which settings of a variant are ours; None if all may be the documents', or nothing is known of any."""
    if described is None:
        return text("page", "all_ours") if reports.described else None
    return text("page", "ours", ours=note_text(described.ours)) if described.ours else None


def declaration(name: str, recipe: Recipe, columns: Sequence[str] | None = None) -> str:
    """Format a recipe as a variant in `params.yaml`, its overrides included.

    Seeds are left out, and so is a `jit_compile` that is true: pasted where params.yaml has `jit_compile: true` for all
    variants, the block gives the same recipe. columns: names of the columns that `inputs` counts.
    """
    left_out = ("seed", "seeds", "custom_objects")
    declared: dict[str, Any] = {key: value for key, value in recipe.items() if key not in left_out}
    if "initial_weights" in declared:
        declared["initial_weights"] = declared["initial_weights"]["variant"]
    if isinstance(weights := declared.get("class_weight"), list):
        declared["class_weight"] = dict(enumerate(weights))
    if declared.get("jit_compile") is True:
        del declared["jit_compile"]
    if columns is not None and "inputs" in declared:
        inputs = declared["inputs"].items()
        declared["inputs"] = {key: " ".join(columns[position] for position in each) for key, each in inputs}
    return indent(_yaml(name, declared, 1), "  ")


def _yaml(key: str, value: Any, depth: int) -> str:
    """Format a key and its value as block style of YAML; mappings of plain values in one line if it is short enough."""
    flow = None if isinstance(value, Mapping) else False  # None: a mapping of plain values in one line
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # in C, in a quarter of the time, where it is installed
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 10**9, "default_flow_style": flow}
    block: str = yaml.dump({key: value}, Dumper=dumper, **options)
    if isinstance(value, Mapping) and (block.count("\n") > 1 or len(block) + len("  ") * depth > MAX_LINE):
        members = "".join(_yaml(inner, member, depth + 1) for inner, member in value.items())
        return f"{block.partition(':')[0]}:\n{indent(members, '  ')}"
    return block


def experiment(name: str, recipe: Recipe) -> str:
    """Give a command that sets the epochs of a variant, or the iterations of an estimator, to half; empty without any.

    `++` sets a value that the variant itself has in params.yaml, and one that it has from its base.
    """
    keys = {"epochs": recipe.get("epochs"), "estimator.max_iter": recipe.get("estimator", {}).get("max_iter")}
    for key, value in keys.items():
        if value is not None:
            return f"dvc exp run -S '++variants.{name}.{key}={value // 2 or 2}'"
    return ""


def evaluated(recipe: Recipe, summary: Mapping[str, Any] | None) -> dict[str, dict[str, float]]:
    """Average the loss and the accuracy of a variant's saved models in inference mode: {metric: {part: mean}}.

    A loss that is a metric is called as that.
    """
    loss = "main_loss" if recipe.get("graph", {}).get("auxiliary_output") else "loss"
    names = {"loss": METRIC_OF_LOSS.get(loss_function(recipe), loss)}
    found: dict[str, dict[str, list[float]]] = {}
    for evaluation in summary.get("evaluations", []) if summary else []:
        for part in ("train", "validation"):
            for metric, value in evaluation.get(part, {}).items():
                found.setdefault(names.get(metric, metric), {}).setdefault(part, []).append(value)
    return {metric: {part: float(np.mean(values)) for part, values in parts.items()} for metric, parts in found.items()}


def facts(row: pd.Series | None) -> list[tuple[Text, str]]:
    """List the cost of a variant's training, and the share of its weights near zero. row: of the leaderboard."""
    if row is None:
        return []
    found = []
    if pd.notna(row.get("multiply_adds")):
        found.append((text("page", "multiply_adds"), f"{row['multiply_adds']:,.0f}"))
    if pd.notna(row.get("near_zero_weights")):
        found.append((text("metrics", "near_zero_weights"), f"{100 * row['near_zero_weights']:.1f} %"))
    return found


def metric_rows(
    rows: pd.DataFrame, dataset: str, evaluations: Mapping[str, Mapping[str, float]] = {}
) -> list[MetricRow]:
    """List the metrics of a variant with their units.

    rows: that of the leaderboard, or none; evaluations: see `evaluated`.
    """
    measured = {
        metric: {part: format_metric(value, metric, dataset) for part, value in parts.items()}
        for metric, parts in evaluations.items()
    }
    for _, row in rows.iterrows():
        for column, value in row.dropna().items():
            part, _, metric = str(column).partition("_")
            if part in ("validation", "test") and not metric.endswith(("_low", "_high", "_std")):
                measured.setdefault(metric, {})[part] = format_metric(float(value), metric, dataset)
    return [
        MetricRow(
            label(metric, dataset, report_unit=True),
            *(parts.get(part, "") for part in ("train", "validation", "test")),
        )
        for metric, parts in sorted(measured.items())
    ]


def over_trainings(key: str, history: pd.DataFrame | None, summary: Mapping[str, Any] | None) -> Text | None:
    """Note what is the mean of several trainings, or of the first one (key: "means" or "first"); None for one.

    Those that diverged are not among them.
    """
    count = trainings(history) - sum(map(bool, summary.get("diverged", []) if summary else []))
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
