"""A data set from a CSV file with a header, stated column by column: `SPEC = csv_spec(…)`.

    SPEC = csv_spec(
        RawFile("plants.csv", "<sha256sum>", 8012, ("local_data/plants.csv",)),
        rows=240,
        target="species",
        classes={"daisy": 80, "tulip": 80, "rose": 80},
        columns=(
            Number("height", unit="cm", missing=40),
            Category("soil", ("clay", "sand", "loam")),
        ),
    )

The rows keep the order of the file; its other columns are ignored. Errors name the file, the line and the column.
`stages.predict` reads new rows with the same columns, words and missing values.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.datasets.spec import DatasetSpec, Feature, NewRows, Raw, RawFile, Target, number

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA", "N/A", "NaN", "null", "?")
"""Cells without a value, in any case."""


@dataclass(frozen=True)
class Number:
    """A column of numbers, which is a feature."""

    name: str
    unit: str = ""
    missing: float | None = None
    """Stands for a missing value; then a further feature `<name>_missing` is 1 where it does, else 0. If it is None,
    no value may be missing."""

    def features(self) -> list[Feature]:
        """The features of the column."""
        known = Feature(_feature_name(self.name), self.unit)
        return [known, *([] if self.missing is None else [Feature(_feature_name(f"{self.name}_missing"))])]

    def codes(self) -> dict[str, float]:
        """Values by the words that stand for them."""
        return {} if self.missing is None else dict.fromkeys(MISSING, math.nan)

    def encoded(self, values: np.ndarray) -> list[np.ndarray]:
        """float64 (n,) for each feature, from the column's values, float64 (n,), NaN where they are missing."""
        if self.missing is None:
            return [values]
        absent = np.isnan(values)
        return [np.where(absent, self.missing, values), absent.astype(np.float64)]


@dataclass(frozen=True)
class Category:
    """A column of words; for each there is a feature `<name>=<word>`, which is 1 where it stands, else 0."""

    name: str
    words: tuple[str, ...]
    missing: bool = False
    """Whether a word may be missing; all features are 0 then."""

    def features(self) -> list[Feature]:
        """The features of the column."""
        return [Feature(_feature_name(f"{self.name}={word}")) for word in self.words]

    def codes(self) -> dict[str, float]:
        """Positions of the words, and NaN for a missing one."""
        words = {word: float(index) for index, word in enumerate(self.words)}
        return words | {each: math.nan for each in MISSING if self.missing and each not in words}

    def encoded(self, values: np.ndarray) -> list[np.ndarray]:
        """float64 (n,) for each feature, from the positions of the words, float64 (n,), NaN where one is missing."""
        return [(values == index).astype(np.float64) for index in range(len(self.words))]


Column = Number | Category


def _feature_name(text: str) -> str:
    """Name a feature, without spaces."""
    return re.sub(r"\s+", "_", text)


def csv_spec(
    file: RawFile,
    *,
    rows: int,
    columns: tuple[Column, ...],
    target: str,
    classes: Mapping[str, int] | None = None,
    unit: str = "",
    ranked_by: str = "",
    delimiter: str = ",",
    decimal: str = ".",
) -> DatasetSpec:
    """The spec of a data set in one CSV file, UTF-8, whose first line names the columns.

    rows: their number; columns: those that the models see; target: the column to predict; classes: its words with their
    numbers of rows, None for a quantity; unit: of a quantity; ranked_by: the metric that ranks, else the accuracy or
    the mean squared error; decimal: the sign before decimals.
    Raises: ValueError for a target among the columns, and for two features of one name.
    """
    if target in (names := [column.name for column in columns]):
        raise ValueError(f"target: expected a column that is not among {', '.join(names)}, got {target!r}")

    def derive(table: "pd.DataFrame") -> np.ndarray:
        return encode(table[names].to_numpy(np.float64), columns)

    def read(folder: Path) -> Raw:
        codes = [column.codes() for column in columns]
        codes.append({word: index for index, word in enumerate(classes or ())})
        values = read_columns(folder / file.name, [*names, target], codes, rows, delimiter, decimal)
        y = values[:, -1]
        return Raw(encode(values[:, :-1], columns), y.astype(np.int64) if classes else y)

    features = tuple(feature for column in columns for feature in column.features())
    if twice := [name for name, count in Counter(feature.name for feature in features).items() if count > 1]:
        raise ValueError(f"columns: expected features of different names, got two called {twice[0]!r}")
    return DatasetSpec(
        read=read,
        files=(file,),
        mirror=Path(file.name).stem,
        rows=rows,
        ranked_by=ranked_by or ("accuracy" if classes else "mse"),
        classes=tuple(classes or ()),
        class_counts=tuple((classes or {}).values()),
        features=features,
        target=Target(target, unit),
        new_rows=NewRows(
            tuple(names),
            ignored=(target,),
            derive=derive if [feature.name for feature in features] != names else None,
            codes={column.name: codes for column in columns if (codes := column.codes())},
            only_words=tuple(column.name for column in columns if isinstance(column, Category)),
        ),
    )


def encode(values: np.ndarray, columns: Sequence[Column]) -> np.ndarray:
    """float64 (n, features) from the values of the columns, float64 (n, columns)."""
    return np.column_stack(
        [each for column, of_column in zip(columns, values.T, strict=True) for each in column.encoded(of_column)]
    )


def read_columns(
    path: Path, names: Sequence[str], codes: Sequence[Mapping[str, float]], rows: int, delimiter: str, decimal: str
) -> np.ndarray:
    """Read columns of a CSV file, float64 (rows, names). codes: values by the words of each column; the last has no
    numbers beside its words.

    Raises: ValueError with the file, the line and the column of what is not as expected.
    """
    lines = csv.reader(io.StringIO(decoded(path), newline=""), delimiter=delimiter, strict=True)
    table = []
    try:
        header = [cell.strip() for cell in next(lines, [])]
        if wrong := [name for name in names if header.count(name) != 1]:
            got = f"{header.count(wrong[0])} called {wrong[0]!r}"
            raise ValueError(f"{path}, line 1: expected each of the columns {', '.join(names)} once, got {got}")
        positions = [header.index(name) for name in names]
        for cells in filter(None, lines):
            where = f"{path}, line {lines.line_num}"
            if len(cells) != len(header):
                raise ValueError(f"{where}: expected {len(header)} columns, got {len(cells)}")
            chosen = zip(names, codes, (cells[position].strip() for position in positions), strict=True)
            table.append([value_of(cell, f"{where}, {name}", words, decimal) for name, words, cell in chosen])
    except csv.Error as error:
        raise ValueError(f"{path}, line {lines.line_num}: expected separated values, got: {error}") from None
    if len(table) != rows:
        raise ValueError(f"{path}: expected {rows} rows, got {len(table)}")
    return np.array(table, dtype=np.float64)


def decoded(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; ValueError with the byte that is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"{error.object[error.start]:#04x}"
        raise ValueError(f"{path}, byte {error.start}: expected UTF-8, got {got}") from None


def value_of(cell: str, where: str, words: Mapping[str, float], decimal: str) -> float:
    """The number of a cell: that of its word, of a missing value, or its own if the words are not all that may stand.

    where: the place, for errors.
    """
    if cell in words:
        return words[cell]
    if any(map(math.isnan, words.values())) and cell.casefold() in {word.casefold() for word in MISSING}:
        return math.nan
    named = [word for word, value in words.items() if not math.isnan(value)]
    if named:
        raise ValueError(f"{where}: expected one of {', '.join(named)}, got {cell!r}")
    if decimal != "." and "." in cell:
        raise ValueError(f"{where}: expected a number with {decimal!r} before its decimals, got {cell!r}")
    return number(cell.replace(decimal, "."), where)
