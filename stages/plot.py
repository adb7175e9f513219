"""Draw the reports, without TensorFlow: `python -m stages.plot`.

Reads the tables of `reports/tables/evaluation/`, `reports/tables/comparison/` and `reports/tables/sweeps/`, the
histories, the raw and the normalized data, the catalogue, the recipes, the sweeps, Keras's tables, the models'
summaries, weights and predictions, and the kept tables of several seeds, if they belong to this run. Writes
`reports/effects.png`, the answers to all questions in one picture, and, in `reports/figures/`:

    curves/<variant>.png         learning curves
    models/<variant>.png         layers and shapes
    confusion/<variant>.png      classifiers: test rows by class, and the pairs that are confused most often
    worst/<variant>.png          images: those with the most wrong predictions
    reliability/<variant>.png    classifiers: accuracy by the probability of the predicted class
    ranking/<variant>.png        two classes: ROC and precision-recall curves of each training and their mean
    residuals/<variant>.png      quantities: predicted and true values, residuals, and their places on a map
    weights/<variant>.png        softmax layers on pixels: their weights as images
    studies/<study>.png          learning curves of a study's variants
    studies_ranking/<study>.png  two classes: mean ROC and precision-recall curves of a study's variants
    sweeps/<sweep>.png           scores by the values of the keys, and the best of k candidates
    cost/<data set>.png          scores by the multiply-adds of the training, and the Pareto front
    data/<data set>_samples.png  ten images of each part with their labels
    data/<data set>_classes.png  rows of each class in the parts of every split
    data/<data set>_<split>_describe.png, data/<data set>_<split>_distributions.png
                                 tables: before and after normalization
    keras/activations.png, keras/initializers.png
                                 Keras's functions
    keras/schedules.png          learning rates of the variants that change theirs

Figures whose metric, history or predictions are missing are left out. Up to eight processes draw.
"""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from joblib import cpu_count  # it knows the limits of a container
from matplotlib.figure import Figure

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
from stages.datasets.spec import RAW, DatasetSpec, Raw, spec_of
from stages.documents import Study, read_studies
from stages.params.catalogue import read_catalogue
from stages.params.keras_tables import ACTIVATIONS, INITIALIZERS, KERAS_TABLES, SCHEDULES
from stages.presentation import plot_tables
from stages.presentation.colors import study_variants, variant_colors
from stages.presentation.effects import effects
from stages.presentation.kept import COMPARED, SEVERAL_SEEDS, Tables, folder_of, kept, merged
from stages.presentation.metrics import label
from stages.presentation.words import text
from stages.reporting import FIGURES
from stages.reporting.figures import (
    all_effects,
    classification,
    cost,
    curves,
    datasets,
    keras_functions,
    models,
    rates,
    regression,
    save,
    sweeps,
)
from stages.splits import load_split
from stages.training.recipe import Recipe

EFFECTS = Path("reports/effects.png")

MAX_PROCESSES = 8
"""Starting one more takes as long as drawing about ten figures."""

Draw = Callable[[], Figure]
Figures = Iterator[tuple[str, Draw]]
"""Names under `reports/figures/`, without `.png`, and the functions that draw them."""


def variant_figures(
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    raws: Mapping[str, Raw],
    colors: Mapping[str, str],
) -> Figures:
    """Yield the figures of each variant's history, model and predictions. raws: by data set; the others by variant."""
    for name, recipe in recipes.items():
        dataset = recipe["dataset"]
        if name in histories and "loss" in histories[name]:
            yield f"curves/{name}", partial(curves.learning_curves, name, histories[name], colors[name], dataset)
        summary = SUMMARY.get(name)
        if summary is None:
            continue
        yield f"models/{name}", partial(models.drawing, name, summary["layers"])
        spec = spec_of(dataset)
        kernel = softmax_kernel(MODELS / name, summary["layers"], spec.image_shape)
        if kernel is not None:
            yield f"weights/{name}", partial(models.weight_images, name, kernel, spec.classes)
        if not spec.classes:
            yield from residual_figures(name, recipe, raws[dataset], colors[name])


def softmax_kernel(
    folder: Path, layers: list[dict[str, Any]], image_shape: tuple[int, int] | None
) -> np.ndarray | None:
    """Weights of a model whose only Dense layer sees the pixels, float32 (height, width, classes); None for others."""
    if image_shape is None or [layer["class"] for layer in layers] != ["InputLayer", "Flatten", "Dense"]:
        return None
    with h5py.File(folder / "model.weights.h5") as weights:
        # Keras names the groups of a weights file by class, not by the layers' names.
        return weights["layers/dense/vars/0"][:].reshape(*image_shape, -1)


def residual_figures(name: str, recipe: Recipe, raw: Raw, color: str) -> Figures:
    """Yield the residuals of a variant's first training, if there are predictions of test rows."""
    spec = spec_of(recipe["dataset"])
    split = load_split(recipe["dataset"], recipe["split"], inputs=False)
    predictions = PREDICTIONS.get(name)
    if predictions is None or "test" not in predictions:
        return
    places = None
    if spec.location:
        features = pd.DataFrame(raw.x, columns=spec.feature_names).iloc[split.rows["test"]]
        labels = {feature: f"{feature} ({spec.units[feature]})" for feature in spec.location if feature in spec.units}
        places = features[[*spec.location]].rename(columns=labels)
    predicted = predictions["test"][0, :, 0]
    draw = partial(regression.residuals, name, split.y["test"], predicted, spec.target, places, color)
    yield f"residuals/{name}", draw


def classifier_figures(
    datasets_by_variant: Mapping[str, str],
    studies: Mapping[str, Study],
    raws: Mapping[str, Raw],
    leaderboard: pd.DataFrame,
    colors: Mapping[str, str],
) -> Figures:
    """Yield the figures of the tables that `evaluate` makes of classifiers. raws: by data set; colors: by variant."""
    columns = ["trainings", "test_calibration_error", "test_roc_auc", "test_average_precision"]
    scores = leaderboard.set_index("variant").reindex(index=list(datasets_by_variant), columns=columns)
    for name, counts in rows_by_variant(CONFUSION).items():
        yield f"confusion/{name}", partial(classification.confusion_matrix, name, counts, colors[name])
    for name, worst in rows_by_variant(WORST).items():
        dataset = datasets_by_variant[name]
        if spec_of(dataset).image_shape:
            yield f"worst/{name}", partial(classification.worst_images, name, worst, raws[dataset].x[worst["row"]])
    for name, bins in rows_by_variant(RELIABILITY).items():
        error, trainings = (float(scores[column][name]) for column in ("test_calibration_error", "trainings"))
        draw = partial(classification.reliability_diagram, name, bins, colors[name], error, trainings)
        yield f"reliability/{name}", draw
    roc, precision_recall = rows_by_variant(ROC), rows_by_variant(PRECISION_RECALL)
    groups = [(f"ranking/{name}", name, [name]) for name in roc]
    for name, study in studies.items():
        if variants := [variant for variant in study_variants(study) if variant in roc]:
            groups.append((f"studies_ranking/{name}", study.question, variants))
    for path, title, variants in groups:
        rocs = {variant: roc[variant] for variant in variants}
        precisions = {variant: precision_recall[variant] for variant in variants}
        areas = scores.loc[variants, ["test_roc_auc", "test_average_precision"]]
        yield path, partial(classification.ranking_curves, title, rocs, precisions, colors, areas)


def rows_by_variant(path: Path) -> dict[str, pd.DataFrame]:
    """Read the rows of a table by variant, in their order."""
    return {str(name): rows for name, rows in pd.read_csv(path).groupby("variant", sort=False)}


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
        yield f"studies/{name}", partial(curves.study_curves, study.question, by_dataset, colors, without_loss)


def dataset_figures(name: str, raw: Raw, splits: Iterable[str]) -> Figures:
    """Yield the figures of a data set."""
    spec = spec_of(name)
    if spec.image_shape:
        test_start = len(raw.y) - spec.test_rows
        rows = {"train": np.arange(test_start)[:10], "test": np.arange(test_start, len(raw.y))[:10]}
        images = {part: raw.x[numbers] for part, numbers in rows.items() if len(numbers)}
        labels = {part: [spec.classes[label] for label in raw.y[numbers]] for part, numbers in rows.items()}
        yield f"data/{name}_samples", partial(datasets.samples, f"{name}: the first images", images, labels)
    if spec.classes:
        targets = {split: load_split(name, split, inputs=False).y for split in splits}
        counts = {
            split: {part: np.bincount(y[part], minlength=len(spec.classes)) for part in datasets.SHADE if part in y}
            for split, y in targets.items()
        }
        title = f"{name}: rows of each class, by split"
        yield f"data/{name}_classes", partial(datasets.class_counts, title, counts, spec.classes)
    if spec.features:
        for split in splits:
            yield from normalization_figures(name, raw, split, spec)


def normalization_figures(name: str, raw: Raw, split: str, spec: DatasetSpec) -> Figures:
    """Yield the figures of a data set's columns before and after normalization, if the split scales them."""
    stored = load_split(name, split)
    if stored.scaling["scaling"] == "none":
        return
    published = pd.DataFrame(raw.x, columns=spec.feature_names).assign(target=raw.y)
    scaled = pd.DataFrame(stored.x["train"], columns=stored.scaling["features"]).astype(np.float64)
    tables = {
        f"as published, {len(published):,} rows": published,
        f"{split}, {len(scaled):,} training rows": scaled,
    }
    title, units = f"{name}, {split}", {**spec.units, "target": spec.target.unit}
    yield f"data/{name}_{split}_describe", partial(datasets.described, title, tables)
    yield f"data/{name}_{split}_distributions", partial(datasets.distributions, title, published, scaled, units)


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
        table = plot_tables.cost(leaderboard, {dataset: metric}, titles)
        title, name = (each["en"] for each in (text("datasets", dataset), label(metric, dataset)))
        yield f"cost/{dataset}", partial(cost.cost, title, table, name, metric in LESS_IS_BETTER)


def sweep_figures() -> Figures:
    """Yield what each sweep found."""
    for name, declared in SWEEP.read_all().items():
        tables = {path.stem: pd.read_csv(path) for path in sorted((SWEEP_TABLES / name).glob("*.csv"))}
        dataset = declared["candidates"][0]["recipe"]["dataset"]
        metric = spec_of(dataset).ranked_by
        title = f"Sweep {name}: {len(declared['candidates'])} candidates with {declared['seeds']} seeds each"
        axis = label(metric, dataset)["en"]
        yield f"sweeps/{name}", partial(sweeps.sweep, title, declared, tables, metric, axis, metric in LESS_IS_BETTER)


def keras_figures(
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    colors: Mapping[str, str],
) -> Figures:
    """Yield the figures of Keras's functions, and of the learning rates of the variants that change theirs."""
    yield "keras/initializers", partial(keras_functions.initializers, pd.read_csv(KERAS_TABLES / INITIALIZERS))
    yield "keras/activations", partial(keras_functions.activations, pd.read_csv(KERAS_TABLES / ACTIVATIONS))
    schedules = rows_by_variant(KERAS_TABLES / SCHEDULES)
    found = {}
    for name, recipe in recipes.items():
        if name in histories and "learning_rate" in histories[name]:
            rows = len(load_split(recipe["dataset"], recipe["split"], inputs=False).y["train"])
            steps_per_epoch = -(-rows // recipe["batch_size"])
            found[name] = rates.learning_rate(histories[name], schedules.get(name), steps_per_epoch)
    yield "keras/schedules", partial(rates.schedules, rates.rates_by_baseline(studies, found), colors)


def all_figures() -> Iterator[tuple[Path, Draw]]:
    """Yield the path of each figure and the function that draws it, the slowest first."""
    catalogue, studies = read_catalogue(), read_studies()
    colors = variant_colors(catalogue, studies)
    leaderboard = pd.read_csv(LEADERBOARD)
    recipes, histories = RECIPE.read_all(), HISTORY.read_all()
    raws = {name: spec_of(name).read(RAW / name) for name in catalogue.datasets}
    datasets_by_variant = {name: recipe["dataset"] for name, recipe in recipes.items()}
    titles = {name: catalogue.title(name) for name in catalogue.variants}
    yield EFFECTS, partial(all_effects.all_effects, effects(deciding_tables(), titles))
    for figures in (
        keras_figures(studies, recipes, histories, colors),
        *(dataset_figures(name, raws[name], splits) for name, splits in catalogue.datasets.items()),
        study_figures(studies, recipes, histories, colors),
        classifier_figures(datasets_by_variant, studies, raws, leaderboard, colors),
        cost_figures(leaderboard, titles),
        sweep_figures(),
        variant_figures(recipes, histories, raws, colors),
    ):
        for name, draw in figures:
            yield FIGURES / f"{name}.png", draw


def draw_and_save(path: Path, draw: Draw) -> None:
    """Draw one figure; the error of one that cannot be drawn names its path."""
    try:
        save(draw(), path)
    except Exception as error:
        raise RuntimeError(f"{path}: {type(error).__name__}: {error}") from error


def draw_all(figures: Iterable[tuple[Path, Draw]], processes: int) -> None:
    """Draw figures in several processes; their number does not change a byte.

    Raises: RuntimeError with the path of the first figure that cannot be drawn; BrokenProcessPool if one is killed.
    """
    gc.freeze()  # or the artists of each figure would have all objects made so far searched again
    # Forked processes have all imports. Ctrl-C reaches every process of the group; the parent ends its children.
    ignore_ctrl_c = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), signal.signal, ignore_ctrl_c)
    try:
        for drawn in as_completed([pool.submit(draw_and_save, *figure) for figure in figures]):
            drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


def main() -> None:
    """Draw everything."""
    draw_all(all_figures(), min(cpu_count(), MAX_PROCESSES))


if __name__ == "__main__":
    main()
