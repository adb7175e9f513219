"""The sortable tables of the report page: leaderboards, and published values."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.artifacts.tables import LEADERBOARD, PUBLISHED
from stages.comparison.scores import LESS_IS_BETTER
from stages.datasets.spec import spec_of
from stages.presentation.formats import cell, leaderboard_columns, with_intervals
from stages.presentation.kept import with_several_seeds
from stages.presentation.metrics import ERRORS, label
from stages.presentation.words import Text, joined, source_text, text
from stages.reporting.page.answers import Question
from stages.reporting.page.reports import Reports

SHOWN_METRICS = 1
"""Number of further metrics whose columns are shown before the reader chooses: bars take the width that is left."""


@dataclass(frozen=True)
class Column:
    """A column of a leaderboard."""

    key: str
    """Of leaderboard.csv, or `optimizer`."""
    heading: Text
    numeric: bool = True
    ascending: bool = True
    """Whether the best comes first in ascending order."""
    shown: bool = True
    """Whether it is there before the reader chooses columns; in a narrow window only the metric that ranks is."""


@dataclass(frozen=True)
class Cell:
    """A cell, and the number by which its column is sorted if that is not what is shown."""

    shown: str
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """A variant on a leaderboard."""

    variant: str
    diverged: Text | None
    """That it has no metrics, because all of its trainings diverged, or how many did."""
    optimizer: str
    """Its class; empty for an estimator."""
    split: str
    studies: list[str]
    """Names of the studies that compare it."""
    interval: str
    limits: tuple[float, float] | None
    """The 95 % interval of the metric that ranks."""
    cells: dict[str, Cell]
    """By the keys of `Board.columns`."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """The leaderboard of a data set, best first."""

    dataset: str
    title: Text
    columns: list[Column]
    """First that of the metric that ranks."""
    interval: Text
    """Heading of its interval."""
    rows: list[BoardRow]
    studies: dict[str, Text]
    """Questions that a row may be filtered by, by the study's name."""
    optimizers: list[str]
    splits: list[str]
    notes: list[Text]
    missing: list[Text]


@dataclass(frozen=True)
class Document:
    """A source document, and what it treats."""

    name: str
    title: Text
    subject: str
    """In English, in every language of the page; empty if it is unknown."""


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """A published value beside ours, of this run and of a run with several seeds; empty texts for missing numbers."""

    document: str
    variant: str
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
    reports: Reports, asked: Sequence[Question], titles: Mapping[str, Text], not_measurable: Collection[str]
) -> list[Board]:
    """Make the leaderboard of each data set, the variants without a metric last.

    titles: by variant; not_measurable: variants whose split holds out no rows. That they have no metrics is a note, and
    nothing is missing.
    """
    by_dataset = reports.tables[LEADERBOARD].groupby("dataset")
    return [_board(reports, str(dataset), rows, asked, titles, not_measurable) for dataset, rows in by_dataset]


def _board(
    reports: Reports,
    dataset: str,
    rows: pd.DataFrame,
    asked: Sequence[Question],
    titles: Mapping[str, Text],
    not_measurable: Collection[str],
) -> Board:
    ranked = f"test_{spec_of(dataset).ranked_by}"
    headings = leaderboard_columns(dataset)
    interval = headings.pop("interval")
    limits = [f"{ranked}_low", f"{ranked}_high"]
    rows = rows.reindex(columns=list(dict.fromkeys([*rows, *headings, *limits])))
    columns = columns_of(headings)
    board_rows = [
        _row(reports, row, shown, columns, [each.name for each in asked if row["variant"] in each.members])
        for (_, row), (_, shown) in zip(rows.iterrows(), with_intervals(dataset, rows).iterrows(), strict=True)
    ]
    notes, missing = [], []
    for (_, row), made in zip(rows.iterrows(), board_rows, strict=True):
        lacking = [heading for key, heading in headings.items() if key != "multiply_adds" and pd.isna(row[key])]
        if made.diverged and pd.isna(row[ranked]):
            notes.append(text("page", "diverged_key"))
        if made.variant in not_measurable:
            notes.append(text("page", "nothing_held_out_of", variant=titles.get(made.variant, made.variant)))
        elif lacking and not made.diverged:
            missing.append(text("page", "no_metric", variant=made.variant, column=joined(lacking, ", ")))
    of_board = {name for row in board_rows for name in row.studies}
    return Board(
        dataset=dataset,
        title=text("titles", dataset),
        columns=columns,
        interval=interval,
        rows=board_rows,
        studies={each.name: each.question for each in asked if each.name in of_board},
        optimizers=sorted({row.optimizer for row in board_rows if row.optimizer}),
        splits=list(dict.fromkeys(row.split for row in board_rows)),
        notes=list({note["en"]: note for note in notes}.values()),
        missing=missing,
    )


def columns_of(headings: Mapping[str, Text]) -> list[Column]:
    """List the columns of a leaderboard. headings: of its metrics, that which ranks first."""
    ranked, *others = headings
    metrics = [key for key in others if key != "multiply_adds"]
    recipe = [
        Column("optimizer", text("table", "optimizer"), numeric=False),
        Column("split", text("table", "split"), numeric=False),
        *(Column(key, text("table", key)) for key in ("parameters", "epochs")),
    ]
    measured = [
        Column(key, headings[key], ascending=less_is_better(key), shown=key not in metrics[SHOWN_METRICS:])
        for key in others
    ]
    return [Column(ranked, headings[ranked], ascending=less_is_better(ranked)), *recipe, *measured]


def less_is_better(column: str) -> bool:
    """Whether less is better in a column of leaderboard.csv: of losses, errors and costs."""
    part, _, metric = column.partition("_")
    measured = part in ("test", "validation")
    return not measured or metric in LESS_IS_BETTER or metric in ERRORS or metric.endswith("error")


def _row(reports: Reports, row: pd.Series, shown: pd.Series, columns: Sequence[Column], studies: list[str]) -> BoardRow:
    ranked = columns[0].key
    low, high = float(row[f"{ranked}_low"]), float(row[f"{ranked}_high"])
    optimizer = reports.recipe(row["variant"]).get("optimizer", {}).get("class", "")
    of_recipe = {
        "optimizer": Cell(optimizer),
        "split": Cell(row["split"]),
        "parameters": Cell(f"{row['parameters']:,.0f}"),
        "epochs": Cell(cell(float(row["epochs"]))),
    }
    measured = [each.key for each in columns if each.key not in of_recipe]
    return BoardRow(
        variant=row["variant"],
        diverged=divergence(row, ranked),
        optimizer=optimizer,
        split=row["split"],
        studies=studies,
        interval=shown["interval"],
        limits=(low, high) if math.isfinite(low) and math.isfinite(high) else None,
        cells=of_recipe | {key: Cell(cell(shown[key]), row[key]) for key in measured},
    )


def divergence(row: pd.Series, ranked: str) -> Text | None:
    """Tell that all trainings of a variant diverged, or how many did; None if none did. row: of the leaderboard."""
    share = row.get("diverged", 0.0)
    if pd.isna(share) or not share:
        return None
    if pd.isna(row[ranked]):
        return text("page", "all_diverged")
    return text("page", "some_diverged", count=round(share * row["trainings"]), trainings=int(row["trainings"]))


def documents(reports: Reports, asked: Sequence[Question]) -> list[Document]:
    """List the documents that the page names."""
    names = {name for each in asked for name in each.documents} | set(reports.tables[PUBLISHED]["document"])
    names |= {name for each in reports.described.values() for name in each.documents}
    found = []
    for name in sorted(names):
        source = reports.sources.get(name)
        title, subject = (source.title, source.subject) if source else (name, "")
        found.append(Document(name, source_text(name, title), subject))
    return found


def published_rows(
    published: pd.DataFrame, several: pd.DataFrame, dataset_of: Callable[[str], str]
) -> list[PublishedRow]:
    """Make the table of published values. published, several: published.csv of this run and of the deciding one."""
    return [
        PublishedRow(
            document=row["document"],
            variant=row["variant"],
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
