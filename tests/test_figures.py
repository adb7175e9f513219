import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import h5py
import matplotlib
import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from projects import wait_until

from stages import artifacts, plot, reporting
from stages.artifacts import tables
from stages.datasets import fashion_mnist, housing, thoracic
from stages.datasets.spec import spec_of
from stages.documents import Study, read_studies
from stages.params.catalogue import Catalogue, VariantEntry, write_catalogue
from stages.presentation.colors import variant_colors
from stages.presentation.effect_plot import Block, Place, Row
from stages.presentation.kept import COMPARED
from stages.presentation.words import LANGUAGES
from stages.reporting import layout, learning_rates, stored
from stages.reporting.drawings import Drawing, Stored
from stages.reporting.figures import (
    DPI,
    PART_COLORS,
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
    strands,
)

HISTORY = pd.DataFrame(
    {
        "seed": 42,
        "epoch": [1, 2],
        "loss": [0.5, 0.4],
        "val_loss": [0.6, 0.7],
        "accuracy": [0.8, 0.9],
        "val_accuracy": [0.7, 0.75],
        "learning_rate": [0.1, 0.05],
    }
)
TWO_SEEDS = pd.concat([HISTORY, HISTORY.assign(seed=43, loss=0.3)])
COLOR = "#0072b2"
HOUSING = spec_of("housing")
CLASSES = spec_of("fashion_mnist").classes
GENERATOR = np.random.default_rng(7)
CONSTANT, HALVED = ((np.arange(3), np.array([0.01, 0.01, last])) for last in (0.01, 0.005))


def falling(first: float, rate: float, epochs: int = 10) -> pd.DataFrame:
    """Losses that fall at a rate, fast and then hardly, and on validation rows a little higher."""
    loss = first * np.exp(-rate * np.arange(epochs))
    columns = {"loss": loss, "val_loss": 1.01 * loss, "learning_rate": 0.1}
    return pd.DataFrame({"seed": 42, "epoch": np.arange(1, epochs + 1), **columns})


STEADY = falling(1.0, 0.5) + {"seed": 0, "epoch": 0, "loss": 0.2, "val_loss": 0.2, "learning_rate": 0}
"""Not so far apart that the axis would be logarithmic."""


def layer(name: str, kind: str, units: int, parameters: int, *inputs: str) -> layout.Layer:
    shape = [None, units]
    return {"name": name, "class": kind, "output_shape": shape, "parameters": parameters, "inputs": list(inputs)}


CHAIN = [
    layer("x", "InputLayer", 8, 0),
    *(layer(f"dense_{each}", "Dense", 8, 72, f"dense_{each - 1}" if each else "x") for each in range(100)),
    layer("out", "Dense", 1, 9, "dense_99"),
]
WIDE_AND_DEEP = [
    layer("x", "InputLayer", 8, 0),
    layer("dense", "Dense", 30, 270, "x"),
    layer("dense_1", "Dense", 30, 930, "dense"),
    layer("concatenate", "Concatenate", 38, 0, "x", "dense_1"),
    layer("main", "Dense", 1, 39, "concatenate"),
]
TWO_OUTPUTS = [
    layer("deep", "InputLayer", 6, 0),
    layer("dense", "Dense", 30, 210, "deep"),
    layer("wide", "InputLayer", 5, 0),
    layer("dense_1", "Dense", 30, 930, "dense"),
    layer("concatenate", "Concatenate", 35, 0, "wide", "dense_1"),
    layer("main", "Dense", 1, 36, "concatenate"),
    layer("auxiliary", "Dense", 1, 31, "dense_1"),
]
ESTIMATOR = [{"name": "estimator", "class": "SGDClassifier", "output_shape": None, "parameters": 7850}]

COUNTS = pd.DataFrame(
    [(one, other, 9 if one == other else place % 4) for one in CLASSES for place, other in enumerate(CLASSES)],
    columns=["actual", "predicted", "count"],
)
WORST = pd.DataFrame(
    {
        "row": range(7),
        "actual": "Ankle boot",
        "predicted": "T-shirt/top",
        "probability_actual": [0.001] * 6 + [0.3],
        "probability_predicted": 0.6,
    }
)
IMAGES = GENERATOR.integers(0, 256, (10, 28, 28)).astype(np.uint8)
BINS = pd.DataFrame({"confidence": [0.4, 0.9], "accuracy": [0.5, 0.8], "rows": [3, 30]})
ROC = pd.concat(
    pd.DataFrame(
        {"split": split, "seed": 42, "false_positive_rate": [0, 0, 0.5, 1], "true_positive_rate": [0, high, high, 1]}
    )
    for split, high in enumerate([0.5, 1.0])
)
PRECISION_RECALL = pd.DataFrame(
    {"split": 0, "seed": 42, "recall": [0, 0.5, 0.5, 1, 1], "precision": [1, 1, 0.5, 0.6, 0.2]}
)
SCORES = pd.DataFrame({"auc": [0.75, np.nan], "precision": [0.6, np.nan]}, index=["mine", "other"])
TABLE = pd.DataFrame(GENERATOR.normal(size=(40, 3)) * [1, 3, 1e4], columns=["MedInc", "AveOccup", "Population"])
Y = GENERATOR.uniform(0, 5, 60).astype(np.float32)
PLACES = pd.DataFrame(
    GENERATOR.uniform(-124, 42, (60, 2)), columns=["Longitude (degrees east)", "Latitude (degrees north)"]
)
KERNEL = GENERATOR.normal(size=(28, 28, 10))
INPUTS = np.linspace(-4, 4, 9)
ACTIVATIONS = pd.DataFrame({"input": INPUTS, "tanh": np.tanh(INPUTS), "leaky_relu": np.maximum(INPUTS, 0.3 * INPUTS)})
PAIRS = [("tanh", "glorot_uniform"), ("relu", "glorot_uniform"), ("relu", "he_normal"), ("selu", "lecun_normal")]
NAMES = list(dict.fromkeys(name for _, name in PAIRS))
INITIALIZERS = pd.DataFrame(
    [
        *(("weights", name, "", x, 10) for name in NAMES for x in (-0.1, 0.0, 0.1)),
        *(("spread", name, "", fan_in, fan_in**-0.5) for name in NAMES for fan_in in (30, 100)),
        *(("signal", name, activation, layer, 0.5) for activation, name in PAIRS for layer in (1, 2)),
    ],
    columns=["quantity", "initializer", "activation", "x", "value"],
)
"""A table like that of `stages.params.keras_tables`; the signal of ReLU with Glorot's initializer vanishes."""
INITIALIZERS.loc[(INITIALIZERS["activation"] == "relu") & (INITIALIZERS["initializer"] == NAMES[0]), "value"] = 1e-9
COSTS = pd.DataFrame(
    {
        "dataset": "housing: MSE",
        "title": ["few units, but many epochs", "others", "many", "lost"],
        "multiply_adds": [1e8, 2e9, 3e9, 4e9],
        "parameters": [1e3, 1e4, 1e6, 1e5],
        "value": [0.8, 0.79, 0.9, 0.1],
        "low": [0.79, 0.78, -np.inf, 0.09],
        "high": [0.81, 0.8, np.inf, 0.11],
        "front": [1, 0, 1, 0],
    }
)


def row(title: str, place: Place | None = None, does: str = "helps", **texts: str) -> Row:
    """A row of the plot of effects."""
    said = {"compared": "Many units against few units", "claim": "as claimed", "size": "+3.0 points", **texts}
    shown: dict[str, Any] = {key: dict.fromkeys(LANGUAGES, each) for key, each in {"title": title, **said}.items()}
    return Row(**{"study": "s", "note": None, "interval": None, "does": does, "effect": 0.0, "place": place, **shown})


ENDS = (dict.fromkeys(LANGUAGES, "−10"), dict.fromkeys(LANGUAGES, "+10"))
SIDES = (dict.fromkeys(LANGUAGES, "← worse"), dict.fromkeys(LANGUAGES, "better →"))
EFFECTS = [
    row("Saved", Place(100, 100, 0, broken=True), note="the other diverges in 100 %", size="–"),
    row("Far", Place(100, 100, 0, beyond="right")),
    row(3 * "long name " + "of a technique", Place(60, 40, 40), interval="0.0003 lower to 0.0160 higher"),
    row("Same", Place(50, 49, 2), "no difference"),
    row("Open", Place(45, 0, 100, cut="cut-left cut-right"), "open", claim="opposite of the claim"),
    row("Unmeasured", None, "not measured"),
]
OTHER = dict.fromkeys(LANGUAGES, "Other")
PLOT = [
    Block(
        metric="accuracy",
        dataset="images",
        title=dict.fromkeys(LANGUAGES, "test accuracy, points"),
        ends=ENDS,
        sides=SIDES,
        band=5,
        rows=EFFECTS,
    ),
    Block(metric="", dataset="", title=OTHER, ends=None, sides=SIDES, band=0, rows=EFFECTS[-1:]),
]

FIGURES: dict[str, Callable[[], Figure]] = {
    "curves": lambda: curves.learning_curves("mine", HISTORY, COLOR, "housing"),
    "curves of one epoch": lambda: curves.learning_curves("mine", HISTORY[:1], COLOR, "housing"),
    "curves without validation": lambda: curves.learning_curves(
        "mine", HISTORY.drop(columns=["val_loss", "val_accuracy"]), COLOR, "housing"
    ),
    "curves of two seeds, one diverged": lambda: curves.learning_curves(
        "mine", pd.concat([HISTORY, HISTORY.assign(seed=43, loss=np.nan)]), COLOR, "housing"
    ),
    "curves of two splits": lambda: curves.learning_curves("mine", TWO_SEEDS.assign(split=0), COLOR, "housing"),
    "curves that become steady": lambda: curves.learning_curves("mine", STEADY, COLOR, "housing"),
    "study": lambda: curves.study_curves(
        "mine",
        {
            "fashion_mnist": {
                "mine": TWO_SEEDS,
                "batch_norm_before_activation": HISTORY,
                "sgd_classifier": pd.DataFrame(),
            },
            "housing": {"other": HISTORY.rename(columns={"accuracy": "mean_absolute_error"}).assign(loss=[90, 0.4])},
        },
        dict.fromkeys(["mine", "batch_norm_before_activation", "other"], COLOR),
    ),
    "study with one far off": lambda: curves.study_curves(
        "mine",
        {
            "fashion_mnist": {name: falling(1 + number / 50, 0.05) for number, name in enumerate("abcdefg")}
            | {"sigmoid_300_100": falling(6.0, 0.01)},
        },
        dict.fromkeys([*"abcdefg", "sigmoid_300_100"], COLOR),
    ),
    "study without curves": lambda: curves.study_curves("mine", {"housing": {"majority": pd.DataFrame()}}, {}),
    "schedules": lambda: rates.schedules(
        {
            "batch_norm_before_activation": {"batch_norm_before_activation": CONSTANT, "mine": HALVED},
            "l2_l1_max_norm_dropout": dict.fromkeys(("l2_l1_max_norm_dropout", *"bcde"), HALVED),
            "alone": {"alone": HALVED},
        },
        dict.fromkeys(["batch_norm_before_activation", "mine", "l2_l1_max_norm_dropout", *"bcde", "alone"], COLOR),
    ),
    "confusion": lambda: classification.confusion_matrix("mine", COUNTS, COLOR),
    "confusion of two classes": lambda: classification.confusion_matrix(
        "mine",
        pd.DataFrame({"actual": ["a", "a", "b", "b"], "predicted": ["a", "b"] * 2, "count": [3, 1, 0, 0]}),
        COLOR,
    ),
    "no confusion": lambda: classification.confusion_matrix(
        "mine", COUNTS.assign(count=9 * (COUNTS["actual"] == COUNTS["predicted"])), COLOR
    ),
    "worst": lambda: classification.worst_images("mine", WORST, IMAGES[:7]),
    "no worst": lambda: classification.worst_images("mine", WORST[:0], IMAGES[:0]),
    "reliability": lambda: classification.reliability_diagram("mine", BINS, COLOR, 0.05),
    "reliability without figure": lambda: classification.reliability_diagram("mine", BINS, COLOR, np.nan),
    "ranking": lambda: classification.ranking_curves(
        "mine", {"mine": ROC}, {"mine": PRECISION_RECALL}, {"mine": COLOR}, SCORES[:1]
    ),
    "ranking of several": lambda: classification.ranking_curves(
        "mine",
        dict.fromkeys(["mine", "other"], ROC),
        dict.fromkeys(["mine", "other"], PRECISION_RECALL),
        {"mine": COLOR, "other": "#d55e00"},
        SCORES,
    ),
    "residuals": lambda: regression.residuals("mine", Y, Y[::-1], HOUSING.target, None, COLOR),
    "residuals on the map": lambda: regression.residuals(
        "mine", Y, np.where(Y > 4, 90, Y[::-1]), HOUSING.target, PLACES, COLOR
    ),
    "samples": lambda: datasets.samples(
        "images", {"train": IMAGES, "test": IMAGES[:4]}, {"train": list(CLASSES), "test": list(CLASSES[:4])}
    ),
    "classes": lambda: datasets.class_counts(
        "rows", {"holdout": {"train": np.arange(10), "test": np.arange(10)}, "all": {"train": np.arange(10)}}, CLASSES
    ),
    "describe": lambda: datasets.described("mine", {"before": TABLE, "after": TABLE / 3}),
    "distributions": lambda: datasets.distributions("mine", TABLE, TABLE[["MedInc"]], HOUSING.units),
    "chain": lambda: models.drawing("mine", CHAIN),
    "wide and deep": lambda: models.drawing("mine", WIDE_AND_DEEP),
    "two outputs": lambda: models.drawing("mine", TWO_OUTPUTS),
    "estimator": lambda: models.drawing("mine", ESTIMATOR),
    "weights": lambda: models.weight_images("mine", KERNEL, CLASSES),
    "activations": lambda: keras_functions.activations(ACTIVATIONS),
    "initializers": lambda: keras_functions.initializers(INITIALIZERS),
    "effects": lambda: all_effects.all_effects(PLOT),
    "effects, dark": lambda: all_effects.all_effects(PLOT, dark=True),
    "effects for a phone": lambda: all_effects.all_effects(PLOT, phone=True),
    "no effects": lambda: all_effects.all_effects([]),
    "cost": lambda: cost.cost("Houses", COSTS, "accuracy", less_is_better=False),
    "cost of one variant": lambda: cost.cost("Houses", COSTS[:1], "MSE in (100,000 USD)²", less_is_better=True),
    "no cost": lambda: cost.cost("Houses", COSTS[:0], "accuracy", less_is_better=False),
}


def drawn(figure: Figure) -> FigureCanvasAgg:
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def texts_of(figure: Figure) -> list[Text]:
    """The texts that can be read; ticks outside the limits of their axis are not drawn."""
    hidden = set()
    for axes in figure.findobj(matplotlib.axes.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            shown = getattr(axis, "_update_ticks")() if axes.axison and axis.get_visible() else []  # noqa: B009 (untyped)
            ticks = [*axis.majorTicks, *axis.minorTicks]
            hidden |= {label for tick in ticks if tick not in shown for label in (tick.label1, tick.label2)}
            if not axes.axison:
                hidden.add(axis.label)
    texts = figure.findobj(Text)
    return [text for text in texts if text.get_text() and text.get_visible() and text not in hidden]


@pytest.mark.parametrize("phone", [False, True])
def test_the_picture_of_effects_has_each_dot_at_its_place_and_each_row_its_word(phone: bool) -> None:
    axes = all_effects.all_effects(PLOT, phone=phone).axes[0]
    left, right = (all_effects.PHONE if phone else all_effects.WIDE).scale
    places = [Place(100, 0, 0), Place(100, 0, 0), Place(60, 0, 0), Place(50, 0, 0), Place(45, 0, 0)]
    dots = [(line.get_marker(), float(np.asarray(line.get_xdata()).item())) for line in axes.lines]
    expected = [left + (right - left) * place.at / 100 for place in places]
    assert dots == [*zip(("x", ">", "o", "s", "o"), map(pytest.approx, expected), strict=True)]
    hollow = [line.get_markerfacecolor() == all_effects.LIGHT["page"] for line in axes.lines]
    assert hollow == [False, False, False, False, True]
    written = [text.get_text() for text in axes.texts]
    assert [written.count(word) for word in ("helps", "no difference", "open", "not measured")] == [3, 1, 1, 2]


def test_the_dark_picture_of_effects_is_the_light_one_in_other_colors() -> None:
    light, dark = (all_effects.all_effects(PLOT, dark=dark) for dark in (False, True))
    assert [text.get_text() for text in texts_of(light)] == [text.get_text() for text in texts_of(dark)]
    assert (light.get_size_inches() == dark.get_size_inches()).all()
    assert light.get_facecolor() != dark.get_facecolor()


def test_a_front_is_numbered_and_what_is_far_worse_stands_at_the_edge() -> None:
    axes = FIGURES["cost"]().axes[0]
    assert [text.get_text() for text in axes.texts if text.get_text().isdigit()] == ["1", "2"]
    assert "1  few units, but many epochs\n2  many" in [text.get_text() for text in axes.texts]
    legend = axes.get_legend()
    assert legend is not None
    assert "far worse" in [text.get_text() for text in legend.get_texts()]
    low, high = axes.get_ylim()
    assert 0.1 < low < 0.8 < high < 1


@pytest.fixture(scope="module", params=FIGURES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Figure, bytes]:
    """The name of a figure, the figure as it was drawn for its file, and that file."""
    path, figure = tmp_path_factory.mktemp("saved") / "a.png", FIGURES[request.param]()
    save(figure, path)
    return request.param, figure, path.read_bytes()


def test_a_figure_is_drawn_twice_with_the_same_bytes(saved: tuple[str, Figure, bytes], tmp_path: Path) -> None:
    name, _, content = saved
    save(FIGURES[name](), tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == content


def test_no_text_is_cut_off_or_lies_on_another(saved: tuple[str, Figure, bytes]) -> None:
    _, figure, _ = saved
    width, height = figure.canvas.get_width_height()
    upright = []
    for text in texts_of(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.y0 >= 0, text.get_text()
        assert box.x1 <= width, text.get_text()
        assert box.y1 <= height, text.get_text()
        if text.get_rotation() % 90 == 0:
            upright.append((text.get_text(), box))
    for number, (name, box) in enumerate(upright):
        overlapping = [other for other, place in upright[:number] if box.padded(-1).overlaps(place.padded(-1))]
        assert overlapping == [], name


def test_a_figure_holds_nothing_but_its_pixels(tmp_path: Path) -> None:
    save(FIGURES["curves"](), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info == {}


def test_thin_lines_keep_their_color_in_the_file(tmp_path: Path) -> None:
    save(FIGURES["ranking of several"](), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    for color in (COLOR, "#d55e00"):
        wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
        assert np.abs(pixels - wanted).max(axis=1).min() <= 12


def test_the_learning_rate_is_drawn_where_it_changes() -> None:
    assert len(curves.learning_curves("mine", HISTORY, COLOR, "housing").axes) == 3
    assert len(curves.learning_curves("mine", HISTORY.assign(learning_rate=0.1), COLOR, "housing").axes) == 2


@pytest.mark.parametrize(("history", "bands"), [(HISTORY, 0), (TWO_SEEDS, 1)])
def test_a_study_has_bands_where_there_are_several_trainings(history: pd.DataFrame, bands: int) -> None:
    figure = curves.study_curves("s", {"fashion_mnist": {"mine": history}}, {"mine": COLOR})
    training, validation, *_ = figure.axes
    for axes in (training, validation):
        assert [to_hex(line.get_color()) for line in axes.lines] == [COLOR]
        assert len(axes.collections) == bands
    assert training.lines[0].get_ydata() == pytest.approx(history.groupby("epoch")["loss"].mean())


def test_what_became_steady_is_drawn_again_closer() -> None:
    """The last five of ten epochs, in which a hundredth of the first loss can be told."""
    whole, closer = curves.learning_curves("mine", STEADY, COLOR, "housing").axes
    assert closer.get_xlim() == (5.5, 10.5)
    assert np.ptp(closer.get_ylim()) < np.ptp(whole.get_ylim()) / curves.CLOSE_UP_RATIO
    assert len(curves.learning_curves("mine", falling(1.0, 0.05), COLOR, "housing").axes) == 1


def test_one_far_off_does_not_hide_how_the_others_differ() -> None:
    """One of eight variants learns slowly: with it on the axis, the lines of the others are one."""
    steady = {name: falling(1 + number / 50, 0.05, 10) for number, name in enumerate("abcdefg")}
    colors = dict.fromkeys([*steady, "sigmoid"], COLOR)
    far = curves.study_curves("s", {"fashion_mnist": steady | {"sigmoid": falling(6, 0.01)}}, colors)
    assert len(far.axes) == 4
    low, high = far.axes[2].get_ylim()
    ends = [each["loss"].iloc[-1] for each in steady.values()]
    assert low < min(ends)
    assert max(ends) < high < 1.5
    assert len(curves.study_curves("s", {"fashion_mnist": steady}, colors).axes) == 2


def longer(history: pd.DataFrame, other: float) -> pd.DataFrame:
    """A history of four epochs, the last two of which are others."""
    later = history.assign(epoch=[3, 4], loss=other, val_loss=other)
    return pd.concat([history, later], ignore_index=True)


def test_curves_that_are_one_at_first_are_striped_so_that_all_colors_are_seen() -> None:
    histories = {"short": HISTORY, "long": longer(HISTORY, 0.3), "other": longer(HISTORY, 0.2), "twin": HISTORY}
    names = {"long": "#ff0000", "other": "#00ff00", "short": "#0000ff", "twin": "#880088"}
    figure = curves.study_curves("s", {"fashion_mnist": histories}, names)
    drawn_as: dict[bool, dict[str, list[float]]] = {True: {}, False: {}}
    for line in figure.axes[0].lines:
        drawn_as[line.is_dashed()][to_hex(line.get_color())] = np.asarray(line.get_xdata()).tolist()
    together, alone = [1, 2], [2, 3, 4]
    assert drawn_as[True] == {"#ff0000": together, "#00ff00": together, "#880088": together}
    assert drawn_as[False] == {"#0000ff": together, "#ff0000": alone, "#00ff00": alone}
    (legend,) = filter(None, [axes.get_legend() for axes in figure.axes])
    assert [text.get_text() for text in legend.get_texts()] == [
        "short\n= long to epoch 2",
        "long",
        "other\n= long to epoch 2",
        "twin\n= long to epoch 2",
    ]


def test_a_curve_is_split_where_others_join_or_leave_it() -> None:
    curve = np.array([[0, 1], [1, 1], [2, 1], [3, 1]])
    joins = np.array([[0, 2], [1, 1], [2, 1], [3, 2]])
    assert strands.segments({"curve": curve, "joins": joins, "ends": curve[:2]}) == {
        "curve": [(0, 1, 0, 2), (1, 2, 0, 2), (2, 3, 0, 1)],
        "joins": [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 0, 1)],
        "ends": [(0, 1, 1, 2)],
    }
    assert strands.segments({"one": curve[:1], "same": curve[:1], "none": curve[:0]}) == {
        "one": [(0, 0, 0, 2)],
        "same": [(0, 0, 1, 2)],
        "none": [],
    }


def test_stripes_of_equal_curves_show_each_of_them_in_the_picture(tmp_path: Path) -> None:
    colors = {"a": "#0072b2", "b": "#d55e00", "c": "#009e73"}
    same = dict.fromkeys(colors, falling(1.0, 0.05))
    save(curves.study_curves("s", {"fashion_mnist": same}, colors), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)[:, : image.width // 3]  # without the legend
    for color in colors.values():
        wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=2) <= 12).sum() > 50


def test_variants_of_a_study_differ_in_their_markers_and_those_of_one_epoch_hide_none() -> None:
    histories = {"a": HISTORY, "b": HISTORY.assign(loss=0.4), "one": HISTORY[:1].assign(loss=0.51)}
    lines = curves.study_curves("s", {"fashion_mnist": histories}, dict.fromkeys(histories, COLOR)).axes[0].lines
    assert len({line.get_marker() for line in lines}) == 3
    assert [line.get_fillstyle() for line in lines] == ["full", "full", "none"]


def test_a_study_of_several_data_sets_has_no_close_ups() -> None:
    histories = {"thoracic": {"a": STEADY}, "housing": {"b": STEADY}}
    figure = curves.study_curves("s", histories, {"a": COLOR, "b": COLOR})
    assert len(figure.axes) == 4
    assert len(curves.study_curves("s", {"thoracic": {"a": STEADY}}, {"a": COLOR}).axes) == 4


@pytest.mark.parametrize(("last", "scale", "least"), [(0.005, "linear", 0), (0.0001, "log", 5e-5), (1e-9, "log", 1e-5)])
def test_learning_rates_far_apart_are_on_a_logarithmic_axis_of_three_decades(
    last: float, scale: str, least: float
) -> None:
    compared = {"constant": CONSTANT, "falling": (np.arange(3), np.array([0.01, last, last]))}
    axes = rates.schedules({"constant": compared}, dict.fromkeys(compared, COLOR)).axes[0]
    assert axes.get_yscale() == scale
    assert least <= axes.get_ylim()[0] < last or last < axes.get_ylim()[0] == least


def test_a_long_title_is_wrapped(tmp_path: Path) -> None:
    question = "Is what the documents claim of a very large network that is trained for long true, or not at all? " * 2
    figure = curves.study_curves(question, {"housing": {"mine": HISTORY}}, {"mine": COLOR})
    width = drawn(figure).get_width_height()[0]
    assert "\n" in figure.get_suptitle()
    (title,) = [text for text in texts_of(figure) if text.get_text() == figure.get_suptitle()]
    assert 0 <= title.get_window_extent().x0 < title.get_window_extent().x1 <= width
    assert title.get_window_extent().y0 > max(axes.get_tightbbox().y1 for axes in figure.axes)  # type: ignore[union-attr]


def test_schedules_stand_beside_the_constant_rates_that_they_are_compared_with() -> None:
    about = {"question": "?", "claim": "!", "documents": ["A"]}
    beside = [{"variant": "halved"}, {"variant": "steady"}, {"variant": "falling", "baseline": "other"}]
    studies = {
        "s": Study.model_validate(about | {"baseline": "constant", "beside": beside}),
        "t": Study.model_validate(about | {"baseline": "steady", "beside": [{"variant": "constant"}]}),
    }
    by_variant = dict.fromkeys(["constant", "steady", "other"], CONSTANT) | dict.fromkeys(
        ["halved", "falling", "mine"], HALVED
    )
    groups = learning_rates.rates_by_baseline(studies, by_variant)
    assert {baseline: list(group) for baseline, group in groups.items()} == {
        "constant": ["constant", "halved", "steady"],
        "other": ["other", "falling"],
        "mine": ["mine"],
    }
    axes, _, alone = rates.schedules(groups, dict.fromkeys(by_variant, COLOR)).axes
    for panel, expected in ((axes, ["constant (baseline)", "halved", "steady"]), (alone, ["mine"])):
        legend = panel.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == expected
    assert set(np.asarray(axes.lines[0].get_ydata())) == {np.float32(0.01)}


def test_a_rate_that_changes_by_step_is_one_with_others_while_it_is_the_same() -> None:
    by_step = np.arange(0, 4, 0.01), np.repeat([0.001, 0.0005], 200)
    by_epoch = np.arange(5), np.array([0.001, 0.001, 0.0005, 0.0005, 0.0005], np.float32)
    steady = np.arange(5), np.full(5, 0.001, np.float32)
    together = strands.segments(rates.on_one_grid({"steady": steady, "by_step": by_step, "by_epoch": by_epoch}))
    assert {name: [segment.strands for segment in found] for name, found in together.items()} == {
        "steady": [3, 1],
        "by_step": [3, 2],
        "by_epoch": [3, 2, 1],
    }


def test_an_initializer_has_one_color_and_none_is_hidden_by_what_vanishes() -> None:
    weights, spread, signal = keras_functions.initializers(INITIALIZERS).axes
    color_of = dict(zip(NAMES, [line.get_color() for line in spread.lines], strict=True))
    assert len(set(color_of.values())) == 3
    assert {to_hex(each.get_edgecolor()) for each in weights.patches} == {to_hex(each) for each in color_of.values()}
    assert [line.get_color() for line in signal.lines] == [color_of[name] for _, name in PAIRS]
    assert len({(line.get_color(), line.get_linestyle()) for line in signal.lines}) == len(PAIRS)
    low, high = signal.get_ylim()
    assert high / low < 1e6
    ends = dict(zip(PAIRS, [np.asarray(line.get_ydata())[-1] for line in signal.lines], strict=True))
    assert [pair for pair, end in ends.items() if end < low] == [("relu", "glorot_uniform")]


def test_a_derivative_is_the_slope_between_two_inputs() -> None:
    outputs, slopes = keras_functions.activations(ACTIVATIONS).axes
    assert {len(np.asarray(line.get_xdata())) for line in slopes.lines} == {8}
    (leaky,) = [line for line in slopes.lines if np.isclose(np.asarray(line.get_ydata())[-1], 1)]
    assert np.asarray(leaky.get_ydata()) == pytest.approx([0.3] * 4 + [1] * 4)
    assert len(outputs.lines) == 2


def test_losses_far_apart_are_on_a_logarithmic_axis() -> None:
    far = HISTORY.assign(loss=[90, 0.4])
    scales = [
        curves.study_curves("s", {"fashion_mnist": {"mine": history}}, {"mine": COLOR}).axes[0].get_yscale()
        for history in (HISTORY, far)
    ]
    assert scales == ["linear", "log"]


def test_the_most_confused_pairs_come_first() -> None:
    _, pairs = classification.confusion_matrix("mine", COUNTS, COLOR).axes
    counts = COUNTS[COUNTS["actual"] != COUNTS["predicted"]]["count"].sort_values(ascending=False)
    assert [bar.get_width() for bar in pairs.patches] == counts[:10].tolist()  # type: ignore[attr-defined]


def test_curves_of_several_trainings_are_averaged_and_precision_is_not_interpolated() -> None:
    figure = classification.ranking_curves(
        "mine", {"mine": ROC}, {"mine": PRECISION_RECALL}, {"mine": COLOR}, SCORES[:1]
    )
    roc, precision = figure.axes
    *trainings, mean = [line for line in roc.lines if to_hex(line.get_color()) == COLOR]
    assert len(trainings) == 2
    at = dict(zip(classification.GRID.round(2), np.asarray(mean.get_ydata()), strict=True))
    assert (at[0.0], at[0.25], at[1.0]) == (0, pytest.approx(0.75), 1)
    at = dict(zip(classification.GRID.round(2), np.asarray(precision.lines[0].get_ydata()), strict=True))
    assert (at[0.0], at[0.5], at[0.51], at[1.0]) == (1, 1, 0.6, 0.6)
    assert precision.lines[1].get_ydata() == [0.2, 0.2]  # all rows taken for positive


def test_rows_far_outside_are_counted_not_drawn() -> None:
    figure = regression.residuals("mine", Y, np.where(Y > 4, 90, Y), HOUSING.target, None, COLOR)
    assert f"{(Y > 4).sum()} of 60 outside the axes" in figure.get_suptitle()
    assert figure.axes[0].get_ylim()[1] < 10


def test_layers_alike_in_a_chain_are_one_box() -> None:
    first, repeated, last = layout.boxes_of(CHAIN)
    assert (first.names, len(repeated.names), last.names) == (["x"], 100, ["out"])
    written = {text.get_text() for text in texts_of(models.drawing("mine", CHAIN))}
    assert {"100 × Dense", "dense_0 … dense_99", "(None, 8) → (None, 8)", "100 × 72 parameters"} <= written


def test_layers_alike_that_feed_others_too_stay_apart() -> None:
    branch = layer("branch", "Dense", 1, 9, "dense_1")
    boxes = layout.boxes_of([*CHAIN[:4], branch])
    assert [box.names for box in boxes] == [["x"], ["dense_0", "dense_1"], ["dense_2"], ["branch"]]
    assert boxes[3].inputs == boxes[2].inputs == [1]


def test_a_shape_shows_what_goes_in_and_what_comes_out() -> None:
    written = {text.get_text() for text in texts_of(models.drawing("mine", WIDE_AND_DEEP))}
    assert {"(None, 8), (None, 30) → (None, 38)", "(None, 38) → (None, 1)", "39 parameters"} <= written


def test_branches_have_columns_and_the_longest_way_is_straight() -> None:
    boxes = layout.placed(layout.boxes_of(TWO_OUTPUTS))
    places = {box.names[0]: (box.row, box.column) for box in boxes}
    way = ["deep", "dense", "dense_1", "concatenate", "main"]
    assert [places[name] for name in way] == [(row, 0) for row in range(5)]
    assert (places["wide"], places["auxiliary"]) == ((2, -1), (3, 1))


@pytest.mark.parametrize("layers", [CHAIN, WIDE_AND_DEEP, TWO_OUTPUTS], ids=["chain", "wide", "outputs"])
def test_every_input_of_every_box_has_an_arrow(layers: list[layout.Layer]) -> None:
    axes = models.drawing("mine", layers).axes[0]
    arrows = [patch for patch in axes.patches if isinstance(patch, matplotlib.patches.FancyArrowPatch)]
    assert len(arrows) == sum(len(box.inputs) for box in layout.boxes_of(layers))


def test_a_rate_without_schedule_is_that_of_the_history() -> None:
    epochs, rate = learning_rates.learning_rate(HISTORY, None, steps_per_epoch=2)
    assert (epochs.tolist(), rate.tolist()) == ([0, 1, 2], [0.1, 0.05, 0.05])


def test_a_schedule_gives_the_rate_of_each_step_that_was_trained() -> None:
    schedule = pd.DataFrame({"step": [0, 1, 3, 4, 5], "learning_rate": [0.1, 0.05, 0.025, 0.01, 0.001]})
    epochs, rate = learning_rates.learning_rate(TWO_SEEDS, schedule, steps_per_epoch=2)
    assert (epochs.tolist(), rate.tolist()) == ([0, 0.5, 1.5, 2], [0.1, 0.05, 0.025, 0.025])


# A workspace with everything that `plot` reads, and hardly anything in it.

DATASETS = {
    "softmax": "fashion_mnist",
    "relu_100": "fashion_mnist",
    "fashion_mnist_majority": "fashion_mnist",
    "thoracic_bce": "thoracic",
    "thoracic_majority": "thoracic",
    "wide_and_deep": "housing",
}
VARIANTS = list(DATASETS)
NETWORKS = [name for name in VARIANTS if "majority" not in name]
SPLITS = {"fashion_mnist": "holdout", "housing": "single", "thoracic": "clean"}
CATALOGUE = Catalogue(
    {name: VariantEntry(dataset, SPLITS[dataset], name) for name, dataset in DATASETS.items()},
    {dataset: (split,) for dataset, split in SPLITS.items()},
)
ABOUT = {"question": "?", "claim": "!", "documents": ["A"]}
STUDIES = {
    "one": ABOUT | {"baseline": "softmax", "beside": [{"variant": "relu_100"}]},
    "thoracic": ABOUT | {"baseline": "thoracic_majority", "beside": [{"variant": "thoracic_bce"}]},
    "other": ABOUT | {"baseline": "fashion_mnist_majority", "beside": [{"variant": "wide_and_deep"}]},
}
ROWS = {"validation": 6, "train": 12, "test": 8}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state that `compare` leaves; reading the raw data gives zeros."""
    monkeypatch.chdir(tmp_path)
    stored.raw.cache_clear()
    for module in (fashion_mnist, housing, thoracic):
        spec = module.SPEC
        monkeypatch.setattr(module, "SPEC", replace(spec, read=lambda _, spec=spec: spec.blank()))
    for name in ("tensorflow", "keras"):  # whoever imports these fails
        monkeypatch.setitem(sys.modules, name, None)
    for folder in ("data/recipes", "data/keras_tables", "documents"):
        Path(folder).mkdir(parents=True)
    write_catalogue(CATALOGUE)
    Path("documents/studies.yaml").write_text(yaml.safe_dump(STUDIES), encoding="utf-8")
    schedule = pd.DataFrame({"variant": "wide_and_deep", "step": [0, 1], "learning_rate": [0.1, 0.01]})
    for name, table in (("activations", ACTIVATIONS), ("initializers", INITIALIZERS), ("schedules", schedule)):
        table.to_csv(f"data/keras_tables/{name}.csv", index=False)
    for dataset, split in SPLITS.items():
        _store_split(dataset, split)
    for name in VARIANTS:
        _store_training(name)
    _store_tables()
    return tmp_path


def _store_split(dataset: str, split: str) -> None:
    spec, folder = spec_of(dataset), Path("data/normalized") / dataset / split
    folder.mkdir(parents=True)
    raw = spec.blank()
    labels = np.unique(raw.y)
    pools = [np.flatnonzero(raw.y == label) for label in labels]
    rows = np.array([pools[row % len(pools)][row // len(pools)] for row in range(sum(ROWS.values()))], np.int32)
    features = [feature for feature in spec.feature_names if feature != "patient"]
    x = np.random.default_rng(0).normal(size=(len(rows), *(spec.image_shape or [len(features)])))
    y = raw.y[rows].astype(np.int32) if spec.classes else x[:, 0].astype(np.float32)
    for array, values in (("x", x.astype(np.float32)), ("y", y), ("rows", rows)):
        np.save(folder / f"{array}.npy", values)
    scaling = {"features": features, "offset": 0, "scale": 1, "scaling": "standard"}
    (folder / "scaling.json").write_text(json.dumps(scaling), encoding="utf-8")
    ends = np.cumsum(list(ROWS.values())).tolist()
    parts = {part: [end - ROWS[part], end] for part, end in zip(ROWS, ends, strict=True)}
    index = {split: {"arrays": split, "parts": parts}}
    (folder.parent / "splits.json").write_text(json.dumps(index), encoding="utf-8")


def _store_training(name: str) -> None:
    dataset, folder = DATASETS[name], Path("data/models") / name
    folder.mkdir(parents=True)
    recipe: dict[str, Any] = {"seed": 42, "seeds": 1, "dataset": dataset, "split": SPLITS[dataset]}
    generator = np.random.default_rng(5)
    outputs = {"fashion_mnist": 10, "housing": 1, "thoracic": 1}[dataset]
    predictions: dict[str, Any] = {
        part: generator.uniform(size=(1, rows, outputs)).astype(np.float32) for part, rows in ROWS.items()
    }
    np.savez(folder / "predictions.npz", **predictions)
    if name in NETWORKS:
        recipe |= {"optimizer": {"class": "SGD", "learning_rate": 0.1}, "loss": {"class": "Poisson"}, "batch_size": 6}
        flat = layer("flatten", "Flatten", 784, 0, "x")
        layers = [layer("x", "InputLayer", 784, 0), flat, layer("output", "Dense", 10, 7850, "flatten")]
        metric = "mean_absolute_error" if dataset == "housing" else "accuracy"
        table = HISTORY.rename(columns={"accuracy": metric, "val_accuracy": f"val_{metric}"})
        with h5py.File(folder / "model.weights.h5", "w") as weights:
            weights["layers/dense/vars/0"] = generator.normal(size=(784, 10))
    else:
        recipe["estimator"] = {"class": "DummyClassifier"}
        layers, table = ESTIMATOR, pd.DataFrame({"seed": [42], "epoch": [1]})
    artifacts.RECIPE.path(name).write_text(json.dumps(recipe), encoding="utf-8")
    table.to_csv(artifacts.HISTORY.path(name), index=False)
    summary = {"parameters": 1, "layers": layers, "epochs": [1]}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def _store_tables() -> None:
    """The tables of `evaluate` and `compare`."""
    classifiers = [name for name, dataset in DATASETS.items() if spec_of(dataset).classes]
    thoracic_variants = [name for name in classifiers if DATASETS[name] == "thoracic"]
    counts = []
    for name in classifiers:
        classes = spec_of(DATASETS[name]).classes
        counts += [(name, actual, predicted, 2) for actual in classes for predicted in classes]
    worst = [(name, row, "Coat", "Shirt", 0.1, 0.8) for name in classifiers for row in (2, 7)]
    bins = [(name, confidence, confidence, 4) for name in classifiers for confidence in (0.5, 0.9)]
    points = [(name, 0, 42, share, share) for name in thoracic_variants for share in (0.0, 0.4, 1.0)]
    leaderboard = pd.DataFrame({"dataset": DATASETS.values(), "variant": VARIANTS, "parameters": 1, "trainings": 1})
    for metric, dataset in (("accuracy", "fashion_mnist"), ("mse", "housing"), ("roc_auc", "thoracic")):
        for column in (f"test_{metric}", f"test_{metric}_low", f"test_{metric}_high", f"validation_{metric}"):
            leaderboard[column] = np.where(leaderboard["dataset"] == dataset, 0.5, np.nan)
    leaderboard["test_calibration_error"] = leaderboard["test_average_precision"] = 0.1
    content: dict[Path, list[Any]] = {
        tables.CONFUSION: counts,
        tables.WORST: worst,
        tables.RELIABILITY: bins,
        tables.ROC: points,
        tables.PRECISION_RECALL: points,
    }
    content |= {path: [] for path in COMPARED}
    for path, rows in content.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=tables.COLUMNS[path]).to_csv(path, index=False)
    leaderboard["multiply_adds"] = 1e9
    leaderboard.to_csv(tables.LEADERBOARD, index=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


def reads_a_data_set(drawing: Drawing) -> bool:
    reads = [each.read for each in drawing.arguments if isinstance(each, Stored)]
    return any(read is not stored.softmax_kernel for read in reads)


@pytest.mark.slow
@pytest.mark.parametrize("start", [pytest.param("fork", marks=pytest.mark.posix), "spawn"])
def test_everything_is_drawn_with_the_same_bytes_by_however_many_processes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    def figures(folder: str) -> list[tuple[Path, Drawing]]:
        found = [*plot.all_figures(workspace / folder)]
        if start == "fork":
            return found
        # Processes that are started have not the raw data of `workspace`.
        return [(path, drawing) for path, drawing in found if not reads_a_data_set(drawing)]

    assert len(figures("one")) > 10
    plot.draw_all(figures("one"), 1)
    monkeypatch.setattr(plot, "START", start)
    plot.draw_all(figures("three"), 3)
    assert files(workspace / "one") == files(workspace / "three")


def one_figure(text: str = "") -> Figure:
    figure = Figure()
    figure.text(0.5, 0.5, text)
    return figure


def no_figure() -> Figure:
    raise KeyError("epoch")


@pytest.mark.parametrize(
    ("start", "processes"), [("spawn", 1), pytest.param("fork", 2, marks=pytest.mark.posix), ("spawn", 2)]
)
def test_processes_draw_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, processes: int
) -> None:
    monkeypatch.setattr(plot, "START", start)
    names = [f"{number}.png" for number in range(5)]
    plot.draw_all([(tmp_path / "several" / name, partial(one_figure, name)) for name in names], processes)
    for name in names:
        save(one_figure(name), tmp_path / "one" / name)
    assert files(tmp_path / "several") == files(tmp_path / "one")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_figure_that_cannot_be_drawn_is_named(tmp_path: Path, processes: int) -> None:
    figures = [(tmp_path / "right.png", one_figure), (tmp_path / "wrong.png", no_figure)]
    with pytest.raises(RuntimeError, match=r"wrong\.png: KeyError: 'epoch'"):
        plot.draw_all(figures, processes)


FOR_EVER = """
import sys, time
from pathlib import Path
from matplotlib.figure import Figure
from stages import artifacts, plot

def slow():
    time.sleep(0.1)
    return Figure()

plot.draw_all([(Path(sys.argv[1]) / f"{number}.png", slow) for number in range(1_000)], 2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a group of processes")
def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    drawing = subprocess.Popen([sys.executable, "-c", FOR_EVER, str(tmp_path)], start_new_session=True)
    try:
        wait_until(lambda: drawing.poll() is not None or any(tmp_path.iterdir()))
        assert drawing.poll() is None
        workers = psutil.Process(drawing.pid).children(recursive=True)
        assert len(workers) >= 2
        os.killpg(drawing.pid, signal.SIGINT)
        assert drawing.wait(timeout=60) == -signal.SIGINT  # a minute: for ever
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert alive == []
    finally:
        with suppress(ProcessLookupError):
            os.killpg(drawing.pid, signal.SIGKILL)


def killed() -> Figure:
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short
    return Figure()


def test_a_process_that_is_killed_ends_the_drawing(tmp_path: Path) -> None:
    figures = [(tmp_path / "killed.png", killed), *((tmp_path / f"{number}.png", Figure) for number in range(3))]
    with pytest.raises(BrokenProcessPool):
        plot.draw_all(figures, 2)


def test_everything_is_drawn_without_tensorflow(workspace: Path) -> None:
    plot.main(["--output", "slides"])
    first = files(Path("slides"))
    assert {name for name in first if name.startswith("data/")} == {
        "data/fashion_mnist_samples.png",
        "data/fashion_mnist_classes.png",
        "data/housing_single_describe.png",
        "data/housing_single_distributions.png",
        "data/thoracic_classes.png",
        "data/thoracic_clean_describe.png",
        "data/thoracic_clean_distributions.png",
    }
    classifiers = [name for name in VARIANTS if name != "wide_and_deep"]
    images = classifiers[:3]
    expected = {
        "curves": NETWORKS,
        "models": VARIANTS,
        "confusion": classifiers,
        "worst": images,
        "reliability": classifiers,
        "ranking": ["thoracic_bce", "thoracic_majority"],
        "residuals": ["wide_and_deep"],
        "weights": ["softmax", "relu_100"],
        "studies": STUDIES,
        "studies_ranking": ["thoracic"],
        "keras": ["activations", "initializers", "schedules"],
        "cost": SPLITS,
    }
    for folder, names in expected.items():
        assert {name for name in first if name.startswith(f"{folder}/")} == {f"{folder}/{name}.png" for name in names}


def test_the_stage_draws_the_effects_alone(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[Path, Drawing]] = []
    monkeypatch.setattr(plot, "draw_all", drawn.extend)
    plot.main([])
    assert [path for path, _ in drawn] == [*reporting.EFFECTS]


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("reports/slides", "a folder outside of data and reports, got reports/slides"),
        ("data", "a folder outside of data and reports, got data"),
        ("full", "an empty folder or a new one, got full, which holds mine.txt"),
        ("full/mine.txt", "a folder that can be written, got full/mine.txt: File exists"),
        ("full/mine.txt/new", "a folder that can be written, got full/mine.txt/new: Not a directory"),
    ],
)
def test_all_figures_go_into_a_folder_of_their_own(
    folder: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/mine.txt").touch()
    with pytest.raises(SystemExit, match=f"^--output: expected {said}$"):
        plot.main(["--output", folder])


def test_before_a_run_there_is_nothing_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"^data/catalogue\.json: expected the file that `dvc repro configure` leaves"):
        plot.main(["--output", "slides"])


def test_what_is_missing_is_left_out_and_the_rest_is_drawn(workspace: Path) -> None:
    """A variant that failed after the tables were made, and metrics that nobody measured."""
    for path in Path("data/models/softmax").iterdir():
        path.unlink()
    Path("data/models/wide_and_deep/predictions.npz").unlink()
    table = pd.read_csv(tables.LEADERBOARD)
    kept = table[table["variant"] != "softmax"].drop(
        columns=["test_calibration_error", "test_roc_auc_low", "validation_mse", "multiply_adds"]
    )
    kept.to_csv(tables.LEADERBOARD, index=False)
    # Those of the data and of Keras's functions read nothing of it.
    figures = [each for each in plot.all_figures(workspace / "all") if each[0].parent.name not in ("data", "keras")]
    plot.draw_all(figures, 1)
    names = set(files(workspace / "all"))
    assert (
        not {"curves/softmax.png", "models/softmax.png", "weights/softmax.png", "residuals/wide_and_deep.png"} & names
    )
    assert {"studies/one.png", "curves/relu_100.png", "ranking/thoracic_bce.png", "models/wide_and_deep.png"} <= names


def test_every_variant_has_its_color_in_every_figure(workspace: Path) -> None:
    draws = {f"{path.parent.name}/{path.stem}": draw for path, draw in plot.all_figures(workspace)}
    colors = variant_colors(CATALOGUE, read_studies())

    @cache
    def axes_of(name: str) -> list[matplotlib.axes.Axes]:
        return draws[name]().axes

    def of_line(name: str, panel: int, line: int) -> str:
        return to_hex(axes_of(name)[panel].lines[line].get_color())

    for name in ("relu_100", "thoracic_bce", "wide_and_deep"):
        training, validation = axes_of(f"curves/{name}")[0].lines
        assert (to_hex(training.get_color()), to_hex(validation.get_color())) == (
            PART_COLORS["training"],
            colors[name],
        )
    for name in ("relu_100", "thoracic_bce"):
        assert of_line(f"reliability/{name}", 0, 1) == colors[name]
        bars = axes_of(f"confusion/{name}")[1].patches
        assert {to_hex(bar.get_facecolor()) for bar in bars} == {colors[name]}
    assert of_line("ranking/thoracic_bce", 0, 0) == colors["thoracic_bce"]
    assert [of_line("studies/one", 0, line) for line in (0, 1)] == [colors["softmax"], colors["relu_100"]]
    dots = axes_of("residuals/wide_and_deep")[0].collections[0]
    assert to_hex(tuple(np.asarray(dots.get_facecolor())[0])) == colors["wide_and_deep"]
