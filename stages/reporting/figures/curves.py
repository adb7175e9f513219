"""What happened epoch by epoch: losses, metrics and learning rates."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.reporting.charts import curve_metrics, over_trainings
from stages.reporting.figures import PART_COLOURS, grid_lines, logarithmic_y, panels, width_of
from stages.reporting.metrics import label, logarithmic

NO_EPOCHS = " (no epochs)"


def draw_trainings(axes: Axes, history: pd.DataFrame, column: str, colour: str) -> None:
    """Draw a column by epoch: of several trainings their mean and their range."""
    table = over_trainings(history, column)
    mean = table["mean"].dropna()
    axes.plot(mean.index, mean, color=colour, marker="o", markersize=3)
    if table["low"].notna().any():
        axes.fill_between(table.index, table["low"], table["high"], color=colour, alpha=0.2, linewidth=0)


def learning_curves(name: str, history: pd.DataFrame, dataset: str = "") -> Figure:
    """Draw every metric of a history by epoch, training beside validation, and the learning rate where it changes.

    dataset: of the variant; history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate.
    """
    columns = [str(column) for column in history]
    metrics = curve_metrics(history)
    if len(history["learning_rate"].unique()) > 1:
        metrics.append("learning_rate")
    diverged = history.loc[history["loss"].isna(), "epoch"]
    title = f"{name}: not finite in epoch {diverged.min()}" if len(diverged) else name
    figure, grid = panels(1, len(metrics), (2.7, 2.2), title=title, gap=(0.95, 0))
    for axes, metric in zip(grid[0], metrics, strict=True):
        for part, column in (("training", metric), ("validation", f"val_{metric}")):
            if column in columns:
                draw_trainings(axes, history, column, PART_COLOURS[part])
        axes.set_ylabel(label(metric, dataset)["en"])
        _far_apart(axes, metric, [history])
        _epochs(axes, history["epoch"].max())
        grid_lines(axes)
        if metric == "learning_rate" and axes.get_yscale() == "linear":
            axes.set_ylim(bottom=0)
    parts = ["training", *(["validation"] if "val_loss" in columns else [])]
    handles = [Line2D([], [], color=PART_COLOURS[part], marker="o", markersize=3, label=part) for part in parts]
    grid[0, 0].legend(handles=handles, frameon=False)
    return figure


def study_curves(
    name: str,
    histories: Mapping[str, Mapping[str, pd.DataFrame]],
    colours: Mapping[str, str],
    without_loss: Collection[str] = (),
) -> Figure:
    """Draw the loss and the metric of a study's variants by epoch, training left and validation right.

    histories: {data set: {variant: history, see `learning_curves`}}; what was not trained in epochs is named beside.
    colours: by variant; without_loss: the data sets whose variants lose different things, which are not to be compared.
    """
    rows = [
        (dataset, metric)
        for dataset, of_variants in histories.items()
        for metric in ("loss", "accuracy", "mean_absolute_error")
        if any(metric in history for history in of_variants.values())
        and not (metric == "loss" and dataset in without_loss)
    ]
    names = [variant for of_variants in histories.values() for variant in of_variants]
    untrained = [
        name for of_variants in histories.values() for name, history in of_variants.items() if "loss" not in history
    ]
    legend = max(width_of(names, 8), width_of((name + NO_EPOCHS for name in untrained), 8)) + 0.55
    if not rows:
        figure, grid = panels(1, 1, (4, 0.5), title=name, left=0.2, bottom=0.1)
        grid[0, 0].set_axis_off()
        text = "no learning curves: " + ", ".join(names)
        grid[0, 0].text(0, 0.5, text, va="center", transform=grid[0, 0].transAxes)
        return figure
    figure, grid = panels(
        *(len(rows), 2), (3.1, 2.1), title=name, right=0.15 + legend, gap=(0.35, 0.75), top=0.3, sharey="row"
    )
    for (dataset, metric), pair in zip(rows, grid, strict=True):
        drawn = {variant: history for variant, history in histories[dataset].items() if metric in history}
        for axes, part, column in zip(pair, ("training", "validation"), (metric, f"val_{metric}"), strict=True):
            for variant, history in drawn.items():
                if column in history:
                    draw_trainings(axes, history, column, colours[variant])
            axes.set_title(f"{dataset}, {part}" if len(histories) > 1 else part)
            _epochs(axes, max(history["epoch"].max() for history in drawn.values()))
            grid_lines(axes)
        pair[0].set_ylabel(label(metric, dataset)["en"])
        _far_apart(pair[0], metric, drawn.values())
        if metric == next(each for of, each in rows if of == dataset):
            handles = [
                Line2D([], [], color=colours[variant], marker="o", markersize=3, label=variant)
                if variant in drawn
                else Line2D([], [], linestyle="", label=variant + NO_EPOCHS)
                for variant in histories[dataset]
            ]
            pair[1].legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    return figure


def schedules(rates: Mapping[str, tuple[np.ndarray, np.ndarray]], colours: Mapping[str, str]) -> Figure:
    """Draw the learning rate of every variant that changes it.

    rates: by variant the epochs since the start and the rate from then on, both float (n,).
    """
    columns = min(max(len(rates), 1), 4)
    rows = -(-max(len(rates), 1) // columns)
    figure, grid = panels(rows, columns, (2.3, 1.7), top=0.35, gap=(1.0, 0.8), left=1.0)
    for axes in grid.flat[len(rates) :]:
        axes.set_axis_off()
    for axes, (name, (epochs, rate)) in zip(grid.flat, rates.items(), strict=False):
        axes.plot(epochs, rate, color=colours[name], drawstyle="steps-post")
        axes.set_title(name)
        axes.set_xlabel("epochs since the start")
        axes.set_ylabel("learning rate")
        axes.set_ylim(0, 1.08 * rate.max())
        axes.set_xlim(0, epochs.max())
        grid_lines(axes)
    if not rates:
        grid[0, 0].text(0, 0.5, "no variant changes its learning rate", transform=grid[0, 0].transAxes)
    return figure


def _epochs(axes: Axes, last: int) -> None:
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def _far_apart(axes: Axes, metric: str, histories: Iterable[pd.DataFrame]) -> None:
    values = [history.filter([metric, f"val_{metric}"]).to_numpy().ravel() for history in histories]
    if logarithmic(metric, np.concatenate(values)):
        logarithmic_y(axes)
