"""Tables as people have them: delimiters, encodings, decimal commas, empty rows, and words for numbers."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.datasets.spec import DatasetSpec, NewRows, RowError, number
from stages.params.messages import shown
from stages.prediction.files import Read, kind_of, listed, place_of, read_bytes
from stages.prediction.headers import find_columns, known_names, plain

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",  # before UTF-16's, with which it begins
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Encodings by their byte order marks."""
LINE_END = re.compile(r"\r\n|\r|\n")
MINUS = "\u2212"
"""The minus sign of typesetters, which word processors write."""
NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")
"""A number whose commas or points may stand between thousands."""
Line = tuple[int, list[str]]
"""The number of a line in its file, from 1, and its cells."""


class Text(NamedTuple):
    """A table in lines of cells."""

    header: list[str]
    header_line: int
    lines: list[Line]
    """Of rows that are not empty."""
    delimiter: str
    notes: list[str]


def read_table_file(path: Path, spec: DatasetSpec, features: Sequence[str]) -> Read:
    """Read the rows of a table in the features of a model, float64 (n, features) in their order.

    CSV with a header (delimiters `,`, `;`, tab or `|`; UTF-8, or UTF-16 or UTF-32 with a byte order mark), or Weka's
    ARFF. Rows that cannot be read are faults.

    Raises: ValueError with the file, the line, what was expected and what came, if no row can be read as it is meant:
    another kind of file or encoding, a header without a column, numbers whose commas are ambiguous.
    """
    new_rows = spec.new_rows
    place = place_of(path)
    if new_rows is None:
        raise ValueError(f"{place}: expected an image, since the variant reads images, got a table")
    text, notes = decode(read_bytes(path), place)
    split = split_arff(text, place) if is_arff(text) else split_lines(text, known_names(spec, new_rows), place)
    try:
        columns = find_columns(split.header, spec, new_rows, features)
    except ValueError as error:
        raise ValueError(f"{place}, line {split.header_line}: {error}") from None
    if not split.lines:
        raise ValueError(f"{place}: expected rows below the header, got none")
    whole = [line for line in split.lines if len(line[1]) == len(split.header)]
    commas = decimal_sign(whole, columns.positions, split.delimiter, place) == ","
    notes += [*split.notes, *(["read commas in numbers as decimal points"] if commas else []), *columns.notes]
    read = _read_rows(split, columns.positions, new_rows, commas, path)
    read.notes = [f"{place}: {note}" for note in notes] + read.notes
    if columns.derived:
        _derive(read, list(columns.positions), spec, new_rows, features)
    return read


def decode(content: bytes, place: str) -> tuple[str, list[str]]:
    """Decode a text; with a note if it is not in UTF-8.

    Raises: ValueError with what it is instead: another kind of file, or text in another encoding.
    """
    if kind := kind_of(content):
        hint = "; save it as CSV" if content else ""
        raise ValueError(f"{place}: expected a table, since the variant reads tables, got {kind}{hint}")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        got = f"{error.object[error.start]:#04x}"
        name = encoding.removesuffix("-sig").upper()
        hint = "save it as CSV in UTF-8 (in Excel: `CSV UTF-8`)"
        raise ValueError(f"{place}, byte {error.start}: expected a table in {name}, got {got}; {hint}") from None
    if encoding.startswith("utf-8") and (at := content.find(b"\0")) >= 0:
        hint = "save it as CSV in UTF-8 (UTF-16 needs a byte order mark)"
        raise ValueError(f"{place}, byte {at}: expected a table in UTF-8, got a zero byte; {hint}")
    return text, [] if encoding.startswith("utf-8") else [f"read {encoding.upper()}"]


def split_lines(text: str, known: set[str], place: str) -> Text:
    """Split CSV at the delimiter that gives its first line the most known names (`plain`).

    Excel's line `sep=;` may stand before it. Raises: ValueError for quotes that do not close.
    """
    notes = []
    first = next((line for line in LINE_END.split(text) if plain(line)), "")
    if declared := re.fullmatch(rf"sep=([{''.join(DELIMITERS)}])\s*", first, re.IGNORECASE):
        delimiter = declared[1]
    else:
        delimiter = max(DELIMITERS, key=lambda each: sum(plain(name) in known for name in first.split(each)))
    lines, empty = _parse(text, delimiter, place, 0)
    if declared:
        lines = lines[1:]
    if delimiter != ",":
        notes.append(f"read columns separated by {DELIMITERS[delimiter]}")
    line, cells = lines[0] if lines else (1, [])
    if empty:
        notes.append(f"left out {empty:,} empty row{'s' if empty > 1 else ''}")
    return Text([cell.strip() for cell in cells], line, lines[1:], delimiter, notes)


def _parse(text: str, delimiter: str, place: str, before: int) -> tuple[list[Line], int]:
    """Parse the lines that are not empty, and count those of delimiters alone. before: number of lines before."""
    lines: list[Line] = []
    empty = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((before + reader.line_num, cells))
            else:
                empty += len(cells) > 1
    except csv.Error as error:
        where = f"{place}, line {before + reader.line_num}"
        raise ValueError(f"{where}: expected separated values, got: {error}") from None
    return lines, empty


def is_arff(text: str) -> bool:
    """Whether the first line that is no comment is that of Weka's format."""
    lines = (line.strip() for line in LINE_END.split(text))
    first = next((line for line in lines if line and not line.startswith("%")), "")
    return first.lower().startswith("@relation")


def split_arff(text: str, place: str) -> Text:
    """Split ARFF: its attributes are the header, and the lines below `@data` the rows.

    Raises: ValueError for a file without `@data`, and for a line that is neither an attribute nor a comment before it.
    """
    lines = LINE_END.split(text)
    header: list[str] = []
    for count, line in enumerate(lines, 1):
        word = line.strip().lower()
        attribute = re.match(r"""\s*@attribute\s+('[^']*'|"[^"]*"|\S+)\s+\S""", line, re.IGNORECASE)
        if attribute:
            header.append(attribute[1].strip("'\""))
        elif word == "@data":
            rows = ["" if row.lstrip().startswith("%") else row.replace("'", '"') for row in lines[count:]]
            return Text(header, count, _parse("\n".join(rows), ",", place, count)[0], ",", ["read ARFF"])
        elif word and not word.startswith(("%", "@relation")):
            raise ValueError(f"{place}, line {count}: expected `@attribute name type` or `@data`, got {shown(line)}")
    raise ValueError(f"{place}: expected rows below a line `@data`, got none")


def decimal_sign(lines: Iterable[Line], positions: Mapping[str, int], delimiter: str, place: str) -> str:
    """Give the decimal sign of the numbers in these columns: a point, or a comma if there are any.

    Between commas a point is decimal. Elsewhere it may stand between thousands as a comma may: both are in use, even in
    one file, in columns of large and of small numbers.

    Raises: ValueError if both signs are there, or if all numbers of a column with the sign could have it between
    thousands.
    """
    signs: dict[str, dict[str, list[tuple[int, str]]]] = {}
    for line, cells in lines:
        for column, position in positions.items():
            cell = cells[position].strip().replace(MINUS, "-")
            if NUMBER.fullmatch(cell):
                for sign in {",", "."} & set(cell):
                    signs.setdefault(sign, {}).setdefault(column, []).append((line, cell))
    if len(signs) > 1:
        first, second = (next(iter(signs[sign].items())) for sign in ",.")
        (column, [(line, comma), *_]), (other, [(there, point), *_]) = first, second
        got = f"{comma!r}, and {point!r} in line {there}, {other}"
        hint = "write 1234.5 for decimals, and nothing between thousands"
        raise ValueError(f"{place}, line {line}, {column}: expected decimals written in one way, got {got}; {hint}")
    for sign, columns in signs.items():
        for column, numbers in columns.items():
            if (sign, delimiter) != (".", ",") and all(THOUSANDS.fullmatch(cell) for _, cell in numbers):
                (line, cell), name = numbers[0], {",": "comma", ".": "point"}[sign]
                got = f"{cell!r}, whose {name} may be either"
                decimal = f"{cell}0 for decimals, " if cell.count(sign) == 1 else ""
                hint = f"write {decimal}{cell.replace(sign, '')} for thousands"
                expected = f"expected a decimal {name} or a thousands separator"
                raise ValueError(f"{place}, line {line}, {column}: {expected}, got {got}; {hint}")
    return "," if "," in signs else "."


def _read_rows(text: Text, positions: Mapping[str, int], new_rows: NewRows, commas: bool, path: Path) -> Read:
    """Read the cells of these columns: `x` is float64 (n, columns). A row is a fault from its first wrong cell on."""
    place = place_of(path)
    said: dict[str, None] = {}
    readers = {column: _CellReader(column, new_rows, commas, said) for column in positions}
    rows, values, places, faults = [], [], [], []
    for row, (line, cells) in enumerate(text.lines, 1):
        where = f"{place}, line {line}"
        try:
            if len(cells) != len(text.header):
                raise ValueError(f"{where}: expected {len(text.header)} columns, got {len(cells)}")
            numbers = [readers[column].read(cells[position].strip(), where) for column, position in positions.items()]
        except ValueError as error:
            faults.append(str(error))
            continue
        rows.append(row)
        values.append(numbers)
        places.append(where)
    names = pd.DataFrame({"file": str(path), "row": np.array(rows, dtype=int)})
    x = np.array(values, dtype=np.float64).reshape(len(rows), len(positions))
    notes = [f"{place}: read {', '.join(said)}"] if said else []
    return Read(names, places, x, notes, faults)


class _CellReader:
    """Reads the cells of a column: numbers, and the words that stand for some."""

    def __init__(self, column: str, new_rows: NewRows, commas: bool, said: dict[str, None]) -> None:
        """commas: whether they are decimal points; said: gets what is not read as it is written."""
        self._column, self._commas, self._said = column, commas, said
        self._only_words = column in new_rows.only_words
        codes = new_rows.codes.get(column, {})
        self._words = {word.casefold(): value for word, value in codes.items()}
        number_or = "" if self._only_words else "a finite number or "
        self._expected = f"{number_or}one of the words {listed([*filter(None, codes)])}" if codes else "a finite number"

    def read(self, cell: str, where: str) -> float:
        """Give the number of a cell. Raises: ValueError with the place, which begins with `where`."""
        code = self._words.get(cell.casefold())
        if code is not None:
            if math.isnan(code):
                self._said[f"{cell or 'an empty cell'} as a missing value"] = None
            elif not self._only_words:
                self._said[f"{cell} as {code}"] = None
            return float(code)
        if self._only_words:
            raise ValueError(f"{where}, {self._column}: expected {self._expected}, got {shown(cell)}")
        if MINUS in cell:
            cell = cell.replace(MINUS, "-")
            self._said["the minus sign U+2212 as a hyphen"] = None
        return number(cell.replace(",", ".") if self._commas else cell, f"{where}, {self._column}", self._expected)


def _derive(read: Read, columns: list[str], spec: DatasetSpec, new_rows: NewRows, features: Sequence[str]) -> None:
    """Replace raw columns by the features made of them; rows that give none become faults."""
    assert new_rows.derive is not None  # noqa: S101 (for mypy)
    kept = [spec.feature_names.index(feature) for feature in features]
    while len(read.x):
        try:
            read.x = new_rows.derive(pd.DataFrame(read.x, columns=columns))[:, kept]
        except RowError as error:
            for row, got in error.got.items():
                read.faults.append(f"{read.places[row]}, {error.column}: expected {error.expected}, got {got}")
            read.leave_out(error.got)
        else:
            return
    read.x = np.empty((0, len(features)))
