"""All drawings of a run: what its tables, its models and its data have to show."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stages.artifacts import HISTORY, MODELS, PREDICTIONS, RECIPE, SUMMARY, SWEEP
from stages.artifacts.tables import (
    CONFUSION,
    LEADERBOARD,
    PRECISION_RECALL,
    RELIABILITY,
    ROC,
    SWEEP_TABLES,
    TRAININGS,
    WORST,
)
from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.trained import loss_function
from stages.datasets.spec import spec_of
from stages.documents import Study, read_studies
from stages.params.catalogue import read_catalogue
from stages.params.keras_tables import ACTIVATIONS, INITIALIZERS, KERAS_TABLES, SCHEDULES
from stages.presentation import plot_tables
from stages.presentation.colors import study_variants, variant_colors
from stages.presentation.determinism import read_costs
from stages.presentation.effect_plot import blocks
from stages.presentation.effects import effects
from stages.presentation.kept import COMPARED, SEVERAL_SEEDS, Tables, folder_of, kept, merged
from stages.presentation.metrics import label
from stages.presentation.words import text
from stages.reporting import EFFECTS, stored
from stages.reporting.drawings import Drawing, Stored
from stages.reporting.learning_rates import learning_rate, rates_by_baseline
from stages.splits import load_split
from stages.training.recipe import Recipe

Figures = Iterator[tuple[str, Drawing]]
"""Names in a folder of figures, without `.png`, and what draws them."""


def variant_figures(recipes: Mapping[str, Recipe], colors: Mapping[str, str]) -> Figures:
    """Yield the figures of each variant's weights and residuals."""
    for name, recipe in recipes.items():
        summary = SUMMARY.get(name)
        if summary is None:
            continue
        spec = spec_of(recipe["dataset"])
        # One Dense layer that sees the pixels.
        if spec.image_shape and [layer["class"] for layer in summary["layers"]] == ["InputLayer", "Flatten", "Dense"]:
            path = MODELS / name / "model.weights.h5"
            kernel = Stored(stored.softmax_kernel, (path, spec.image_shape))
            yield f"weights/{name}", Drawing("models.weight_images", (name, kernel, spec.classes))
        if not spec.classes:
            yield from residual_figures(name, recipe, colors[name])


def residual_figures(name: str, recipe: Recipe, color: str) -> Figures:
    """Yield the residuals of a variant's first training, if there are predictions of test rows."""
    spec = spec_of(recipe["dataset"])
    predictions = PREDICTIONS.get(name)
    if predictions is None or "test" not in predictions:
        return
    split = load_split(recipe["dataset"], recipe["split"], inputs=False)
    places = Stored(stored.places, (recipe["dataset"], split.rows["test"])) if spec.location else None
    arguments = (name, split.y["test"], predictions["test"][0, :, 0], spec.target, places, color)
    yield f"residuals/{name}", Drawing("regression.residuals", arguments)


def classifier_figures(
    datasets_by_variant: Mapping[str, str],
    studies: Mapping[str, Study],
    leaderboard: pd.DataFrame,
    colors: Mapping[str, str],
) -> Figures:
    """Yield the figures of the tables that `evaluate` makes of classifiers."""
    for name, worst in rows_by_variant(WORST).items():
        dataset = datasets_by_variant[name]
        if spec_of(dataset).image_shape:
            images = Stored(stored.images, (dataset, worst["row"].tolist()))
            yield f"worst/{name}", Drawing("classification.worst_images", (name, worst, images))
    scores = scores_of(datasets_by_variant, leaderboard)
    roc, precision_recall = rows_by_variant(ROC), rows_by_variant(PRECISION_RECALL)
    groups = [(f"ranking/{name}", name, [name]) for name in roc]
    for name, study in studies.items():
        if variants := [variant for variant in study_variants(study) if variant in roc]:
            groups.append((f"studies_ranking/{name}", study.question, variants))
    for path, title, variants in groups:
        by_variant = [{name: each[name] for name in variants} for each in (roc, precision_recall, colors)]
        areas = scores.loc[variants, ["test_roc_auc", "test_average_precision"]]
        yield path, Drawing("classification.ranking_curves", (title, *by_variant, areas))


def scores_of(variants: Iterable[str], leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the scores that figures of classifiers tell, by variant."""
    columns = ["trainings", "test_calibration_error", "test_roc_auc", "test_average_precision"]
    return leaderboard.set_index("variant").reindex(index=list(variants), columns=columns)


def rows_by_variant(path: Path) -> dict[str, pd.DataFrame]:
    """Read the rows of a table by variant, in their order, each from row 0 on."""
    groups = pd.read_csv(path).groupby("variant", sort=False)
    return {str(name): rows.reset_index(drop=True) for name, rows in groups}


def dataset_figures(name: str, splits: Iterable[str]) -> Figures:
    """Yield the figures of a data set."""
    spec = spec_of(name)
    if spec.image_shape:
        first = (Stored(read, (name,)) for read in (stored.first_images, stored.first_labels))
        yield f"data/{name}_samples", Drawing("datasets.samples", (f"{name}: the first images", *first))
    if spec.classes:
        targets = {split: load_split(name, split, inputs=False).y for split in splits}
        parts = ("train", "validation", "test")
        counts = {
            split: {part: np.bincount(y[part], minlength=len(spec.classes)) for part in parts if part in y}
            for split, y in targets.items()
        }
        title = f"{name}: rows of each class, by split"
        yield f"data/{name}_classes", Drawing("datasets.class_counts", (title, counts, spec.classes))
    if spec.features:
        for split in splits:
            yield from normalization_figures(name, split)


def normalization_figures(name: str, split: str) -> Figures:
    """Yield the figures of a data set's columns before and after normalization, if the split scales them."""
    if load_split(name, split, inputs=False).scaling["scaling"] == "none":
        return
    spec = spec_of(name)
    title, units = f"{name}, {split}", {**spec.units, "target": spec.target.unit}
    tables = Stored(stored.before_and_after, (name, split))
    yield f"data/{name}_{split}_describe", Drawing("datasets.described", (title, tables))
    published = Stored(stored.published, (name,))
    scaled = Stored(stored.scaled, (name, split))
    yield f"data/{name}_{split}_distributions", Drawing("datasets.distributions", (title, published, scaled, units))


def deciding_tables() -> Tables:
    """Read the tables of the run whose answers count: that of several seeds that is kept, where it belongs to this."""
    one = {path: pd.read_csv(path) for path in COMPARED}
    if folder_of(one[TRAININGS]) == SEVERAL_SEEDS or not all(kept(path).exists() for path in COMPARED):
        return one
    return merged({path: pd.read_csv(kept(path)) for path in COMPARED}, one)[0]


def cost_figures(leaderboard: pd.DataFrame, titles: Mapping[str, str]) -> Figures:
    """Yield what is reached at what cost, for each data set."""
    for dataset in leaderboard["dataset"].unique():
        metric = spec_of(dataset).ranked_by
        table = plot_tables.cost(leaderboard, {dataset: metric}, titles).reset_index(drop=True)
        title, name = (each["en"] for each in (text("datasets", dataset), label(metric, dataset)))
        yield f"cost/{dataset}", Drawing("cost.cost", (title, table, name, metric in LESS_IS_BETTER))


def sweep_figures() -> Figures:
    """Yield what each sweep found."""
    for name, declared in SWEEP.read_all().items():
        tables = {path.stem: pd.read_csv(path) for path in sorted((SWEEP_TABLES / name).glob("*.csv"))}
        dataset = declared["candidates"][0]["recipe"]["dataset"]
        metric = spec_of(dataset).ranked_by
        title = f"Sweep {name}: {len(declared['candidates'])} candidates with {declared['seeds']} seeds each"
        about = (metric, label(metric, dataset)["en"], metric in LESS_IS_BETTER)
        yield f"sweeps/{name}", Drawing("sweeps.sweep", (title, declared, tables, *about))


def keras_figures(
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    colors: Mapping[str, str],
) -> Figures:
    """Yield the figures of Keras's functions, and of the learning rates of the variants that change theirs."""
    for name, table in (("initializers", INITIALIZERS), ("activations", ACTIVATIONS)):
        yield f"keras/{name}", Drawing(f"keras_functions.{name}", (pd.read_csv(KERAS_TABLES / table),))
    schedules = rows_by_variant(KERAS_TABLES / SCHEDULES)
    found = {}
    for name, recipe in recipes.items():
        if name in histories and "learning_rate" in histories[name]:
            rows = len(load_split(recipe["dataset"], recipe["split"], inputs=False).y["train"])
            steps_per_epoch = -(-rows // recipe["batch_size"])
            found[name] = learning_rate(histories[name], schedules.get(name), steps_per_epoch)
    groups = rates_by_baseline(studies, found)
    drawn = {name: colors[name] for group in groups.values() for name in group}
    if drawn:
        yield "keras/schedules", Drawing("rates.schedules", (groups, drawn))


def chart_figures(
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    leaderboard: pd.DataFrame,
    colors: Mapping[str, str],
) -> Figures:
    """Yield learning curves, confusion matrices, reliability diagrams and drawings of models."""
    yield from study_figures(studies, recipes, histories, colors)
    for name, counts in rows_by_variant(CONFUSION).items():
        yield f"confusion/{name}", Drawing("classification.confusion_matrix", (name, counts, colors[name]))
    scores = scores_of(recipes, leaderboard)
    for name, bins in rows_by_variant(RELIABILITY).items():
        error, trainings = (float(scores[column][name]) for column in ("test_calibration_error", "trainings"))
        drawing = Drawing("classification.reliability_diagram", (name, bins, colors[name], error, trainings))
        yield f"reliability/{name}", drawing
    for name, recipe in recipes.items():
        if name in histories and "loss" in histories[name]:
            drawing = Drawing("curves.learning_curves", (name, histories[name], colors[name], recipe["dataset"]))
            yield f"curves/{name}", drawing
        if summary := SUMMARY.get(name):
            yield f"models/{name}", Drawing("models.drawing", (name, summary["layers"]))


def study_figures(
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    colors: Mapping[str, str],
) -> Figures:
    """Yield the learning curves of each study's variants."""
    for name, study in studies.items():
        by_dataset: dict[str, dict[str, pd.DataFrame]] = {}
        losses: dict[str, set[str]] = {}
        for variant in study_variants(study):
            dataset = recipes[variant]["dataset"]
            by_dataset.setdefault(dataset, {})[variant] = histories.get(variant, pd.DataFrame())
            losses.setdefault(dataset, set()).add(loss_function(recipes[variant]))
        without_loss = [dataset for dataset, functions in losses.items() if len(functions - {""}) > 1]
        yield f"studies/{name}", Drawing("curves.study_curves", (study.question, by_dataset, colors, without_loss))


def all_figures(folder: Path | None = None) -> Iterator[tuple[Path, Drawing]]:
    """Yield the path of each figure and what draws it, the slowest first.

    folder: gets all figures; None: that of the effects, at its place in a run.
    """
    catalogue = read_catalogue()
    titles = {name: catalogue.title(name) for name in catalogue.variants}
    plot = blocks(effects(deciding_tables(), catalogue.variants, read_costs(catalogue.variants)))
    for path in EFFECTS:
        shown = Drawing("all_effects.all_effects", (plot, "dark" in path.stem, "phone" in path.stem))
        yield folder / path.name if folder else path, shown
    if folder is None:
        return
    studies = read_studies()
    colors = variant_colors(catalogue, studies)
    leaderboard = pd.read_csv(LEADERBOARD)
    recipes, histories = RECIPE.read_all(), HISTORY.read_all()
    datasets_by_variant = {name: recipe["dataset"] for name, recipe in recipes.items()}
    for figures in (
        keras_figures(studies, recipes, histories, colors),
        *(dataset_figures(name, splits) for name, splits in catalogue.datasets.items()),
        chart_figures(studies, recipes, histories, leaderboard, colors),
        classifier_figures(datasets_by_variant, studies, leaderboard, colors),
        cost_figures(leaderboard, titles),
        sweep_figures(),
        variant_figures(recipes, colors),
    ):
        for name, drawing in figures:
            yield folder / f"{name}.png", drawing
