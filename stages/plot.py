"""Draw the reports, without TensorFlow: `python -m stages.plot`.

Reads the tables under `reports/`, the raw and the normalized data, the recipes, and of the models their summaries,
weights and predictions. Leaves `reports/overview.png` and in `reports/figures/`:

    curves/<variant>.png         learning curves
    models/<variant>.png         its layers and shapes
    confusion/<variant>.png      of classifiers: test rows by class, and the pairs that are confused most often
    worst/<variant>.png          of images: those that were most wrong
    reliability/<variant>.png    of classifiers: how often they are right by how sure they are
    ranking/<variant>.png        of two classes: ROC and precision-recall, of every training and their mean
    residuals/<variant>.png      of quantities: predicted against true, residuals, and where they are on the map
    weights/<variant>.png        of softmax layers that see the pixels: their weights as images
    studies/<study>.png          learning curves of its variants
    studies_ranking/<study>.png  of its variants for two classes: the mean ROC and precision-recall curves
    data/<data set>_samples.png  ten images of each part with their labels
    data/<data set>_classes.png  rows of each class in the parts of every split
    data/<data set>_<split>_describe.png, data/<data set>_<split>_distributions.png
                                 of tables: before and after normalization
    documents/activations.png, documents/initializers.png, documents/schedules.png
                                 what the documents compare

What is missing (a metric, a history, a variant's predictions) is left out. All cores draw, eight at most.
"""

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from joblib import cpu_count  # it knows the limits of a container
from matplotlib.figure import Figure

from stages.artifacts import HISTORY, MODELS, PREDICTIONS, RECIPE, SUMMARY
from stages.artifacts.tables import CONFUSION, LEADERBOARD, PRECISION_RECALL, RELIABILITY, ROC, WORST
from stages.comparison.studies import loss_function
from stages.datasets import Raw, load_split, module_of
from stages.training.recipe import Recipe
from stages.params.schema import Params, Study, read_params
from stages.presentation import metrics
from stages.presentation.colors import members_of, variant_colors
from stages.reporting.figures import (
    classification,
    curves,
    datasets,
    functions,
    models,
    overview,
    regression,
    save,
)

FIGURES = Path("reports/figures")
OVERVIEW = Path("reports/overview.png")
RAW = Path("data/raw")

PROCESSES = 8
"""At most: what each begins with takes as long as drawing some ten figures."""

Rate = curves.Rate
Draw = Callable[[], Figure]
Drawn = Iterator[tuple[str, Draw]]
"""Names under `reports/figures/`, without `.png`, and what draws each."""


def of_variants(
    recipes_of: dict[str, Recipe], histories: dict[str, pd.DataFrame], raws: dict[str, Raw], colors: dict[str, str]
) -> Drawn:
    """Draw what every variant left."""
    for name, recipe in recipes_of.items():
        if name in histories and "loss" in histories[name]:
            draw = partial(curves.learning_curves, name, histories[name], colors[name], recipe["dataset"])
            yield f"curves/{name}", draw
        summary = SUMMARY.get(name)
        if summary is None:
            continue
        yield f"models/{name}", partial(models.drawing, name, summary["layers"])
        module = module_of(recipe["dataset"])
        if len(kernel := softmax_kernel(MODELS / name, summary["layers"], module)):
            yield f"weights/{name}", partial(models.weight_images, name, kernel, module.CLASSES)
        if not module.CLASSES:
            yield from of_quantities(name, recipe, raws[recipe["dataset"]], colors[name])


def softmax_kernel(folder: Path, layers: list[dict[str, Any]], module: Any) -> np.ndarray:
    """Weights of a model whose only Dense layer sees the pixels, float32 (height, width, classes); else none."""
    kinds = [layer["class"] for layer in layers]
    if not hasattr(module, "IMAGE_SHAPE") or kinds != ["InputLayer", "Flatten", "Dense"]:
        return np.empty(0)
    with h5py.File(folder / "model.weights.h5") as weights:
        return weights["layers/dense/vars/0"][:].reshape(*module.IMAGE_SHAPE, -1)


def of_quantities(name: str, recipe: Recipe, raw: Raw, color: str) -> Drawn:
    """Draw the residuals of the first training."""
    split = load_split(recipe["dataset"], recipe["split"], inputs=False)
    predicted = PREDICTIONS.get(name)
    if predicted is None or "test" not in predicted:
        return
    table = pd.DataFrame(raw.x, columns=raw.features).iloc[split.rows["test"]]
    places = table[["Longitude", "Latitude"]].to_numpy() if {"Longitude", "Latitude"} <= set(table) else None
    target = metrics.target(recipe["dataset"])
    first = predicted["test"][0, :, 0]
    yield f"residuals/{name}", partial(regression.residuals, name, split.y["test"], first, target, places, color)


def of_classifiers(
    datasets_of: dict[str, str],
    studies: dict[str, Study],
    raws: dict[str, Raw],
    leaderboard: pd.DataFrame,
    colors: dict[str, str],
) -> Drawn:
    """Draw the tables that `evaluate` made of classifiers. datasets_of: by variant."""
    measured = ["trainings", "test_calibration_error", "test_roc_auc", "test_average_precision"]
    scores = leaderboard.set_index("variant").reindex(index=list(datasets_of), columns=measured)
    tables: dict[Path, dict[str, pd.DataFrame]] = {
        path: {str(name): rows for name, rows in pd.read_csv(path).groupby("variant", sort=False)}
        for path in (CONFUSION, WORST, RELIABILITY, ROC, PRECISION_RECALL)
    }
    for name, counts in tables[CONFUSION].items():
        yield f"confusion/{name}", partial(classification.confusion_matrix, name, counts, colors[name])
    for name, worst in tables[WORST].items():
        if hasattr(module_of(datasets_of[name]), "IMAGE_SHAPE"):
            images = raws[datasets_of[name]].x[worst["row"]]
            yield f"worst/{name}", partial(classification.worst_images, name, worst, images)
    for name, bins in tables[RELIABILITY].items():
        error, trainings = (float(scores[column][name]) for column in ("test_calibration_error", "trainings"))
        draw = partial(classification.reliability_diagram, name, bins, colors[name], error, trainings)
        yield f"reliability/{name}", draw
    groups = [(f"ranking/{name}", name, [name]) for name in tables[ROC]]
    for study, of_study in studies.items():
        if members := [name for name in members_of(of_study) if name in tables[ROC]]:
            groups.append((f"studies_ranking/{study}", of_study.question, members))
    for path, title, names in groups:
        roc, precision_recall = ({name: tables[table][name] for name in names} for table in (ROC, PRECISION_RECALL))
        figures_of = scores.loc[names, ["test_roc_auc", "test_average_precision"]]
        yield path, partial(classification.ranking_curves, title, roc, precision_recall, colors, figures_of)


def of_studies(
    studies: dict[str, Study],
    recipes_of: dict[str, Recipe],
    histories: dict[str, pd.DataFrame],
    colors: dict[str, str],
) -> Drawn:
    """Draw the learning curves of each study's variants."""
    for name, study in studies.items():
        of_dataset: dict[str, dict[str, pd.DataFrame]] = {}
        losses: dict[str, set[str]] = {}
        for variant in members_of(study):
            dataset = recipes_of[variant]["dataset"]
            of_dataset.setdefault(dataset, {})[variant] = histories.get(variant, pd.DataFrame())
            losses.setdefault(dataset, set()).add(loss_function(recipes_of[variant]))
        several = [dataset for dataset, of_variants in losses.items() if len(of_variants - {""}) > 1]
        yield f"studies/{name}", partial(curves.study_curves, study.question, of_dataset, colors, several)


def of_data(name: str, raw: Raw, splits: list[str]) -> Drawn:
    """Draw a data set."""
    module = module_of(name)
    parts = {split: load_split(name, split) for split in splits}
    if hasattr(module, "IMAGE_SHAPE"):
        rows = np.arange(len(raw.y))
        first = {"train": np.setdiff1d(rows, raw.test_rows)[:10], "test": raw.test_rows[:10]}
        labels = {part: [module.CLASSES[label] for label in raw.y[which]] for part, which in first.items()}
        images = {part: raw.x[which] for part, which in first.items() if len(which)}
        yield f"data/{name}_samples", partial(datasets.samples, f"{name}: the first images", images, labels)
    if module.CLASSES:
        counts = {
            split: {
                part: np.bincount(of_part.y[part], minlength=len(module.CLASSES))
                for part in datasets.SHADE
                if part in of_part.y
            }
            for split, of_part in parts.items()
        }
        title = f"{name}: rows of each class, by split"
        yield f"data/{name}_classes", partial(datasets.class_counts, title, counts, module.CLASSES)
    if not raw.features:
        return
    published = pd.DataFrame(raw.x, columns=raw.features).assign(target=raw.y)
    for split, of_part in parts.items():
        if of_part.scaling["scaling"] == "none":
            continue
        kept = of_part.scaling["features"]
        scaled = pd.DataFrame(of_part.x["train"], columns=kept).astype(np.float64)
        headings = {
            f"as published, {len(published):,} rows": published,
            f"{split}, {len(scaled):,} training rows": scaled,
        }
        title, units = f"{name}, {split}", metrics.UNITS.get(name, {})
        yield f"data/{name}_{split}_describe", partial(datasets.described, title, headings)
        yield f"data/{name}_{split}_distributions", partial(datasets.distributions, title, published, scaled, units)


def of_documents(
    studies: dict[str, Study],
    recipes_of: dict[str, Recipe],
    histories: dict[str, pd.DataFrame],
    colors: dict[str, str],
    seed: int,
) -> Drawn:
    """Draw the functions that the documents compare, and the learning rates of the variants that change theirs."""
    yield "documents/initializers", partial(functions.initializers, seed)
    yield "documents/activations", functions.activations
    rates = {
        name: learning_rate(recipe, histories[name])
        for name, recipe in recipes_of.items()
        if name in histories and "learning_rate" in histories[name]
    }
    yield "documents/schedules", partial(curves.schedules, beside_baselines(studies, rates), colors)


def beside_baselines(studies: dict[str, Study], rates: dict[str, Rate]) -> dict[str, dict[str, Rate]]:
    """Learning rates of the variants that change theirs, with those of what studies compare them with.

    Returns: {baseline: {variant: rate}}, the baseline first. What changes its rate and has no baseline is its own.
    """
    changing = {name for name, (_, rate) in rates.items() if len(np.unique(rate)) > 1}
    compared: dict[str, list[str]] = {}
    for study in studies.values():
        for member in study.members:
            compared.setdefault(member.baseline or study.baseline, []).append(member.variant)
    groups = {
        baseline: {name: rates[name] for name in dict.fromkeys([baseline, *members]) if name in rates}
        for baseline, members in compared.items()
        if changing & {*members}
    }
    alone = changing.difference(*groups.values())
    return groups | {name: {name: rates[name]} for name in rates if name in alone}


def learning_rate(recipe: Recipe, history: pd.DataFrame) -> Rate:
    """Epochs since the start and the learning rate from then on, float64 (n,) each, of the first training."""
    first = history[(history["epoch"].diff() <= 0).cumsum() == 0]
    rows = len(load_split(recipe["dataset"], recipe["split"], inputs=False).y["train"])
    steps = -(-rows // recipe["batch_size"])
    scheduled = functions.scheduled_rate(recipe["optimizer"], steps * len(first))
    if scheduled is None:
        rate = first["learning_rate"].to_numpy()
        return np.arange(len(rate) + 1), np.append(rate, rate[-1])
    return np.arange(len(scheduled)) / steps, scheduled


def everything(params: Params) -> Iterator[tuple[Path, Draw]]:
    """Where each figure belongs, and what draws it: those that take longest first."""
    colors = variant_colors(params)
    leaderboard = pd.read_csv(LEADERBOARD)
    recipes_of, histories = RECIPE.read_all(), HISTORY.read_all()
    raws = {name: module_of(name).read(RAW / name) for name in params.datasets}
    datasets_of = {name: recipe["dataset"] for name, recipe in recipes_of.items()}
    ranked_by = {dataset: module_of(dataset).RANKED_BY for dataset in leaderboard["dataset"].unique()}
    yield OVERVIEW, partial(overview.overview, leaderboard, ranked_by)
    for drawn in (
        of_documents(params.studies, recipes_of, histories, colors, params.seed),
        *(of_data(name, raws[name], list(dataset.splits)) for name, dataset in params.datasets.items()),
        of_studies(params.studies, recipes_of, histories, colors),
        of_classifiers(datasets_of, params.studies, raws, leaderboard, colors),
        of_variants(recipes_of, histories, raws, colors),
    ):
        for name, draw in drawn:
            yield FIGURES / f"{name}.png", draw


def draw_and_save(path: Path, draw: Draw) -> None:
    """Draw one figure, in whichever process."""
    try:
        save(draw(), path)
    except Exception as error:
        raise RuntimeError(f"{path}: {type(error).__name__}: {error}") from error


def draw_all(figures: Iterable[tuple[Path, Draw]], processes: int) -> None:
    """Draw figures in so many processes; the bytes do not depend on how many.

    Raises: RuntimeError with the path of the first figure that cannot be drawn; BrokenProcessPool if one is killed.
    """
    gc.freeze()  # what there is by now stays: the artists of each figure would have all of it searched again
    # Forked, the processes have all imports. Ctrl-C reaches all of them: who started them ends them.
    deaf = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), signal.signal, deaf)
    try:
        for drawn in as_completed([pool.submit(draw_and_save, *each) for each in figures]):
            drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


def main() -> None:
    """Draw everything."""
    draw_all(everything(read_params()), min(cpu_count(), PROCESSES))


if __name__ == "__main__":
    main()
