"""The data sets: one module each, named as in `params.yaml`, and what all of them share.

A data set's module has `read(folder) -> Raw`, which accepts the publisher's files only if they are what they should be,
and `split_rows(raw, options) -> {part: rows}`, which says which rows train, validate and test. `stages.normalize`
stores the scaled arrays of every split; training and evaluation open them with `load_split`.
"""

import csv
import ctypes
import importlib
import io
import json
import math
import mmap
import pkgutil
import reprlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PARTS = ("validation", "train", "test")
"""The parts of a split in the order in which their rows are stored.

Validation comes first because `train_test_split` takes the held-out rows from the front of its permutation: two splits
of the same rows with the same seed then are the same array, cut in two places, and are stored once.
"""

COMMON_OPTIONS = frozenset({"scaling", "columns_left_out", "repeats"})
"""The options of a split that the normalization reads; the others say which row goes where."""


@dataclass(frozen=True, eq=False)
class Raw:
    """A data set as published: nothing scaled, nothing left out, rows in the order of the files."""

    x: np.ndarray
    """(n, ...) the inputs in the units of the source."""
    y: np.ndarray
    """(n,) the targets: an integer dtype is a class, a floating one a quantity."""
    features: list[str] = field(default_factory=list)
    """Names of x's columns; empty for images."""
    test_rows: np.ndarray = field(default_factory=lambda: np.arange(0))
    """(m,) int, ascending: the rows that the publisher set aside for the test; empty where there are none."""


@dataclass(frozen=True, eq=False)
class Split:
    """The stored arrays of one split by part ("train", "validation", "test"); a part may be missing."""

    x: dict[str, np.ndarray]
    """float32 (rows, ...) normalized inputs."""
    y: dict[str, np.ndarray]
    """(rows,) int32 class or float32 quantity."""
    rows: dict[str, np.ndarray]
    """int32 (rows,) row number in the raw data."""
    scaling: dict[str, Any]
    """What `normalize` needs to treat a new input alike; see `stages.normalize`."""


class OptionError(ValueError):
    """An option of a split that cannot be followed. The message starts with the option's name."""

    def __init__(self, option: str, expected: str, got: object) -> None:
        super().__init__(f"{option}: expected {expected}, got {reprlib.repr(got)}")


def module_of(dataset: str) -> ModuleType:
    """Module of the data set called so in `params.yaml`; ValueError if the package has none of that name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if dataset not in names:
        raise ValueError(f"datasets.{dataset}: expected a data set among {', '.join(names)}, got {dataset!r}")
    return importlib.import_module(f"{__name__}.{dataset}")


def row_shape(dataset: str, options: Mapping[str, Any]) -> tuple[int, ...]:
    """Shape of one input row of a split with these options: an image's, or the number of columns that are kept."""
    module = module_of(dataset)
    if hasattr(module, "IMAGE_SHAPE"):
        return tuple(module.IMAGE_SHAPE)
    return (len(module.FEATURES) - len(options.get("columns_left_out", [])),)


def normalize(x: np.ndarray, scaling: Mapping[str, Any]) -> np.ndarray:
    """(x - offset) / scale as float32, of x's shape; used on the stored arrays and on every new input alike.

    Computed in float64 and rounded once. For pixels / 255 that gives the bits of the float32 division: float64 has more
    than twice float32's digits, so that rounding a quotient twice cannot differ from rounding it once.
    """
    offset = np.asarray(scaling["offset"], dtype=np.float64)
    scale = np.asarray(scaling["scale"], dtype=np.float64)
    return ((x - offset) / scale).astype(np.float32)


def load_split(dataset: str, split: str, folder: Path = Path("data/normalized"), inputs: bool = True) -> Split:
    """A split that `stages.normalize` stored. Its arrays are views into the files: nothing is read until it is used.

    inputs: whether to open x, which may be missing otherwise.
    ValueError for a split that is not stored, FileNotFoundError for a data set that is not.
    """
    index = json.loads((folder / dataset / "splits.json").read_text(encoding="utf-8"))
    if split not in index:
        raise ValueError(f"datasets.{dataset}.splits: expected a split among {', '.join(index)}, got {split!r}")
    stored = folder / dataset / index[split]["arrays"]

    def views(name: str) -> dict[str, np.ndarray]:
        # Copy-on-write: TensorFlow shares the memory of writeable arrays only, and nothing written reaches the file.
        array = np.load(stored / f"{name}.npy", mmap_mode="c")
        return {part: array[start:stop] for part, (start, stop) in index[split]["parts"].items()}

    scaling = json.loads((stored / "scaling.json").read_text(encoding="utf-8"))
    return Split(x=views("x") if inputs else {}, y=views("y"), rows=views("rows"), scaling=scaling)


def load_splits(dataset: str, split: str, folder: Path = Path("data/normalized"), inputs: bool = True) -> list[Split]:
    """The split and its repetitions, which part the same rows in other ways; see `load_split`."""
    index = json.loads((folder / dataset / "splits.json").read_text(encoding="utf-8"))
    repetitions = range(1, index.get(split, {}).get("repeats", 1))
    names = (split, *(f"{split}-{number}" for number in repetitions))
    return [load_split(dataset, name, folder, inputs) for name in names]


def forget(array: np.ndarray) -> None:
    """Give back the memory of the file that an array is a view of; whoever looks at it again reads the file again.

    Nothing may have been written to the file's arrays. Other arrays, and systems that cannot do it, are left alone.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def give_back_freed_memory() -> None:
    """Let the system have what this process has freed: glibc keeps it. Other systems are left alone."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def overlap_of(splits: Sequence[Split], part: str) -> float:
    """How many rows the part has for each training row, if the split is repeated; 0 if it is not."""
    return len(splits[0].y[part]) / len(splits[0].y["train"]) if len(splits) > 1 else 0.0


def split_of_each(splits: Sequence[Split], trainings: int) -> list[Split]:
    """The split of each of so many trainings: all seeds of the first split come first."""
    return [splits[number * len(splits) // trainings] for number in range(trainings)]


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


def number(cell: str, where: str) -> float:
    """The cell's finite number; ValueError that names the place otherwise."""
    try:
        # Python's float accepts 1_000, which no data file means as a number.
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {cell!r}")
    return value


def check_options(options: Mapping[str, Any], *kinds: frozenset[str]) -> frozenset[str]:
    """The kind of split whose options these are; OptionError for an option that is unknown or missing in it."""
    given = options.keys() - COMMON_OPTIONS
    kind = max(kinds, key=lambda names: len(names & given))
    for option in sorted(given - kind):
        alternatives = " or ".join(", ".join(sorted(names)) or "none" for names in kinds)
        raise OptionError(option, f"only the options {alternatives}", options[option])
    for option in sorted(kind - given):
        raise OptionError(option, f"a value beside {', '.join(sorted(given))}", None)
    return kind


def size_option(options: Mapping[str, Any], option: str, rows: int) -> int | float:
    """How many of the rows a part gets, as `train_test_split` takes it: a float is a share, an int a number."""
    size = options[option]
    if (isinstance(size, float) and 0 < size < 1) or (type(size) is int and 0 < size < rows):
        return size
    raise OptionError(option, f"a share between 0 and 1 or a number of rows from 1 to {rows - 1}", size)


def integer_option(options: Mapping[str, Any], option: str, low: int, high: int) -> int:
    """An integer from low to high, both included."""
    value = options[option]
    if type(value) is int and low <= value <= high:
        return value
    raise OptionError(option, f"an integer from {low} to {high}", value)


def random_state_option(options: Mapping[str, Any]) -> int:
    """The seed of `train_test_split`: always a number, as a split without one could not be repeated."""
    return integer_option(options, "random_state", 0, 2**32 - 1)
