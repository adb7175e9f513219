"""The tables of the report page that can be sorted: leaderboards, and the documents' figures."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd

from stages.datasets import module_of
from stages.presentation.formats import cell, with_intervals
from stages.presentation.kept import figures_beside
from stages.presentation.metrics import label
from stages.presentation.words import joined, read_strings, text
from stages.reporting.page.reports import Context

FAR = 3.0
"""So many interquartile ranges from the quartiles (Tukey 1977, "Exploratory Data Analysis": far out)."""


def leaderboards(leaderboard: pd.DataFrame, colors: Mapping[str, str], unmeasurable: Collection[str]) -> list[Context]:
    """The variants of each data set, best first, with a bar for the figure that ranks them.

    unmeasurable: variants whose split holds out no rows; that they have no figures is a note, and nothing is missing.
    """
    boards = []
    for dataset, rows in leaderboard.groupby("dataset"):
        dataset = str(dataset)
        ranked = f"test_{module_of(dataset).RANKED_BY}"
        columns = list(read_strings("en")["leaderboards"].get(dataset, {ranked: "", "interval": ""}))
        numeric = [column for column in columns if column != "interval"]
        limits = [ranked, f"{ranked}_low", f"{ranked}_high"]
        rows = rows.reindex(columns=list(dict.fromkeys([*rows, *numeric, *limits])))
        written = with_intervals(dataset, rows)
        headings = {column: text("leaderboards", dataset, column) for column in columns}
        bars = bars_of(rows, ranked)
        lacking = {
            row["variant"]: [headings[column] for column in numeric if pd.isna(row[column])]
            for _, row in rows.iterrows()
        }
        by_design = [name for name in lacking if name in unmeasurable]
        boards.append(
            {
                "dataset": dataset,
                "title": text("titles", dataset),
                "ranked": headings[ranked],
                "headings": headings,
                "scale": bars["scale"],
                "rows": [
                    {
                        "variant": row["variant"],
                        "color": colors.get(row["variant"], "#808080"),
                        "split": row["split"],
                        "parameters": row["parameters"],
                        "epochs": cell(float(row["epochs"])),
                        "bar": bars["rows"][place],
                        "cells": {
                            column: {
                                "shown": cell(written[column].iloc[place]),
                                "value": row[ranked if column == "interval" else column],
                            }
                            for column in columns
                        },
                    }
                    for place, (_, row) in enumerate(rows.iterrows())
                ],
                "notes": [text("page", "nothing_held_out_of", variant=name) for name in by_design],
                "missing": [
                    text("page", "no_figure", variant=name, column=joined(without, ", "))
                    for name, without in lacking.items()
                    if without and name not in by_design
                ],
            }
        )
    return boards


def bars_of(rows: pd.DataFrame, ranked: str) -> Context:
    """Where the figure and its interval lie, in per cent of a scale that leaves out what lies far from all others."""
    values, low, high = (rows[f"{ranked}{end}"].astype(float) for end in ("", "_low", "_high"))
    first, third = values.quantile(0.25), values.quantile(0.75)
    near = values.between(first - FAR * (third - first), third + FAR * (third - first))
    ends = pd.concat([each[near] for each in (values, low, high)]).replace([np.inf, -np.inf], np.nan).dropna()
    if ends.empty:
        return {"scale": None, "rows": [None] * len(rows)}
    margin = 0.02 * float(ends.max() - ends.min()) or 1.0
    left, right = float(ends.min()) - margin, float(ends.max()) + margin

    def place(value: float, otherwise: float) -> float:
        return round(100 * (value - left) / (right - left), 2) if np.isfinite(value) else round(otherwise, 2)

    bars: list[Context | None] = []
    for value, start, end in zip(values, low, high, strict=True):
        if pd.isna(value):
            bars.append(None)
            continue
        middle = place(value, 0)
        if not 0 <= middle <= 100:
            bars.append({"off": "left" if middle < 0 else "right"})
            continue
        begin = max(place(start, middle), 0)
        bars.append({"middle": middle, "begin": begin, "width": round(min(place(end, middle), 100) - begin, 2)})
    return {"scale": {"low": cell(left), "high": cell(right)}, "rows": bars}


def published(
    figures: pd.DataFrame, several: pd.DataFrame, colors: Mapping[str, str], dataset_of: Callable[[str], str]
) -> list[Context]:
    """The documents' figures, ours of this run and of the one with several seeds beside them."""
    return [
        {
            **{key: row[key] for key in ("document", "variant", "result", "result_several")},
            "color": colors.get(row["variant"], "#808080"),
            "part": text("parts", row["part"]),
            "metric": label(row["metric"], dataset_of(row["variant"])),
            **{
                key: "" if pd.isna(row[key]) else cell(float(row[key]))
                for key in ("epoch", "published", "tolerance", "ours", "ours_several", "std_several")
            },
        }
        for _, row in figures_beside(figures, several).iterrows()
    ]
