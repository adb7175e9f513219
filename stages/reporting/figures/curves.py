"""What happened epoch by epoch: losses, metrics and learning rates."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.presentation.metrics import label, logarithmic
from stages.presentation.plot_tables import curve_metrics, over_trainings
from stages.reporting.figures import PART_COLORS, grid_lines, logarithmic_y, panels, width_of
from stages.reporting.figures.strands import beginnings, draw_strands

HIDDEN = 8
"""Curves that reach so many times as far as their later halves do are drawn a second time, closer."""
NO_EPOCHS = " (no epochs)"
MARKERS = "os^vD<>"
"""Of the variants of a study in turns, for eyes that their colors do not tell apart."""
STYLE: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.5}
OF_ONE_EPOCH: dict[str, Any] = {"linestyle": "", "markersize": 6.5, "fillstyle": "none", "markeredgewidth": 1.2}
"""Such a marker is all that there is, and hides no other."""
DECADES = 1000
"""So many times smaller than the greatest is the least learning rate that is drawn: cosines end at none."""

Rate = tuple[np.ndarray, np.ndarray]
"""Epochs since the start and the learning rate from then on, float64 (n,) each."""


class Window(NamedTuple):
    """What a close-up shows: from an epoch on, what is from low to high."""

    epoch: int
    low: float
    high: float

    @property
    def title(self) -> str:
        """What stands above it."""
        return f"closer, from epoch {self.epoch}"


def mean_curve(history: pd.DataFrame, column: str) -> np.ndarray:
    """Epochs and the mean of a column over all trainings, float64 (n, 2)."""
    return over_trainings(history, column)["mean"].dropna().reset_index().to_numpy(np.float64)


def draw_band(axes: Axes, history: pd.DataFrame, column: str, color: str) -> None:
    """Draw the range of a column by epoch, if there are several trainings."""
    table = over_trainings(history, column)
    if table["low"].notna().any():
        axes.fill_between(table.index, table["low"], table["high"], color=color, alpha=0.2, linewidth=0)


def learning_curves(name: str, history: pd.DataFrame, color: str, dataset: str = "") -> Figure:
    """Draw every metric of a history by epoch, training beside validation, and the learning rate where it changes.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. color: of the validation rows, and of
    what there is one of. dataset: of the variant. Below are the last epochs of what has become steady.
    """
    columns = [str(column) for column in history]
    metrics = curve_metrics(history)
    if len(history["learning_rate"].unique()) > 1:
        metrics.append("learning_rate")
    far_apart = {metric for metric in metrics if _far_apart(metric, [history])}
    closer = {
        metric: close_up([history], [metric, f"val_{metric}"])
        for metric in metrics
        if metric not in {"learning_rate", *far_apart}
    }
    diverged = history.loc[history["loss"].isna(), "epoch"]
    title = f"{name}: not finite in epoch {diverged.min()}" if len(diverged) else name
    rows = 1 + any(closer.values())
    figure, grid = panels(rows, len(metrics), (2.7, 2.2), title=title, gap=(0.95, 0.75), top=0.3)
    for metric, column_of_axes in zip(metrics, grid.T, strict=True):
        for axes, window in zip(column_of_axes, (None, closer.get(metric)), strict=False):
            if axes is not column_of_axes[0] and window is None:
                axes.set_axis_off()
                continue
            first = color if metric == "learning_rate" else PART_COLORS["training"]
            for column, of_column in ((metric, first), (f"val_{metric}", color)):
                if column in columns:
                    axes.plot(*mean_curve(history, column).T, **STYLE, color=of_column)
                    if window is None:
                        draw_band(axes, history, column, of_column)
            if window:
                axes.set_title(window.title)
            axes.set_ylabel(label(metric, dataset)["en"])
            _epochs(axes, history["epoch"].max(), window)
            grid_lines(axes)
            if metric in far_apart:
                logarithmic_y(axes)
            elif metric == "learning_rate":
                axes.set_ylim(bottom=0)
    part_colors = {"training": PART_COLORS["training"], **({"validation": color} if "val_loss" in columns else {})}
    handles = [Line2D([], [], **STYLE, color=each, label=part) for part, each in part_colors.items()]
    grid[0, 0].legend(handles=handles, frameon=False)
    return figure


def study_curves(
    title: str,
    histories: Mapping[str, Mapping[str, pd.DataFrame]],
    colors: Mapping[str, str],
    without_loss: Collection[str] = (),
) -> Figure:
    """Draw the loss and the metric of a study's variants by epoch, training left and validation right.

    histories: {data set: {variant: history, see `learning_curves`}}; what was not trained in epochs is named beside.
    colors: by variant; without_loss: the data sets whose variants lose different things, which are not to be compared.
    The legend says which curves are the same at first. Several data sets are long enough without what is closer.
    """
    metrics = {
        dataset: [
            metric
            for metric in ("loss", "accuracy", "mean_absolute_error")
            if any(metric in history for history in of_variants.values())
            and not (metric == "loss" and dataset in without_loss)
        ]
        for dataset, of_variants in histories.items()
    }
    if not any(metrics.values()):
        figure, grid = panels(1, 1, (4, 0.5), title=title, left=0.2, bottom=0.1)
        grid[0, 0].set_axis_off()
        text = "no learning curves: " + ", ".join(name for of_variants in histories.values() for name in of_variants)
        grid[0, 0].text(0, 0.5, text, va="center", transform=grid[0, 0].transAxes)
        return figure
    windows: list[tuple[str, str, Window | None]] = []
    far_apart = set()
    for dataset, metric in ((dataset, metric) for dataset, of_dataset in metrics.items() for metric in of_dataset):
        windows.append((dataset, metric, None))
        having = [history for history in histories[dataset].values() if metric in history]
        if _far_apart(metric, having):
            far_apart.add((dataset, metric))
        elif len(histories) == 1 and (window := close_up(having, [metric, f"val_{metric}"])):
            windows.append((dataset, metric, window))
    trained = {
        dataset: {variant: history for variant, history in of_variants.items() if "loss" in history}
        for dataset, of_variants in histories.items()
    }
    begin = {
        variant: beginning
        for dataset, of_variants in trained.items()
        for variant, beginning in beginnings(
            {name: _means(history, metrics[dataset]) for name, history in of_variants.items()}
        ).items()
    }
    styles = {
        variant: STYLE
        | {"color": colors[variant], "marker": MARKERS[place % len(MARKERS)], "markersize": 4}
        | (OF_ONE_EPOCH if history["epoch"].max() == 1 else {})
        for of_variants in trained.values()
        for place, (variant, history) in enumerate(of_variants.items())
    }
    handles = {
        dataset: [
            Line2D([], [], **styles[variant], label=variant + _likeness(*begin[variant], of_variants))
            if variant in begin
            else Line2D([], [], linestyle="", label=variant + NO_EPOCHS)
            for variant in of_variants
        ]
        for dataset, of_variants in histories.items()
    }
    lines = [line for each in handles.values() for handle in each for line in str(handle.get_label()).splitlines()]
    figure, grid = panels(
        *(len(windows), 2),
        (3.1, 2.1),
        title=title,
        right=0.7 + width_of(lines, 8),
        gap=(0.35, 0.75),
        top=0.3,
        sharey="row",
    )
    for (dataset, metric, window), pair in zip(windows, grid, strict=True):
        drawn = {variant: history for variant, history in trained[dataset].items() if metric in history}
        for axes, part, column in zip(pair, ("training", "validation"), (metric, f"val_{metric}"), strict=True):
            shown = {variant: history for variant, history in drawn.items() if column in history}
            draw_strands(axes, {variant: mean_curve(history, column) for variant, history in shown.items()}, styles)
            for variant, history in shown.items() if window is None else ():
                draw_band(axes, history, column, colors[variant])
            heading = f"{dataset}, {part}" if len(histories) > 1 else part
            axes.set_title(f"{heading}, {window.title}" if window else heading)
            _epochs(axes, max(history["epoch"].max() for history in drawn.values()), window)
            grid_lines(axes)
        pair[0].set_ylabel(label(metric, dataset)["en"])
        if (dataset, metric) in far_apart:
            logarithmic_y(pair[0])
        if window is None and metric == metrics[dataset][0]:
            pair[1].legend(
                handles=handles[dataset], frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1.0)
            )
    return figure


def close_up(histories: Sequence[pd.DataFrame], columns: Sequence[str]) -> Window | None:
    """Where the later halves of most curves are, if what comes before, or a few that lie far off, hide them there.

    Means over trainings count. A few: those that end outside Tukey's fences, 1.5 times the quartiles' distance.
    """
    curves = [
        over_trainings(history, column)["mean"][np.isfinite]
        for history in histories
        for column in columns
        if column in history
    ]
    curves = [curve for curve in curves if len(curve) > 3]
    if not curves:
        return None
    everything, ends = pd.concat(curves), np.array([curve.iloc[-1] for curve in curves])
    lower, upper = np.quantile(ends, (0.25, 0.75))
    fence = 1.5 * (upper - lower)
    near = [curve for curve, end in zip(curves, ends, strict=True) if lower - fence <= end <= upper + fence]
    later = pd.concat([curve[curve.index > curve.index[-1] / 2] for curve in near])
    if HIDDEN * np.ptp(later) >= np.ptp(everything):  # of what never changes, too
        return None
    margin = max(0.06 * np.ptp(later), 0.002 * abs(later.mean()))
    return Window(int(later.index.min()), later.min() - margin, later.max() + margin)


def schedules(groups: Mapping[str, Mapping[str, Rate]], colors: Mapping[str, str]) -> Figure:
    """Draw the learning rates of variants beside those that they are compared with.

    groups: {baseline: {variant, itself too: the epochs since the start and the rate from then on, float (n,) each}}.
    """
    longest = max((len(rates) for rates in groups.values()), default=1)
    columns, below = min(max(len(groups), 1), 3), 0.65 + 0.17 * longest
    size = (-(-max(len(groups), 1) // columns), columns)
    figure, grid = panels(*size, (2.9, 2.0), top=0.35, gap=(1.0, below + 0.2), left=1.0, bottom=below)
    for axes in grid.flat[len(groups) :]:
        axes.set_axis_off()
    for axes, (baseline, rates) in zip(grid.flat, groups.items(), strict=False):
        styles = {name: {"color": colors[name], "linewidth": 2, "drawstyle": "steps-post"} for name in rates}
        draw_strands(axes, _on_one_grid(rates), styles)
        labels = {name: f"{name} (baseline)" if name == baseline and len(rates) > 1 else name for name in rates}
        handles = [Line2D([], [], color=colors[name], linewidth=2, label=said) for name, said in labels.items()]
        axes.set_title(f"beside {baseline}" if baseline in rates and len(rates) > 1 else ", ".join(rates))
        axes.set_xlabel("epochs since the start")
        axes.set_ylabel("learning rate")
        everything = np.concatenate([rate for _, rate in rates.values()])
        top = everything.max()
        if logarithmic("learning_rate", everything):
            logarithmic_y(axes)
            axes.set_ylim(max(everything.min() / 1.3, top / DECADES), 1.3 * top)
        else:
            axes.set_ylim(0, 1.08 * top)
        axes.set_xlim(0, max(epochs.max() for epochs, _ in rates.values()))
        place_of_legend = {"loc": "upper left", "bbox_to_anchor": (0, -0.42 / 2.0)}
        axes.legend(handles=handles, frameon=False, fontsize=8, borderpad=0, handlelength=2.5, **place_of_legend)
        grid_lines(axes)
    if not groups:
        grid[0, 0].text(0, 0.5, "no variant changes its learning rate", transform=grid[0, 0].transAxes)
    return figure


def _on_one_grid(rates: Mapping[str, Rate]) -> dict[str, np.ndarray]:
    """Epochs and rates, float64 (n, 2), with a row wherever any rate has one: they may change by step or by epoch.

    In the precision that Keras keeps them in: histories have no more.
    """
    grid = np.unique(np.concatenate([epochs for epochs, _ in rates.values()]))
    found = {}
    for name, (epochs, rate) in rates.items():
        own = grid[grid <= epochs[-1]]
        last = np.searchsorted(epochs, own, side="right") - 1
        found[name] = np.stack([own, rate[last].astype(np.float32)], axis=1)
    return found


def _means(history: pd.DataFrame, metrics: Sequence[str]) -> np.ndarray:
    columns = [column for metric in metrics for column in (metric, f"val_{metric}")]
    means = {column: over_trainings(history, column)["mean"] if column in history else 0 for column in columns}
    return pd.DataFrame(means).to_numpy()


def _likeness(like: str, rows: int, histories: Mapping[str, pd.DataFrame]) -> str:
    """A second line of a legend, for what is the same as another at first; histories: by variant."""
    if not rows:
        return ""
    return f"\n= {like}" + ("" if rows == histories[like]["epoch"].max() else f" to epoch {rows}")


def _epochs(axes: Axes, last: int, window: Window | None = None) -> None:
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5 if window is None else window.epoch - 0.5, last + 0.5)
    if window:
        axes.set_ylim(window.low, window.high)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def _far_apart(metric: str, histories: Iterable[pd.DataFrame]) -> bool:
    values = [history.filter([metric, f"val_{metric}"]).to_numpy().ravel() for history in histories]
    return logarithmic(metric, np.concatenate(values))
