"""Curves by epoch: losses and metrics."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.presentation.metrics import label, logarithmic
from stages.presentation.plot_tables import curve_metrics, mean_and_range
from stages.reporting.figures import PART_COLORS, grid_lines, logarithmic_y, panels, width_of
from stages.reporting.figures.strands import common_beginnings, draw_strands

STUDY_METRICS = ("loss", "accuracy", "mean_absolute_error")
"""Metrics that a study's figure shows."""
CLOSE_UP_RATIO = 8
"""Curves get a close-up if their whole range is more than this many times that of their later halves."""
MARKERS = "os^vD<>"
"""Markers of a study's variants in turn, for readers who cannot tell their colors apart."""
STYLE: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.5}
SINGLE_EPOCH_STYLE: dict[str, Any] = {"linestyle": "", "markersize": 6.5, "fillstyle": "none", "markeredgewidth": 1.2}
"""A single epoch is a single marker: large and hollow, so that it is seen and hides no other."""


class Window(NamedTuple):
    """Limits of a close-up: its first epoch, and the lower and upper end of the vertical axis."""

    epoch: int
    low: float
    high: float

    @property
    def title(self) -> str:
        """Heading of the close-up."""
        return f"closer, from epoch {self.epoch}"


def mean_curve(history: pd.DataFrame, column: str) -> np.ndarray:
    """Epochs and the mean of a column over all trainings, float64 (n, 2)."""
    return mean_and_range(history, column)["mean"].dropna().reset_index().to_numpy(np.float64)


def draw_band(axes: Axes, history: pd.DataFrame, column: str, color: str) -> None:
    """Draw the range of a column by epoch, if there are several trainings."""
    table = mean_and_range(history, column)
    if table["low"].notna().any():
        axes.fill_between(table.index, table["low"], table["high"], color=color, alpha=0.2, linewidth=0)


def learning_curves(name: str, history: pd.DataFrame, color: str, dataset: str) -> Figure:
    """Draw every metric of a history by epoch, training and validation rows, and the learning rate if it changes.

    A second row shows the last epochs of the curves that have become steady.

    history: columns (split,) seed, epoch, <metric>, val_<metric>, learning_rate. color: of the validation rows and of
    the learning rate.
    """
    metrics = curve_metrics(history)
    if len(history["learning_rate"].unique()) > 1:
        metrics.append("learning_rate")
    windows = [None if metric == "learning_rate" else metric_close_up(metric, [history]) for metric in metrics]
    diverged = history.loc[history["loss"].isna(), "epoch"]
    title = f"{name}: not finite in epoch {diverged.min()}" if len(diverged) else name
    figure, grid = panels(1 + any(windows), len(metrics), (2.7, 2.2), title=title, gap=(0.95, 0.75), top=0.3)
    for metric, window, (whole, *below) in zip(metrics, windows, grid.T, strict=True):
        _draw_metric(whole, history, metric, color)
        whole.set_ylabel(label(metric, dataset)["en"])
        if _far_apart(metric, [history]):
            logarithmic_y(whole)
        elif metric == "learning_rate":
            whole.set_ylim(bottom=0)
        for axes in below:
            if window:
                _draw_metric(axes, history, metric, color, window)
                axes.set_ylabel(label(metric, dataset)["en"])
            else:
                axes.set_axis_off()
    part_colors = {"training": PART_COLORS["training"], **({"validation": color} if "val_loss" in history else {})}
    handles = [Line2D([], [], **STYLE, color=each, label=part) for part, each in part_colors.items()]
    grid[0, 0].legend(handles=handles, frameon=False)
    return figure


def _draw_metric(axes: Axes, history: pd.DataFrame, metric: str, color: str, window: Window | None = None) -> None:
    colors = {metric: color if metric == "learning_rate" else PART_COLORS["training"], f"val_{metric}": color}
    for column, column_color in colors.items():
        if column in history:
            axes.plot(*mean_curve(history, column).T, **STYLE, color=column_color)
            if window is None:
                draw_band(axes, history, column, column_color)
    if window:
        axes.set_title(window.title)
    _set_epochs(axes, history["epoch"].max(), window)
    grid_lines(axes)


class StudyRow(NamedTuple):
    """A row of panels in a study's figure: a metric of one data set, for training and validation rows."""

    dataset: str
    metric: str
    window: Window | None = None
    """If it is a close-up."""
    logarithmic: bool = False


def study_curves(
    title: str,
    histories: Mapping[str, Mapping[str, pd.DataFrame]],
    colors: Mapping[str, str],
    without_loss: Collection[str] = (),
) -> Figure:
    """Draw the loss and the metric of a study's variants by epoch, training rows left, validation rows right.

    The legend names the curves that are equal in their first epochs. There are no close-ups if there are several data
    sets.

    histories: {data set: {variant: history}}, see `learning_curves`; the legend names variants that were not trained in
    epochs, whose histories are empty. colors: by variant. without_loss: data sets whose variants minimize different
    losses, which cannot be compared.
    """
    rows: list[StudyRow] = []
    styles: dict[str, dict[str, Any]] = {}
    legends: dict[str, list[Line2D]] = {}
    several = len(histories) > 1
    for dataset, by_variant in histories.items():
        metrics = STUDY_METRICS[1:] if dataset in without_loss else STUDY_METRICS
        dataset_rows = list(_study_rows(dataset, by_variant, metrics, close_ups=not several))
        rows += dataset_rows
        styles |= _styles(by_variant, colors)
        legends[dataset] = _legend_handles(by_variant, [row.metric for row in dataset_rows], styles)
    if not rows:
        return _without_curves(title, [variant for by_variant in histories.values() for variant in by_variant])
    lines = [line for handles in legends.values() for handle in handles for line in _label(handle).splitlines()]
    figure, grid = panels(
        *(len(rows), 2),
        (3.1, 2.1),
        title=title,
        right=0.7 + width_of(lines, 8),
        gap=(0.35, 0.75),
        top=0.3,
        sharey="row",
    )
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
    for row, pair in zip(rows, grid, strict=True):
        _draw_study_row(pair, row, histories[row.dataset], styles, f"{row.dataset}, " if several else "")
        if handles := legends.pop(row.dataset, None):  # once, at its first row
            pair[1].legend(handles=handles, frameon=False, fontsize=8, **place)
    return figure


def _study_rows(
    dataset: str, histories: Mapping[str, pd.DataFrame], metrics: Iterable[str], close_ups: bool
) -> Iterator[StudyRow]:
    for metric in metrics:
        measured = [history for history in histories.values() if metric in history]
        if measured:
            yield StudyRow(dataset, metric, logarithmic=_far_apart(metric, measured))
            window = metric_close_up(metric, measured)
            if window and close_ups:
                yield StudyRow(dataset, metric, window)


def _without_curves(title: str, variants: Iterable[str]) -> Figure:
    figure, grid = panels(1, 1, (4, 0.5), title=title, left=0.2, bottom=0.1)
    axes = grid[0, 0]
    axes.set_axis_off()
    axes.text(0, 0.5, f"no learning curves: {', '.join(variants)}", va="center", transform=axes.transAxes)
    return figure


def _styles(histories: Mapping[str, pd.DataFrame], colors: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Line style of each variant that was trained in epochs. histories: by variant."""
    styles = {}
    trained = {variant: history for variant, history in histories.items() if "loss" in history}
    for place, (variant, history) in enumerate(trained.items()):
        style = STYLE | {"color": colors[variant], "marker": MARKERS[place % len(MARKERS)], "markersize": 4}
        styles[variant] = style | (SINGLE_EPOCH_STYLE if history["epoch"].max() == 1 else {})
    return styles


def _legend_handles(
    histories: Mapping[str, pd.DataFrame], metrics: Sequence[str], styles: Mapping[str, Mapping[str, Any]]
) -> list[Line2D]:
    """A legend's entries for the variants of one data set. metrics: drawn ones, in which curves may be equal."""
    metrics = list(dict.fromkeys(metrics))
    trained = {variant: history for variant, history in histories.items() if "loss" in history}
    shared = common_beginnings({variant: _means(history, metrics) for variant, history in trained.items()})
    handles = []
    for variant in histories:
        if variant not in trained:
            handles.append(Line2D([], [], linestyle="", label=f"{variant} (no epochs)"))
            continue
        other, epochs = shared[variant]
        equal = f"\n= {other}" if epochs else ""
        if epochs and epochs < histories[other]["epoch"].max():
            equal += f" to epoch {epochs}"
        handles.append(Line2D([], [], **styles[variant], label=variant + equal))
    return handles


def _draw_study_row(
    pair: Sequence[Axes],
    row: StudyRow,
    histories: Mapping[str, pd.DataFrame],
    styles: Mapping[str, Mapping[str, Any]],
    heading: str,
) -> None:
    """Draw the curves of one metric on two axes, those of training and of validation rows."""
    measured = {name: history for name, history in histories.items() if name in styles and row.metric in history}
    columns = {"training": row.metric, "validation": f"val_{row.metric}"}
    for axes, (part, column) in zip(pair, columns.items(), strict=True):
        shown = {variant: history for variant, history in measured.items() if column in history}
        draw_strands(axes, {variant: mean_curve(history, column) for variant, history in shown.items()}, styles)
        if row.window is None:
            for variant, history in shown.items():
                draw_band(axes, history, column, styles[variant]["color"])
        axes.set_title(heading + part + (f", {row.window.title}" if row.window else ""))
        _set_epochs(axes, max(history["epoch"].max() for history in measured.values()), row.window)
        grid_lines(axes)
    pair[0].set_ylabel(label(row.metric, row.dataset)["en"])
    if row.logarithmic:
        logarithmic_y(pair[0])


def metric_close_up(metric: str, histories: Sequence[pd.DataFrame]) -> Window | None:
    """Limits of a close-up of a metric on training and validation rows; none on a logarithmic axis."""
    return None if _far_apart(metric, histories) else close_up(histories, [metric, f"val_{metric}"])


def close_up(histories: Sequence[pd.DataFrame], columns: Sequence[str]) -> Window | None:
    """Limits for the later halves of most curves, if a full view would hide their differences; None if not.

    Curves are means over trainings. Curves that end outside Tukey's fences (1.5 times the interquartile range) are left
    out.
    """
    curves = [
        mean_and_range(history, column)["mean"][np.isfinite]
        for history in histories
        for column in columns
        if column in history
    ]
    curves = [curve for curve in curves if len(curve) > 3]
    if not curves:
        return None
    values, ends = pd.concat(curves), np.array([curve.iloc[-1] for curve in curves])
    lower, upper = np.quantile(ends, (0.25, 0.75))
    fence = 1.5 * (upper - lower)
    near = [curve for curve, end in zip(curves, ends, strict=True) if lower - fence <= end <= upper + fence]
    later = pd.concat([curve[curve.index > curve.index[-1] / 2] for curve in near])
    if CLOSE_UP_RATIO * np.ptp(later) >= np.ptp(values):  # true of constant curves as well
        return None
    margin = max(0.06 * np.ptp(later), 0.002 * abs(later.mean()))
    return Window(int(later.index.min()), later.min() - margin, later.max() + margin)


def _means(history: pd.DataFrame, metrics: Sequence[str]) -> np.ndarray:
    columns = [column for metric in metrics for column in (metric, f"val_{metric}")]
    means = {column: mean_and_range(history, column)["mean"] if column in history else 0 for column in columns}
    return pd.DataFrame(means).to_numpy()


def _label(handle: Line2D) -> str:
    return str(handle.get_label())


def _set_epochs(axes: Axes, last: int, window: Window | None = None) -> None:
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5 if window is None else window.epoch - 0.5, last + 0.5)
    if window:
        axes.set_ylim(window.low, window.high)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def _far_apart(metric: str, histories: Iterable[pd.DataFrame]) -> bool:
    values = [history.filter([metric, f"val_{metric}"]).to_numpy().ravel() for history in histories]
    return logarithmic(metric, np.concatenate(values))
