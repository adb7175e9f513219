"""Draw the README's picture, or all figures: `python -m stages.plot`.

    python -m stages.plot                    # reports/effects*.png
    python -m stages.plot --output slides    # all figures, in a folder of its own

Reads the catalogue, the tables of `reports/tables/comparison/` and the kept tables of several seeds, if they belong to
this run. Writes `reports/effects.png`, the plot of effects that the report page begins with,
`reports/effects_dark.png`, and both for a phone. The report page draws everything else itself; `--output` draws it too,
as PNG files for slides and papers. For these it also reads the other tables, the histories, the raw and the normalized
data, the recipes, the sweeps, Keras's tables, and the models' summaries, weights and predictions:

    curves/<variant>.png         learning curves
    models/<variant>.png         layers and shapes
    confusion/<variant>.png      classifiers: test rows by class, and the pairs that are confused most often
    reliability/<variant>.png    classifiers: accuracy by the probability of the predicted class
    worst/<variant>.png          images: those with the most wrong predictions
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

import argparse
import gc
import multiprocessing
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from stages.reporting.all_figures import all_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MADE = ("data", "reports")
"""Folders of the pipeline's own files."""

MAX_PROCESSES = 8
FIGURES_OF_A_PROCESS = 3
"""One more process is started for each so many, the last ones included."""

START = "fork" if sys.platform == "linux" else "spawn"
"""How a process starts: on macOS a fork of one that has used threads, as linear algebra does there, may hang."""

Draw = Callable[[], "Figure"]


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
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context(START), signal.signal, ignore_ctrl_c)
    try:
        for drawn in as_completed([pool.submit(draw_and_save, *figure) for figure in figures]):
            drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


def processes_for(figures: int) -> int:
    """Give the number of processes that pay for so many figures."""
    from joblib import cpu_count  # it knows the limits of a container

    return min(int(cpu_count()), MAX_PROCESSES, -(-figures // FIGURES_OF_A_PROCESS))


def new_folder(name: str) -> Path:
    """Make a folder for all figures; ValueError for one of the pipeline's, and for one that holds something."""
    folder = Path(name)
    if any(folder.resolve().is_relative_to(Path(made).resolve()) for made in MADE):
        raise ValueError(f"--output: expected a folder outside of {' and '.join(MADE)}, got {name}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(f"--output: expected a folder that can be written, got {name}: {error.strerror}") from error
    if found:
        raise ValueError(f"--output: expected an empty folder or a new one, got {name}, which holds {found[0].name}")
    return folder


def main(arguments: list[str] | None = None) -> None:
    """Draw the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.plot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", metavar="FOLDER", help="draw all figures, in a new folder")
    options = parser.parse_args(arguments)
    try:
        folder = new_folder(options.output) if options.output is not None else None
        figures = [*all_figures(folder)]
    except FileNotFoundError as error:
        sys.exit(f"{error.filename}: expected the file that `dvc repro` leaves there, got none")
    except ValueError as error:
        sys.exit(str(error))
    draw_all(figures)


if __name__ == "__main__":
    main()
