"""Errors of classifiers, and how well their probabilities are calibrated."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.presentation.plot_tables import most_confused
from stages.reporting.figures import grid_lines, name_columns, name_rows, panels, width_of
from stages.reporting.ranking import GRID, by_training, precision_on_grid, precision_without_skill, roc_on_grid

MAX_CONFUSED_PAIRS = 10


def confusion_matrix(name: str, counts: pd.DataFrame, color: str) -> Figure:
    """Draw the test rows by actual and predicted class, and the pairs of classes that are confused most often.

    counts: columns actual, predicted, count, in the order of the classes.
    """
    classes = list(dict.fromkeys(counts["actual"]))
    matrix = counts["count"].to_numpy().reshape(len(classes), len(classes))
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    pairs = most_confused(counts, MAX_CONFUSED_PAIRS)
    labels = (pairs["actual"] + " → " + pairs["predicted"]).tolist()
    size = max(0.36 * len(classes), 2.2)
    class_width, pair_width = width_of(classes), width_of(labels, 8)
    figure, grid = panels(
        *(1, 2),
        (size, size),
        title=name,
        left=class_width + 0.35,
        top=0.3,
        bottom=0.75 * class_width + 0.5,
        right=0.25,
        gap=(pair_width + 0.3, 0),
    )
    axes, bars = grid[0]
    axes.set_title("test rows (shade: share of class)")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            shade = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=shade, fontsize=8)
    name_rows(axes, classes)
    name_columns(axes, classes)
    axes.set_xlabel("predicted", labelpad=0.72 * 72 * class_width + 8)
    axes.set_ylabel("actual", labelpad=72 * class_width + 2)
    bars.set_title("most confused, actual → predicted")
    bars.barh(range(len(pairs)), pairs["count"], color=color, height=0.6)
    name_rows(bars, labels, fontsize=8)
    bars.set_ylim(MAX_CONFUSED_PAIRS - 0.5 if len(pairs) > 2 else 1.5, -0.5)
    bars.set_xlim(0, 1.05 * max(pairs["count"].max(), 1) if len(pairs) else 1)
    bars.set_xlabel("test rows")
    grid_lines(bars, "x")
    return figure


def worst_images(name: str, worst: pd.DataFrame, images: np.ndarray) -> Figure:
    """Draw the images with the most wrong predictions, each with its actual and its predicted class.

    worst: see `stages.evaluation.tables.worst_rows`; images: uint8 (rows of worst, height, width).
    """
    columns, (wide, high) = 5, (1.38, 1.42)  # an image with its caption, in widths of the image
    rows = -(-max(len(worst), 1) // columns)
    size = (columns * wide, rows * high)
    figure, grid = panels(1, 1, size, title=f"{name}: most wrong test images", left=0.05, right=0.05, top=0.1, bottom=0)
    axes = grid[0, 0]
    axes.set_axis_off()
    lines = [
        [
            f"{word} {label}, {_percent(share)}"
            for label, share in zip(worst[kind], worst[f"probability_{kind}"], strict=True)
        ]
        for word, kind in (("is", "actual"), ("said", "predicted"))
    ]
    for place, (image, caption) in enumerate(zip(images, map("\n".join, zip(*lines, strict=True)), strict=True)):
        left, top = (place % columns) * wide + (wide - 1) / 2, (place // columns) * high
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=(left, left + 1, top + 1, top))
        axes.text(left + 0.5, top + 1.04, caption, ha="center", va="top", fontsize=7)
    axes.set_xlim(0, size[0])
    axes.set_ylim(size[1], 0)
    return figure


def reliability_diagram(
    name: str, bins: pd.DataFrame, color: str, calibration_error: float, trainings: float = 1
) -> Figure:
    """Draw the accuracy of predictions by the probability of the predicted class, and the rows of each bin.

    bins: columns confidence, accuracy, rows, over all trainings; calibration_error: mean over trainings.
    """
    figure, grid = panels(
        *(2, 1), (2.6, 1.5), title=name, left=0.9, gap=(0, 0.15), sharex=True, gridspec_kw={"height_ratios": [2.2, 0.8]}
    )
    above, below = grid[:, 0]
    above.plot([0, 1], [0, 1], color="#8a8d91", linestyle="--", linewidth=1)
    above.plot(bins["confidence"], bins["accuracy"], color=color, marker="o", markersize=4, clip_on=False)
    above.set_ylabel("share that is right")
    above.set_xlim(0, 1)
    above.set_ylim(0, 1)
    if np.isfinite(calibration_error):
        text = f"calibration error {calibration_error:.3f}" + (
            f"\n(mean of {trainings:.0f} trainings)" if trainings > 1 else ""
        )
        above.text(0.97, 0.04, text, ha="right", fontsize=8)
    below.bar(bins["confidence"], bins["rows"], width=0.04, color=color)
    below.set_ylabel("rows of all\ntrainings" if trainings > 1 else "test rows", fontsize=8)
    below.set_xlabel("probability of the predicted class")
    figure.align_ylabels()
    grid_lines(above)
    return figure


def ranking_curves(
    title: str,
    roc: Mapping[str, pd.DataFrame],
    precision_recall: Mapping[str, pd.DataFrame],
    colors: Mapping[str, str],
    scores: pd.DataFrame,
) -> Figure:
    """Draw the mean ROC and precision-recall curves of variants; of a single variant those of each training as well.

    roc: by variant, columns split, seed, false_positive_rate, true_positive_rate; precision_recall: columns split,
    seed, recall, precision; scores: ROC AUC and average precision, a row for each variant.
    """
    labels = [f"{name}: {auc:.3f}, {precision:.3f}" for name, auc, precision in scores.itertuples()]
    figure, grid = panels(1, 2, (2.8, 2.8), title=title, top=0.3, right=0.8 + width_of(labels, 8))
    roc_axes, precision_axes = grid[0]
    for name, label in zip(roc, labels, strict=True):
        style: dict[str, Any] = {"color": colors[name], "label": label, "single": len(roc) == 1}
        _draw_mean(roc_axes, [roc_on_grid(curve) for curve in by_training(roc[name])], **style)
        _draw_mean(precision_axes, [precision_on_grid(curve) for curve in by_training(precision_recall[name])], **style)
    roc_axes.plot([0, 1], [0, 1], color="#8a8d91", linestyle="--", linewidth=1)
    roc_axes.set_xlabel("false positive rate")
    roc_axes.set_ylabel("true positive rate")
    roc_axes.set_title("ROC")
    share = precision_without_skill([each for table in precision_recall.values() for each in by_training(table)])
    precision_axes.axhline(share, color="#8a8d91", linestyle="--", linewidth=1, label="without any skill")
    precision_axes.set_xlabel("recall")
    precision_axes.set_ylabel("precision")
    precision_axes.set_title("precision and recall")
    precision_axes.legend(
        frameon=False,
        fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        title="ROC AUC, average precision",
        title_fontsize=8,
    )
    for axes in (roc_axes, precision_axes):
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        grid_lines(axes)
    return figure


def _draw_mean(axes: Axes, trainings: list[np.ndarray], color: str, label: str, single: bool) -> None:
    if single and len(trainings) > 1:
        for values in trainings:
            axes.plot(GRID, values, color=color, linewidth=0.7, alpha=0.5)
    axes.plot(GRID, np.mean(trainings, axis=0), color=color, linewidth=2, label=label)


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %" if probability >= 0.01 else "< 1 %"
