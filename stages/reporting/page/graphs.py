"""Charts of lines and of cells on the report page, each with its own data; drawn by js/graphs.js."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.comparison.scores import LESS_IS_BETTER
from stages.datasets.spec import spec_of
from stages.presentation.colors import PALETTE
from stages.presentation.metrics import label, logarithmic
from stages.presentation.words import LANGUAGES, Text, joined, text
from stages.reporting.learning_rates import RateCurve
from stages.reporting.page.charts import Chart, numbers
from stages.reporting.pictured import Pictured, Residuals
from stages.reporting.ranking import GRID, by_training, precision_on_grid, precision_without_skill, roc_on_grid
from stages.reporting.sweep_axes import is_logarithmic, limits, numeric_keys

MAX_POINTS = 200
"""Points of a line whose table has more."""
CELLS = 48
"""Cells of a chart along its width and its height."""
VANISHED = 0.01
"""Standard deviation of outputs below which a signal has vanished; that of the inputs is 1."""
MAX_RATIO = 1000
"""An axis of learning rates ends this many times below the greatest: cosine decay ends at zero."""


def plain(name: str) -> Text:
    """A name as a text: the same in each language."""
    return dict.fromkeys(LANGUAGES, name)


def axis(title: Text, log: bool = False, domain: Sequence[float] | None = None) -> dict[str, Any]:
    """Make an axis. domain: its ends; None for those of the data."""
    return {"title": title, "log": log, "domain": list(domain) if domain else None}


def series(name: Text, color: str, x: Iterable[float], y: Iterable[float], **more: Any) -> dict[str, Any]:
    """Make a line.

    color: "#rrggbb", or the name of a variant that has it; more: dash, faint, low and high (ends of a bar at each
    point), best (places of points with a ring).
    """
    return {"name": name, "color": color, "x": numbers(x), "y": numbers(y), **more}


def lines(
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    drawn: Sequence[Mapping[str, Any]],
    title: Text | None = None,
    **more: Any,
) -> Chart:
    """Make a chart of lines. more: step ("step" or "step-after"), points, rule (two points of a dashed line)."""
    named = list({each["name"]["en"]: each["name"] for each in drawn if each["name"]["en"]}.values())
    described = text("graphs", "described", x=x["title"], y=y["title"], series=joined(named, ", ") if named else "")
    return Chart(described, {"kind": "lines", "title": title, "x": x, "y": y, "series": list(drawn), **more})


def ranking_charts(names: Sequence[str], pictured: Pictured, titles: Mapping[str, Text]) -> list[Chart]:
    """Draw mean ROC and precision-recall curves; of a single variant those of each training as well."""
    roc, precision_recall = (
        {str(name): by_training(rows) for name, rows in table[table["variant"].isin(names)].groupby("variant")}
        for table in (pictured.roc, pictured.precision_recall)
    )
    names = [name for name in names if name in roc and name in precision_recall]
    if not names:
        return []

    def drawn(curves: Mapping[str, Sequence[np.ndarray]]) -> list[dict[str, Any]]:
        found = []
        for name in names:
            each = curves[name]
            if len(names) == 1 and len(each) > 1:
                found += [series(text("graphs", "each_training"), name, GRID, curve, faint=True) for curve in each]
            said = titles[name] if len(names) > 1 else text("graphs", "mean") if len(each) > 1 else plain("")
            found.append(series(said, name, GRID, np.mean(each, axis=0)))
        return found

    share = precision_without_skill([curve for name in names for curve in precision_recall[name]])
    unit = (0, 1)
    return [
        lines(
            axis(text("graphs", "false_positive_rate"), domain=unit),
            axis(text("graphs", "true_positive_rate"), domain=unit),
            drawn({name: [roc_on_grid(curve) for curve in roc[name]] for name in names}),
            rule=[[0, 0], [1, 1]],
        ),
        lines(
            axis(text("page", "recall"), domain=unit),
            axis(text("page", "precision"), domain=unit),
            drawn({name: [precision_on_grid(curve) for curve in precision_recall[name]] for name in names}),
            rule=[[0, share], [1, share]],
        ),
    ]


def activation_charts(table: pd.DataFrame) -> list[Chart]:
    """Draw the activation functions and their slopes. table: columns input and one for each activation."""
    if table.empty:
        return []
    table = table.iloc[:: max(len(table) // MAX_POINTS, 1)]
    inputs = table["input"].to_numpy()
    outputs = {str(name): column.to_numpy() for name, column in table.drop(columns="input").items()}
    colors = dict(zip(outputs, PALETTE, strict=False))
    middles = (inputs[1:] + inputs[:-1]) / 2
    slopes = {name: np.diff(output) / np.diff(inputs) for name, output in outputs.items()}
    x = axis(text("graphs", "input"))
    return [
        lines(
            x,
            axis(text("graphs", "output"), domain=(-2, 4)),
            [series(plain(name), colors[name], inputs, output) for name, output in outputs.items()],
        ),
        lines(
            x,
            axis(text("graphs", "slope")),
            [series(plain(name), colors[name], middles, slope) for name, slope in slopes.items()],
        ),
    ]


def initializer_charts(table: pd.DataFrame) -> list[Chart]:
    """Draw the weights that initializers draw, and what they make of a signal before any training.

    table: columns quantity, initializer, activation, x, value; see `stages.params.keras_tables`.
    """
    if table.empty:
        return []
    colors = dict(zip(table["initializer"].unique(), PALETTE, strict=False))

    def drawn(quantity: str) -> list[dict[str, Any]]:
        found, dashes = [], dict.fromkeys(colors, -1)
        rows = table[table["quantity"] == quantity].fillna({"activation": ""})
        for (activation, name), each in rows.groupby(["activation", "initializer"], sort=False):
            dashes[name] += 1
            said = f"{activation}, {name}: {each['value'].iloc[-1]:.2g}" if activation else str(name)
            found.append(series(plain(said), colors[name], each["x"], each["value"], dash=dashes[name]))
        return found

    signal = table.loc[table["quantity"] == "signal", ["x", "value"]].max()
    return [
        lines(axis(text("graphs", "weight")), axis(text("graphs", "weights_in_bin")), drawn("weights"), step="step"),
        lines(
            axis(text("graphs", "fan_in"), log=True), axis(text("graphs", "weight_spread"), log=True), drawn("spread")
        ),
        lines(
            axis(text("page", "layer"), domain=(1, signal["x"])),
            axis(text("graphs", "output_spread"), log=True, domain=(VANISHED, 1.3 * signal["value"])),
            drawn("signal"),
        ),
    ]


def rate_charts(groups: Mapping[str, Mapping[str, RateCurve]], titles: Mapping[str, Text]) -> list[Chart]:
    """Draw the learning rates that change, a chart for each baseline. groups: see `rates_by_baseline`."""
    charts = []
    for baseline, rates in groups.items():
        values = np.concatenate([rate for _, rate in rates.values()])
        log = logarithmic("learning_rate", values)
        bottom = max(values.min() / 1.3, values.max() / MAX_RATIO) if log else 0
        y = axis(text("metrics", "learning_rate"), log, (bottom, (1.3 if log else 1.08) * values.max()))
        drawn = [series(titles[name], name, *_changes(*rate)) for name, rate in rates.items()]
        title = text("graphs", "compared_with", variant=titles[baseline]) if len(rates) > 1 else titles[baseline]
        charts.append(lines(axis(text("graphs", "epochs")), y, drawn, title, step="step-after"))
    return charts


def _changes(epochs: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thin a learning rate out: where it changes, at most `MAX_POINTS` times, and its end."""
    places = np.flatnonzero(np.diff(rate, prepend=np.nan) != 0)
    places = np.append(places[:: -(-len(places) // MAX_POINTS)], len(rate) - 1)
    return epochs[places], rate[places]


def sweep_charts(declared: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the metric on validation rows by each key of numbers, and that of the best of k candidates.

    Points are means over seeds, bars reach from the worst seed to the best, and a ring is around the best candidate for
    each value of `best_for`. Candidates far worse than most are outside. declared: as `stages.configure` writes it;
    tables: members, best and best_of_k.
    """
    dataset = declared["candidates"][0]["recipe"]["dataset"]
    metric = spec_of(dataset).ranked_by
    members, value, by = tables["members"], f"validation_{metric}", declared["best_for"]
    means = members.groupby("candidate")[value].mean()
    domain = limits(means, members[value], metric in LESS_IS_BETTER)
    y = axis(text("graphs", "on_validation", metric=label(metric, dataset)), domain=domain)
    names = [str(name) for name in members[by].unique()] if by else [""]
    colors = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}
    own = {
        name: {each: table[table[by].astype(str) == name] if by else table for each, table in tables.items()}
        for name in names
    }
    charts = []
    for key in numeric_keys(declared, members):
        is_line = {*declared["keys"]} <= {key, by}
        drawn = [_by_key(plain(name), colors[name], own[name], key, value) for name in names]
        charts.append(lines(axis(plain(key), is_logarithmic(members[key])), y, drawn, points=True, dots=not is_line))
    of_k = {name: tables["best_of_k"] for name, tables in own.items()}
    drawn = [series(plain(name), colors[name], each["k"], each[value]) for name, each in of_k.items()]
    return [*charts, lines(axis(text("graphs", "of_k")), y, drawn, points=True)]


def _by_key(name: Text, color: str, tables: Mapping[str, pd.DataFrame], key: str, value: str) -> dict[str, Any]:
    seeds = tables["members"].groupby("candidate").agg({key: "first", value: ["mean", "min", "max"]})
    seeds.columns = pd.Index(["place", "mean", "least", "greatest"])
    seeds = seeds.sort_values("place")
    ends = {"low": numbers(seeds["least"]), "high": numbers(seeds["greatest"])}
    best = np.flatnonzero(seeds.index.isin(tables["best"]["candidate"])).tolist()
    return series(name, color, seeds["place"], seeds["mean"], best=best, **ends)


def residual_charts(residuals: Residuals) -> list[Chart]:
    """Draw predicted by true values, as counts of rows, and the mean error at each place of a map.

    Rows without a finite prediction, as of a training that diverged, are left out; none has no charts.
    """
    y, predicted, target = residuals.y, residuals.predicted, residuals.target
    known = np.isfinite(predicted)
    if not known.any():
        return []
    spread = y.max() - y.min()
    low, high = float(y.min() - 0.3 * spread), float(y.max() + 0.3 * spread)
    inside = (predicted >= low) & (predicted <= high)
    unit = {"unit": target.unit} if target.unit else None

    def of(key: str) -> Text:
        quantity = text("graphs", key)
        return text("table", "in_unit", name=quantity, **unit) if unit else quantity

    charts = [
        _cells(
            axis(of("true"), domain=(float(y.min()), float(y.max()))),
            axis(of("predicted"), domain=(low, high)),
            text("graphs", "rows"),
            (y[inside], predicted[inside]),
            rule=[[low, low], [high, high]],
        )
    ]
    if residuals.places is not None:
        east, north = residuals.places.to_numpy().T
        titles = [plain(str(name)) for name in residuals.places]
        domains = [(float(each.min()), float(each.max())) for each in (east, north)]
        x, y_axis = (axis(title, domain=domain) for title, domain in zip(titles, domains, strict=True))
        charts.append(_cells(x, y_axis, of("error"), (east[known], north[known]), (predicted - y)[known]))
    return charts


def _cells(
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    title: Text,
    places: tuple[np.ndarray, np.ndarray],
    values: np.ndarray | None = None,
    **more: Any,
) -> Chart:
    """Make a chart of cells: the number of places in each, or the mean of their values, in two colors around 0."""
    counts, *edges = np.histogram2d(*places, bins=CELLS, range=[x["domain"], y["domain"]])
    shown = counts
    if values is not None:
        sums = np.histogram2d(*places, bins=CELLS, range=[x["domain"], y["domain"]], weights=values)[0]
        shown = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    columns, rows = np.nonzero(counts)
    found = shown[columns, rows]
    limit = (float(f"{np.quantile(np.abs(found), 0.95):.2g}") or 1.0) if values is not None and len(found) else None
    spec = {
        "kind": "cells",
        "x": x,
        "y": y,
        "value": title,
        "steps": [float(edge[1] - edge[0]) for edge in edges],
        "cells": {"x": columns.tolist(), "y": rows.tolist(), "value": numbers(found)},
        "limit": limit,
        **more,
    }
    return Chart(text("graphs", "cells", x=x["title"], y=y["title"], value=title), spec)
