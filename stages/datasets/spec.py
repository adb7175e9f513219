"""The contract of a data set: a module `stages/datasets/<name>.py` whose `SPEC` is a `DatasetSpec`.

The spec holds everything that the pipeline knows about the data set: its files and where to get them, its rows,
classes, columns and units, the metric that ranks its models, and how the files and new rows are read. Nothing of it
stands anywhere else.
"""

import csv
import importlib
import io
import math
import pkgutil
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

import stages.datasets

if TYPE_CHECKING:
    import pandas as pd


SCHEMES = ("https", "http", "file", "")
"""Of the sources of a file; none: a path from the root of the repository."""

RAW = Path("data/raw")
"""Folder of the raw files, in a folder for each data set."""


SHARED = {"spec", "csv_table"}
"""Modules of this package that are no data sets."""

Conversion = Callable[[bytes], bytes]


@dataclass(frozen=True, eq=False)
class Raw:
    """A data set as published: nothing scaled, nothing left out, rows in the order of the files."""

    x: np.ndarray
    """(n, ...) the inputs in the units of the source."""
    y: np.ndarray
    """(n,) the targets: an integer dtype is a class, a floating one a quantity."""


@dataclass(frozen=True)
class RawFile:
    """A file, which is its content: a source may have it in a gzip, tar or zip file."""

    name: str
    """In `data/raw/<dataset>/`, and in a mirror."""
    sha256: str
    """Of the content, as `bytes`."""
    bytes: int
    urls: tuple[str, ...] = ()
    """Sources in the order to try: `https://…`, `http://…`, `file:///…`, or a path from the root of the repository.
    None are needed for a file that a mirror holds."""
    packed: tuple[str, ...] = ()
    """Further names in a mirror and in the `caches`: of files that hold it."""
    convert: Conversion | None = None
    """Gives the content from another form in which a source may have it; ValueError for bytes of no such form."""


@dataclass(frozen=True)
class Feature:
    """A column of x."""

    name: str
    unit: str = ""
    """Empty for a code, a count or 0 and 1."""


@dataclass(frozen=True)
class Target:
    """The predicted quantity; y is in `unit`, reports are in `report_unit`."""

    name: str = "target"
    unit: str = ""
    report_unit: str = ""
    """The unit in which people read errors and predictions; empty: as y."""
    report_scale: float = 1.0
    """Value in `report_unit` of 1 in `unit`."""


class RowError(ValueError):
    """Values of a column from which no features can be made."""

    def __init__(self, column: str, expected: str, got: Mapping[int, object]) -> None:
        """got: the values by the row's position in the table, from 0; at least one."""
        row, value = next(iter(got.items()))
        super().__init__(f"row {row}, {column}: expected {expected}, got {value}")
        self.column, self.expected, self.got = column, expected, got


@dataclass(frozen=True)
class NewRows:
    """Reader of a user's table: its columns, and the features made of them."""

    columns: tuple[str, ...]
    """Numeric columns that the table has to have. Without `derive` they are the features, and those that a split leaves
    out may be missing."""
    ignored: tuple[str, ...] = ()
    """Columns that the table may have, such as the target."""
    derive: Callable[["pd.DataFrame"], np.ndarray] | None = None
    """float64 (n, features) from a table with the columns; RowError for values that give no features. A table that has
    the features instead of the columns is read as it is."""
    other_names: Mapping[str, str] = field(default_factory=dict)
    """Columns by further names that they have in files of others."""
    codes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Numbers by the words that stand for them in files of others, by column. If all of a column are whole numbers, a
    fraction in it is predicted with a warning."""
    only_words: tuple[str, ...] = ()
    """Columns in which nothing but the words of `codes` may stand."""

    def expected(self, features: Sequence[str]) -> Iterator[tuple[bool, str]]:
        """Yield what must hold of it beside these features, and the fault if it does not."""
        holds = self.derive is not None or set(self.columns) == set(features)
        yield holds, f"new_rows.columns: expected the features, {', '.join(features)}, or a derive"
        known = ", ".join(self.columns)
        named = {"other_names": set(self.other_names.values()), "codes": set(self.codes)}
        for name, columns in (*named.items(), ("only_words", set(self.only_words))):
            wrong = sorted(columns - set(self.columns))
            yield not wrong, f"new_rows.{name}: expected columns among {known}, got {', '.join(wrong)}"


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Everything that the pipeline knows about a data set."""

    read: Callable[[Path], Raw]
    """Read the files in a folder; ValueError with file, place, expected and got for contents that are not as
    published."""
    files: tuple[RawFile, ...]
    mirror: str
    """The folder of the files in a mirror; see `stages.download`."""
    rows: int
    ranked_by: str
    """The metric that ranks models, see `stages.comparison.scores`."""
    caches: tuple[str, ...] = ()
    """Folders in which other programs keep the files; `~` and `$NAME` stand for what they do in a shell."""
    debian_package: str = ""
    """The package of Debian and Ubuntu that installs one of the `caches`."""
    test_rows: int = 0
    """Number of rows, the last ones, that the publisher set aside for the test."""
    classes: tuple[str, ...] = ()
    """Names of the classes 0, 1, …; empty if the target is a quantity."""
    class_counts: tuple[int, ...] = ()
    """Number of rows of each class."""
    features: tuple[Feature, ...] = ()
    """Columns of x; empty for images."""
    image_shape: tuple[int, int] | None = None
    """(height, width) of an image in pixels, uint8."""
    background: int = 0
    """Gray value, 0 to 255, that transparent pixels of an image get."""
    prepare: Callable[[np.ndarray], tuple[np.ndarray, list[str]]] | None = None
    """uint8 of `image_shape` from a picture of another size, uint8 (height, width, 3), made as the data set's images
    were, and what to be warned of; ValueError "expected …, got …" for a picture from which none can be made. Without
    it, pictures of another size are refused."""
    target: Target = field(default_factory=Target)
    location: tuple[str, str] | None = None
    """Names of the features that place a row on a map: west-east, south-north."""
    new_rows: NewRows | None = None
    """Reader of new rows, for tables."""

    @property
    def feature_names(self) -> list[str]:
        """Names of x's columns; empty for images."""
        return [feature.name for feature in self.features]

    @property
    def units(self) -> dict[str, str]:
        """Units of the features that have one, by name."""
        return {feature.name: feature.unit for feature in self.features if feature.unit}

    def row_shape(self, columns_left_out: Sequence[str] = ()) -> tuple[int, ...]:
        """Shape of one row: an image's, or the number of columns that stay."""
        return self.image_shape or (len(self.features) - len(columns_left_out),)

    def blank(self) -> Raw:
        """Give as many rows as `read`, of the same shape, dtype and classes, with nothing in them."""
        dtype = np.uint8 if self.image_shape else np.float64
        x = np.broadcast_to(np.zeros((), dtype), (self.rows, *self.row_shape()))
        if not self.classes:
            return Raw(x, np.zeros(self.rows))
        return Raw(x, np.repeat(np.arange(len(self.classes)), self.class_counts))

    def faults(self) -> list[str]:
        """List what contradicts itself, one line per fault, each beginning with the name of a field."""
        if wrong := self._wrong_types():
            return wrong
        expected: list[tuple[bool, str]] = [
            (self.rows > 0, f"rows: expected a number of rows greater than 0, got {self.rows}"),
            (
                0 <= self.test_rows < max(self.rows, 1),
                f"test_rows: expected 0 to {self.rows - 1} rows, got {self.test_rows}",
            ),
            (
                bool(self.features) != (self.image_shape is not None),
                "features: expected either features or an image_shape, got "
                + ("both" if self.features else "neither of them"),
            ),
            (
                len(self.class_counts) == len(self.classes)
                and sum(self.class_counts) == (self.rows if self.classes else 0),
                f"class_counts: expected {len(self.classes)} counts that add up to {self.rows} rows, "
                f"got {self.class_counts}",
            ),
            (len(self.classes) != 1, f"classes: expected none or at least two, got {self.classes}"),
            (
                not self.features or self.new_rows is not None,
                "new_rows: expected NewRows beside features, got None",
            ),
            (
                self.location is None or set(self.location) <= set(self.feature_names),
                f"location: expected names among {', '.join(self.feature_names)}, got {self.location}",
            ),
            (0 <= self.background <= 255, f"background: expected a gray value of 0 to 255, got {self.background}"),
            (bool(self.files), "files: expected at least one file, got none"),
            (
                len(set(self.feature_names)) == len(self.features),
                f"features: expected every name once, got {', '.join(self.feature_names)}",
            ),
            *(self.new_rows.expected(self.feature_names) if self.new_rows and self.features else ()),
        ]
        names = [file.name for file in self.files]
        for name in (self.mirror, *names, *(name for file in self.files for name in file.packed)):
            plain = name not in ("", ".", "..") and not set(name) & set("/\\:\0")
            expected.append((plain, f"files: expected names without a path, got {name!r}"))
        expected.append((len(set(names)) == len(names), f"files: expected every name once, got {', '.join(names)}"))
        for index, file in enumerate(self.files):
            place = f"files[{index}]"
            sha256 = re.fullmatch("[0-9a-f]{64}", file.sha256) is not None
            expected.append((sha256, f"{place}.sha256: expected 64 digits of 0 to 9 and a to f, got {file.sha256!r}"))
            expected.append((file.bytes > 0, f"{place}.bytes: expected a number greater than 0, got {file.bytes}"))
            for url in file.urls:
                scheme = urlsplit(url).scheme
                known = url != "" and (scheme in SCHEMES or len(scheme) == 1)  # C:\\ is a drive of Windows
                wanted = "https://…, http://…, file:///… or a path from the root of the repository"
                expected.append((known, f"{place}.urls: expected {wanted}, got {url!r}"))
        return [line for holds, line in expected if not holds]

    def _wrong_types(self) -> list[str]:
        """List the fields that are of another type than the class declares."""
        types: dict[str, type] = dict.fromkeys(("rows", "test_rows", "background"), int) | dict.fromkeys(
            ("mirror", "ranked_by", "debian_package"), str
        )
        members = {"files": RawFile, "features": Feature, "classes": str, "class_counts": int, "caches": str}
        fields = [(name, getattr(self, name), kind) for name, kind in types.items()]
        for name, kind in members.items():
            values = getattr(self, name)
            fields.append((name, values, tuple))
            if isinstance(values, tuple):
                fields += [(f"{name}[{index}]", value, kind) for index, value in enumerate(values)]
        functions: dict[str, object] = {"read": self.read}
        for index, file in enumerate(self.files if isinstance(self.files, tuple) else ()):
            for name, kind in {"name": str, "sha256": str, "bytes": int, "urls": tuple, "packed": tuple}.items():
                fields.append((f"files[{index}].{name}", getattr(file, name, None), kind))
            if (convert := getattr(file, "convert", None)) is not None:
                functions[f"files[{index}].convert"] = convert
        fields += [("target", self.target, Target)] + ([("new_rows", self.new_rows, NewRows)] if self.new_rows else [])
        words = {int: "an integer", str: "text"}
        wrong = [
            f"{name}: expected {words.get(kind, f'a {kind.__name__}')}, got {reprlib.repr(value)}"
            for name, value, kind in fields
            if type(value) is not kind
        ]
        return wrong + [
            f"{name}: expected a function, got {reprlib.repr(function)}"
            for name, function in functions.items()
            if not callable(function)
        ]

    def check(self, raw: Raw, place: str) -> None:
        """Check that what was read has the shape and the classes that the spec states.

        place: the module, for errors. Raises: ValueError.
        """
        if not isinstance(raw, Raw):
            raise ValueError(f"{place}, SPEC.read: expected a Raw, got {reprlib.repr(raw)}")
        shape = (self.rows, *self.row_shape())
        if raw.x.shape != shape or raw.y.shape != (self.rows,):
            got = f"{raw.x.shape} and {raw.y.shape}"
            raise ValueError(f"{place}, SPEC.read: expected x and y of shapes {shape} and ({self.rows},), got {got}")
        is_class = np.issubdtype(raw.y.dtype, np.integer)
        if is_class != bool(self.classes):
            expected = "classes, which are integers" if self.classes else "quantities, which are floating numbers"
            raise ValueError(f"{place}, SPEC.read: expected {expected}, got y of dtype {raw.y.dtype}")
        if is_class and (counts := tuple(np.bincount(raw.y).tolist())) != self.class_counts:
            raise ValueError(f"{place}, SPEC.read: expected {self.class_counts} rows of the classes, got {counts}")


def names() -> list[str]:
    """Name the data sets that have a module."""
    found = {module.name for module in pkgutil.iter_modules(stages.datasets.__path__)}
    return sorted(found - SHARED)


def spec_of(dataset: str) -> DatasetSpec:
    """Give the spec of the data set called so in `params.yaml`.

    Raises: ValueError, one line per fault, for a data set without a module and for a module that breaks the contract.
    """
    if dataset not in names():
        raise ValueError(f"datasets.{dataset}: expected a data set among {', '.join(names())}, got {dataset!r}")
    place = f"stages/datasets/{dataset}.py"
    try:
        module = importlib.import_module(f"{stages.datasets.__name__}.{dataset}")
    except Exception as error:  # whatever the module raises
        got = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"{place}: expected a module that can be imported, got {got}") from error
    spec = getattr(module, "SPEC", None)
    if not isinstance(spec, DatasetSpec):
        got = "none" if spec is None else f"a {type(spec).__name__}"
        raise ValueError(f"{place}, SPEC: expected a DatasetSpec (stages/datasets/spec.py), got {got}")
    try:
        faults = spec.faults()
    except (TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{place}, SPEC: expected fields of the types of DatasetSpec, got: {error}") from error
    if faults:
        raise ValueError("\n".join(f"{place}, SPEC.{fault}" for fault in faults))
    return spec


def read_table(content: bytes, name: str, columns: Sequence[str], rows: int) -> np.ndarray:
    """float64 (rows, columns) from comma-separated numbers: ASCII, no header, no quotes, any line end.

    ValueError with the file's name, the line, what was expected and what came: a byte that is not ASCII (a byte order
    mark too), a row with a column too few or too many, a cell that is no finite number, a wrong number of rows.
    """
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        got = f"{content[error.start]:#04x}"
        raise ValueError(f"{name}, byte {error.start}: expected ASCII, got {got}") from error
    reader = csv.reader(io.StringIO(text, newline=""), quoting=csv.QUOTE_NONE)
    table = []
    try:
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if len(cells) != len(columns):
                raise ValueError(f"{where}: expected {len(columns)} columns, got {len(cells)}")
            table.append([number(cell, f"{where}, {column}") for cell, column in zip(cells, columns, strict=True)])
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: expected comma-separated numbers, got {error}") from error
    if len(table) != rows:
        raise ValueError(f"{name}: expected {rows} rows, got {len(table)}")
    return np.array(table, dtype=np.float64).reshape(rows, len(columns))


def number(cell: str, where: str, expected: str = "a finite number") -> float:
    """Read a cell's finite number; ValueError with the place and with what was expected otherwise."""
    try:
        # Python's float accepts 1_000, which no data file means as a number.
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: expected {expected}, got {reprlib.repr(cell)}")
    return value
