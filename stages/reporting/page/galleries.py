"""The data sets, Keras's functions and the sweeps on the report page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stages.datasets.spec import spec_of
from stages.presentation.words import Text, text
from stages.reporting.page.charts import Chart
from stages.reporting.page.graphs import activation_charts, initializer_charts, rate_charts, sweep_charts
from stages.reporting.page.images import Grid, first_images
from stages.reporting.page.reports import Reports

BINS = 30
BAR_HEIGHT = 20
"""Height of a histogram; its bars are 2 wide."""
STATISTICS = ("mean", "std", "min", "50%", "max")


@dataclass(frozen=True)
class ClassCounts:
    """Rows of each class in the parts of splits that have the same rows."""

    splits: list[str]
    parts: list[Text]
    rows: list[tuple[str, list[str]]]
    """A class and its rows in each part."""


@dataclass(frozen=True)
class Column:
    """A column of a table, as published or as networks get it."""

    name: str
    unit: str
    statistics: list[str]
    """Those of `STATISTICS`."""
    bars: str
    """Its histogram, as the attribute `d` of a path."""


@dataclass(frozen=True)
class Described:
    """The columns of a table."""

    caption: Text
    columns: list[Column]


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures and tables under one title."""

    name: str
    title: Text
    grids: list[Grid] = field(default_factory=list)
    classes: list[ClassCounts] = field(default_factory=list)
    tables: list[Described] = field(default_factory=list)
    charts: list[tuple[Text, list[Chart]]] = field(default_factory=list)
    """Charts under a caption."""

    @property
    def captions(self) -> list[Text]:
        """Captions of all that it has."""
        classes = [text("figures", "classes")] if self.classes else []
        grids, tables = [each.caption for each in self.grids], [each.caption for each in self.tables]
        return [*grids, *classes, *tables, *(caption for caption, _ in self.charts)]


def galleries(reports: Reports, titles: Mapping[str, Text]) -> list[Gallery]:
    """Make a gallery of each data set, of Keras's functions and of the sweeps; without those that are empty."""
    shown = reports.pictured
    functions = {
        "activations": activation_charts(shown.activations),
        "initializers": initializer_charts(shown.initializers),
        "schedules": rate_charts(shown.rates, titles),
    }
    sweeps = [(text("page", "of_sweep", sweep=name), sweep_charts(*found)) for name, found in shown.sweeps.items()]
    found = [
        *(of_dataset(reports, dataset) for dataset in reports.catalogue.datasets),
        Gallery(
            name="functions",
            title=text("page", "functions"),
            charts=[(text("figures", name), charts) for name, charts in functions.items() if charts],
        ),
        Gallery(name="sweeps", title=text("page", "sweeps"), charts=sweeps),
    ]
    return [each for each in found if each.grids or each.classes or each.tables or each.charts]


def of_dataset(reports: Reports, dataset: str) -> Gallery:
    """Make the gallery of a data set."""
    shown, units = reports.pictured, spec_of(dataset).units
    tables: list[Described] = []
    for split, (published, scaled) in shown.columns.get(dataset, {}).items():
        if not tables:
            tables.append(described(text("page", "as_published", count=len(published)), published, units))
        tables.append(described(text("page", "as_scaled", split=split, count=len(scaled)), scaled, {}))
    return Gallery(
        name=dataset,
        title=text("datasets", dataset),
        grids=first_images(reports, dataset),
        classes=class_counts(shown.counts.get(dataset, {}), spec_of(dataset).classes),
        tables=tables,
    )


def class_counts(counts: Mapping[str, Mapping[str, np.ndarray]], classes: Sequence[str]) -> list[ClassCounts]:
    """Tabulate the rows of each class, once for splits that have the same. counts: {split: {part: int (classes,)}}."""
    alike: dict[str, list[str]] = {}
    for split, by_part in counts.items():
        alike.setdefault(str({part: rows.tolist() for part, rows in by_part.items()}), []).append(split)
    return [
        ClassCounts(
            splits,
            [text("parts", "training" if part == "train" else part) for part in counts[splits[0]]],
            [
                (name, [f"{rows[number]:,}" for rows in counts[splits[0]].values()])
                for number, name in enumerate(classes)
            ],
        )
        for splits in alike.values()
    ]


def described(caption: Text, table: pd.DataFrame, units: Mapping[str, str]) -> Described:
    """Describe the columns of a table. units: of its columns that have one."""
    rows = table.describe().T
    columns = [
        Column(
            str(name), units.get(str(name), ""), [short(values[each]) for each in STATISTICS], bars(table[str(name)])
        )
        for name, values in rows.iterrows()
    ]
    return Described(caption, columns)


def bars(values: pd.Series) -> str:
    """Draw a histogram with logarithmic heights."""
    heights = np.log1p(np.histogram(values, bins=BINS)[0])
    heights = np.rint(BAR_HEIGHT * heights / heights.max()).astype(int)
    return "".join(f"M{2 * place},{BAR_HEIGHT}v-{high}h2v{high}" for place, high in enumerate(heights) if high)


def short(value: float) -> str:
    """Format a number with at most four significant digits, or as a whole one."""
    if value == round(value):
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:,.1f}" if abs(value) >= 1000 else f"{round(value, 3) + 0.0:.4g}"
    return shown.replace("-", "−")
