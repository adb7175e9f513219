"""The sortable tables of the report page: leaderboards, and published values."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import LEADERBOARD
from stages.datasets.spec import spec_of
from stages.presentation.formats import cell, leaderboard_columns, with_intervals
from stages.presentation.kept import with_several_seeds
from stages.presentation.metrics import label
from stages.presentation.words import Text, joined, text
from stages.reporting.page.pictures import Picture, cost_picture
from stages.reporting.page.reports import Reports

FENCE = 3.0
"""Values more than so many interquartile ranges from the quartiles are off the scale (Tukey 1977, "Exploratory Data
Analysis": far out)."""
MARGIN = 0.02
"""Share of the range on each side of a scale."""
NO_COLOR = "#808080"
"""Color of a variant that is not in the catalogue."""


@dataclass(frozen=True)
class Bar:
    """A value and its interval on the scale of a leaderboard, in percent of its width."""

    middle: float = 0.0
    begin: float = 0.0
    width: float = 0.0
    off: str = ""
    """Side, "left" or "right", on which the value is off the scale."""


@dataclass(frozen=True)
class Cell:
    """A cell, and the value by which its column is sorted."""

    shown: str
    value: float


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """A variant on a leaderboard."""

    variant: str
    color: str
    diverged: Text | None
    """That it has no metrics, because all of its trainings diverged, or how many did."""
    split: str
    parameters: float
    epochs: str
    bar: Bar | None
    cells: dict[str, Cell]
    """Cells by the columns of `Board.headings`."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """The leaderboard of a data set, best first."""

    dataset: str
    title: Text
    ranked: Text
    """Name of the metric that ranks."""
    headings: dict[str, Text]
    scale: tuple[str, str] | None
    """Least and greatest value on the scale of the bars."""
    rows: list[BoardRow]
    splits: list[str]
    cost: Picture | None
    """What is reached at what cost."""
    notes: list[Text]
    missing: list[Text]


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """A published value beside ours, of this run and of a run with several seeds; empty texts for missing numbers."""

    document: str
    variant: str
    color: str
    part: Text
    metric: Text
    epoch: str
    published: str
    tolerance: str
    ours: str
    result: str
    ours_several: str
    std_several: str
    result_several: str


def leaderboards(
    reports: Reports, colors: Mapping[str, str], titles: Mapping[str, Text], not_measurable: Collection[str]
) -> list[Board]:
    """Make the leaderboard of each data set, the variants without a metric last.

    colors, titles: by variant; not_measurable: variants whose split holds out no rows. That they have no metrics is a
    note, and nothing is missing.
    """
    by_dataset = reports.tables[LEADERBOARD].groupby("dataset")
    return [
        _board(str(dataset), rows, colors, titles, not_measurable, cost_picture(reports, str(dataset)))
        for dataset, rows in by_dataset
    ]


def _board(
    dataset: str,
    rows: pd.DataFrame,
    colors: Mapping[str, str],
    titles: Mapping[str, Text],
    not_measurable: Collection[str],
    cost: Picture | None,
) -> Board:
    ranked = f"test_{spec_of(dataset).ranked_by}"
    headings = leaderboard_columns(dataset)
    numeric = [column for column in headings if column != "interval"]
    limits = [ranked, f"{ranked}_low", f"{ranked}_high"]
    rows = rows.reindex(columns=list(dict.fromkeys([*rows, *numeric, *limits])))
    formatted = with_intervals(dataset, rows)
    scale, bars = bars_of(rows, ranked)
    board_rows, notes, missing = [], [], []
    for bar, (_, row), (_, shown) in zip(bars, rows.iterrows(), formatted.iterrows(), strict=True):
        name = row["variant"]
        diverged = divergence(row, ranked)
        board_rows.append(
            BoardRow(
                variant=name,
                color=colors.get(name, NO_COLOR),
                diverged=diverged,
                split=row["split"],
                parameters=row["parameters"],
                epochs=cell(float(row["epochs"])),
                bar=bar,
                cells={
                    column: Cell(cell(shown[column]), row[ranked if column == "interval" else column])
                    for column in headings
                },
            )
        )
        lacking = [headings[column] for column in numeric if column != "multiply_adds" and pd.isna(row[column])]
        if diverged and pd.isna(row[ranked]):
            notes.append(text("page", "diverged_key"))
        if name in not_measurable:
            notes.append(text("page", "nothing_held_out_of", variant=titles.get(name, name)))
        elif lacking and not diverged:
            missing.append(text("page", "no_metric", variant=name, column=joined(lacking, ", ")))
    return Board(
        dataset=dataset,
        title=text("titles", dataset),
        ranked=headings[ranked],
        headings=headings,
        scale=scale,
        rows=board_rows,
        splits=list(dict.fromkeys(row.split for row in board_rows)),
        cost=cost,
        notes=list({note["en"]: note for note in notes}.values()),
        missing=missing,
    )


def divergence(row: pd.Series, ranked: str) -> Text | None:
    """Tell that all trainings of a variant diverged, or how many did; None if none did. row: of the leaderboard."""
    share = row.get("diverged", 0.0)
    if pd.isna(share) or not share:
        return None
    if pd.isna(row[ranked]):
        return text("page", "all_diverged")
    return text("page", "some_diverged", count=round(share * row["trainings"]), trainings=int(row["trainings"]))


def bars_of(rows: pd.DataFrame, ranked: str) -> tuple[tuple[str, str] | None, list[Bar | None]]:
    """Place each value with its interval on a common scale, which leaves out values far from all others.

    Returns: the ends of the scale, None without any value, and a bar for each row, None without a value.
    """
    values, low, high = (rows[f"{ranked}{end}"].astype(float) for end in ("", "_low", "_high"))
    first, third = values.quantile(0.25), values.quantile(0.75)
    near = values.between(first - FENCE * (third - first), third + FENCE * (third - first))
    ends = pd.concat([each[near] for each in (values, low, high)]).replace([np.inf, -np.inf], np.nan).dropna()
    if ends.empty:
        return None, [None] * len(rows)
    margin = MARGIN * float(ends.max() - ends.min()) or 1.0
    left, right = float(ends.min()) - margin, float(ends.max()) + margin

    def place(value: float, otherwise: float) -> float:
        return round(100 * (value - left) / (right - left), 2) if np.isfinite(value) else round(otherwise, 2)

    bars: list[Bar | None] = []
    for value, start, end in zip(values, low, high, strict=True):
        if pd.isna(value):
            bars.append(None)
            continue
        middle = place(value, 0)
        if not 0 <= middle <= 100:
            bars.append(Bar(off="left" if middle < 0 else "right"))
            continue
        begin = max(place(start, middle), 0)
        bars.append(Bar(middle, begin, round(min(place(end, middle), 100) - begin, 2)))
    return (cell(left), cell(right)), bars


def published_rows(
    published: pd.DataFrame, several: pd.DataFrame, colors: Mapping[str, str], dataset_of: Callable[[str], str]
) -> list[PublishedRow]:
    """Make the table of published values. published, several: published.csv of this run and of the deciding one."""
    return [
        PublishedRow(
            document=row["document"],
            variant=row["variant"],
            color=colors.get(row["variant"], NO_COLOR),
            part=text("parts", row["part"]),
            metric=label(row["metric"], dataset_of(row["variant"])),
            epoch=_number(row["epoch"]),
            published=_number(row["published"]),
            tolerance=_number(row["tolerance"]),
            ours=_number(row["ours"]),
            result=row["result"],
            ours_several=_number(row["ours_several"]),
            std_several=_number(row["std_several"]),
            result_several=row["result_several"],
        )
        for _, row in with_several_seeds(published, several).iterrows()
    ]


def _number(value: Any) -> str:
    return "" if pd.isna(value) else cell(float(value))
