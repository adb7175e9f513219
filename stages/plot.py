"""Draw the figures, without TensorFlow: `python -m stages.plot`.

    python -m stages.plot                 # reports/effects.png and reports/figures/
    python -m stages.plot --all slides    # all figures, in a folder of its own

Reads the tables of `reports/tables/evaluation/`, `reports/tables/comparison/` and `reports/tables/sweeps/`, the
histories, the raw and the normalized data, the catalogue, the recipes, the sweeps, Keras's tables, the models'
summaries, weights and predictions, and the kept tables of several seeds, if they belong to this run. Writes
`reports/effects.png`, the answers to all questions in one picture, and, in `reports/figures/`:

    worst/<variant>.png          images: those with the most wrong predictions
    ranking/<variant>.png        two classes: ROC and precision-recall curves of each training and their mean
    residuals/<variant>.png      quantities: predicted and true values, residuals, and their places on a map
    weights/<variant>.png        softmax layers on pixels: their weights as images
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

With `--all`, also what the report page draws itself:

    curves/<variant>.png         learning curves
    models/<variant>.png         layers and shapes
    confusion/<variant>.png      classifiers: test rows by class, and the pairs that are confused most often
    reliability/<variant>.png    classifiers: accuracy by the probability of the predicted class
    studies/<study>.png          learning curves of a study's variants

Figures whose metric, history or predictions are missing are left out. Up to eight processes draw. As a stage of DVC it
draws those that have changed, and takes the others from `.dvc/tmp/figures/` in the repository.
"""

import argparse
import gc
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

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
from stages.datasets.spec import RAW, spec_of
from stages.documents import Study, read_studies
from stages.params.catalogue import read_catalogue
from stages.params.keras_tables import ACTIVATIONS, INITIALIZERS, KERAS_TABLES, SCHEDULES
from stages.presentation import plot_tables
from stages.presentation.colors import study_variants, variant_colors
from stages.presentation.effects import effects
from stages.presentation.kept import COMPARED, SEVERAL_SEEDS, Tables, folder_of, kept, merged
from stages.presentation.metrics import label
from stages.presentation.words import text
from stages.reporting import FIGURES, stored
from stages.reporting.code import hash_of
from stages.reporting.drawings import Drawing, Stored
from stages.reporting.kept_pictures import KeptPictures
from stages.reporting.learning_rates import learning_rate, rates_by_baseline
from stages.splits import NORMALIZED, load_split
from stages.training.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EFFECTS = Path("reports/effects.png")
KEPT = Path(".dvc/tmp/figures")
"""Pictures of former runs, from the root of the repository."""
MADE = ("data", "reports")
"""Folders of the pipeline's own files."""

MAX_PROCESSES = 8
FIGURES_OF_A_PROCESS = 10
"""Starting one more process takes as long as drawing so many."""

Draw = Callable[[], "Figure"]
Figures = Iterator[tuple[str, Drawing]]
"""Names under `reports/figures/`, without `.png`, and what draws them."""


def variant_figures(recipes: Mapping[str, Recipe], colors: Mapping[str, str], contents: Mapping[str, str]) -> Figures:
    """Yield the figures of each variant's weights and residuals. contents: hashes of the raw files by data set."""
    for name, recipe in recipes.items():
        summary = SUMMARY.get(name)
        if summary is None:
            continue
        spec = spec_of(recipe["dataset"])
        # One Dense layer that sees the pixels.
        if spec.image_shape and [layer["class"] for layer in summary["layers"]] == ["InputLayer", "Flatten", "Dense"]:
            path = MODELS / name / "model.weights.h5"
            kernel = Stored(stored.softmax_kernel, (path, spec.image_shape), hash_of(path))
            yield f"weights/{name}", Drawing("models.weight_images", (name, kernel, spec.classes))
        if not spec.classes:
            yield from residual_figures(name, recipe, colors[name], contents[recipe["dataset"]])


def residual_figures(name: str, recipe: Recipe, color: str, content: str) -> Figures:
    """Yield the residuals of a variant's first training, if there are predictions of test rows."""
    spec = spec_of(recipe["dataset"])
    predictions = PREDICTIONS.get(name)
    if predictions is None or "test" not in predictions:
        return
    split = load_split(recipe["dataset"], recipe["split"], inputs=False)
    places = Stored(stored.places, (recipe["dataset"], split.rows["test"]), content) if spec.location else None
    arguments = (name, split.y["test"], predictions["test"][0, :, 0], spec.target, places, color)
    yield f"residuals/{name}", Drawing("regression.residuals", arguments)


def classifier_figures(
    datasets_by_variant: Mapping[str, str],
    studies: Mapping[str, Study],
    leaderboard: pd.DataFrame,
    colors: Mapping[str, str],
    contents: Mapping[str, str],
) -> Figures:
    """Yield the figures of the tables that `evaluate` makes of classifiers. contents: see `variant_figures`."""
    for name, worst in rows_by_variant(WORST).items():
        dataset = datasets_by_variant[name]
        if spec_of(dataset).image_shape:
            images = Stored(stored.images, (dataset, worst["row"].tolist()), contents[dataset])
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


def dataset_figures(name: str, splits: Iterable[str], content: str) -> Figures:
    """Yield the figures of a data set. content: hash of its raw files."""
    spec = spec_of(name)
    if spec.image_shape:
        first = (Stored(read, (name,), content) for read in (stored.first_images, stored.first_labels))
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
        content_of_splits = hash_of(NORMALIZED / name)
        for split in splits:
            yield from normalization_figures(name, split, content, content_of_splits)


def normalization_figures(name: str, split: str, content: str, content_of_splits: str) -> Figures:
    """Yield the figures of a data set's columns before and after normalization, if the split scales them."""
    if load_split(name, split, inputs=False).scaling["scaling"] == "none":
        return
    spec = spec_of(name)
    title, units = f"{name}, {split}", {**spec.units, "target": spec.target.unit}
    tables = Stored(stored.before_and_after, (name, split), content + content_of_splits)
    yield f"data/{name}_{split}_describe", Drawing("datasets.described", (title, tables))
    published = Stored(stored.published, (name,), content)
    scaled = Stored(stored.scaled, (name, split), content_of_splits)
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
    yield "keras/schedules", Drawing("rates.schedules", (groups, drawn))


def chart_figures(
    studies: Mapping[str, Study],
    recipes: Mapping[str, Recipe],
    histories: Mapping[str, pd.DataFrame],
    leaderboard: pd.DataFrame,
    colors: Mapping[str, str],
) -> Figures:
    """Yield what the report page draws itself."""
    yield from study_figures(studies, recipes, histories, colors)
    for name, counts in rows_by_variant(CONFUSION).items():
        yield f"confusion/{name}", Drawing("classification.confusion_matrix", (name, counts, colors[name]))
    scores = scores_of(recipes, leaderboard)
    for name, bins in rows_by_variant(RELIABILITY).items():
        error, trainings = (float(scores[column][name]) for column in ("test_calibration_error", "trainings"))
        arguments = (name, bins, colors[name], error, trainings)
        yield f"reliability/{name}", Drawing("classification.reliability_diagram", arguments)
    for name, recipe in recipes.items():
        if name in histories and "loss" in histories[name]:
            arguments = (name, histories[name], colors[name], recipe["dataset"])
            yield f"curves/{name}", Drawing("curves.learning_curves", arguments)
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

    folder: gets all figures, those too that the report page draws itself; None: the others at the places of a run.
    """
    catalogue, studies = read_catalogue(), read_studies()
    colors = variant_colors(catalogue, studies)
    leaderboard = pd.read_csv(LEADERBOARD)
    recipes, histories = RECIPE.read_all(), HISTORY.read_all()
    contents = {name: hash_of(RAW / name) for name in catalogue.datasets}
    datasets_by_variant = {name: recipe["dataset"] for name, recipe in recipes.items()}
    titles = {name: catalogue.title(name) for name in catalogue.variants}
    shown = Drawing("all_effects.all_effects", (effects(deciding_tables(), titles),))
    yield folder / EFFECTS.name if folder else EFFECTS, shown
    for figures in (
        keras_figures(studies, recipes, histories, colors),
        *(dataset_figures(name, splits, contents[name]) for name, splits in catalogue.datasets.items()),
        chart_figures(studies, recipes, histories, leaderboard, colors) if folder else (),
        classifier_figures(datasets_by_variant, studies, leaderboard, colors, contents),
        cost_figures(leaderboard, titles),
        sweep_figures(),
        variant_figures(recipes, colors, contents),
    ):
        for name, drawing in figures:
            yield (folder or FIGURES) / f"{name}.png", drawing


def draw_and_save(path: Path, draw: Draw) -> None:
    """Draw one figure; the error of one that cannot be drawn names its path."""
    from stages.reporting.figures import save

    try:
        save(draw(), path)
    except Exception as error:
        raise RuntimeError(f"{path}: {type(error).__name__}: {error}") from error


def draw_all(figures: Sequence[tuple[Path, Draw]], processes: int | None = None) -> None:
    """Draw figures in several processes; their number does not change a byte.

    processes: as many as pay, if None.
    Raises: RuntimeError with the path of the first figure that cannot be drawn; BrokenProcessPool if one is killed.
    """
    if not figures:
        return
    import stages.reporting.figures  # noqa: F401 (so that forked processes have it)

    processes = processes or processes_for(len(figures))
    gc.freeze()  # or the artists of each figure would have all objects made so far searched again
    if processes == 1:
        for figure in figures:
            draw_and_save(*figure)
        return
    # Ctrl-C reaches every process of the group; the parent ends its children.
    ignore_ctrl_c = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), signal.signal, ignore_ctrl_c)
    try:
        for drawn in as_completed([pool.submit(draw_and_save, *figure) for figure in figures]):
            drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


def processes_for(figures: int) -> int:
    """Give the number of processes that pay for so many figures."""
    from joblib import cpu_count  # it knows the limits of a container

    return min(int(cpu_count()), MAX_PROCESSES, -(-figures // FIGURES_OF_A_PROCESS))


def draw_changed(figures: Iterable[tuple[Path, Drawing]], pictures: KeptPictures) -> None:
    """Write figures: those whose pictures are kept as they are, the others drawn."""
    changed = []
    for path, drawing in figures:
        key = drawing.key()
        picture = pictures.get(key)
        if picture is None:
            changed.append((path, drawing, key))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
    draw_all([(path, drawing) for path, drawing, _ in changed])
    for path, _, key in changed:
        pictures.put(key, path.read_bytes())
    pictures.reduce()


def new_folder(name: str) -> Path:
    """Give a folder for all figures; ValueError for one of the pipeline's, and for one that holds something."""
    folder = Path(name)
    if any(folder.resolve().is_relative_to(Path(made).resolve()) for made in MADE):
        raise ValueError(f"--all: expected a folder outside of {' and '.join(MADE)}, got {name}")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--all: expected a folder, got the file {name}")
    if folder.exists() and (found := sorted(folder.iterdir())):
        raise ValueError(f"--all: expected an empty folder or a new one, got {name}, which holds {found[0].name}")
    return folder


def main(arguments: list[str] | None = None) -> None:
    """Draw the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.plot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", metavar="folder", help="draw all figures, in a new folder")
    options = parser.parse_args(arguments)
    try:
        folder = new_folder(options.all) if options.all is not None else None
    except ValueError as error:
        sys.exit(str(error))
    if folder is None:
        shutil.rmtree(FIGURES, ignore_errors=True)  # as DVC does
    root = os.environ.get("DVC_ROOT")
    if root and folder is None:
        draw_changed(all_figures(), KeptPictures(Path(root) / KEPT))
    else:
        draw_all([*all_figures(folder)])


if __name__ == "__main__":
    main()
