"""The vocabulary of splits: which rows train, validate and test.

A split says of a part how its rows are drawn and how many they are:

    test: {rows: stratified, size: 0.2}
    validation: {rows: random, size: 5000}
    random_state: 42

`size` is a number of rows, or a share of the rows that are left when it is the part's turn, as `train_test_split` of
scikit-learn and `validation_split` of Keras have it. `rows` is one of

    random       `train_test_split` with the split's `random_state`
    stratified   the same, with the shares of the classes kept
    group        whole groups, rows of an equal value in `column`: `GroupShuffleSplit`; size counts groups
    time         the rows with the greatest values in `column`
    first, last  the first or last of the rows that are left, in their order

The test rows are drawn first, then the training rows if the split names them, then the validation rows; a part `train`
that is not named has all rows that are left. The rows that a publisher set aside are the test, unless the split names
one. The order of the rows is that of the files, or after a random draw that of the draw.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets.spec import DatasetSpec, Raw

SPLITS = Path("data/splits")
"""Folder of the options of the splits, in a file for each data set."""
Options = Mapping[str, Any]
"""A split's options, complete, as `data/splits/<dataset>.json` has them."""

DRAWN = ("random", "stratified", "group")
"""Ways that need a `random_state`."""
OF_A_COLUMN = ("group", "time")


class OptionError(ValueError):
    """An option of a split that cannot be followed. The message starts with the option's place in the split."""

    def __init__(self, option: str, expected: str, got: object) -> None:
        super().__init__(f"{option}: expected {expected}, got {got}")


def divide(spec: DatasetSpec, raw: Raw, options: Options) -> dict[str, np.ndarray]:
    """Divide the rows: int64 (rows,) row numbers by part. Raises: OptionError."""
    rows = np.arange(len(raw.y))
    parts: dict[str, np.ndarray] = {}
    if spec.test_rows and "test" not in options:
        rows, parts["test"] = rows[: -spec.test_rows], rows[-spec.test_rows :]
    for part in ("test", "train", "validation"):
        if part in options:
            rows, parts[part] = _take(spec, raw, rows, part, options)
    if "train" not in parts:
        parts["train"] = rows
    return parts


def _take(spec: DatasetSpec, raw: Raw, rows: np.ndarray, part: str, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Take the part's rows out of these; the others, and those of the part."""
    from sklearn.model_selection import GroupShuffleSplit, train_test_split  # here: configure asks for rows seldom

    how, size = options[part]["rows"], options[part]["size"]
    count = len(rows)
    if how == "group":
        groups = _column(spec, raw, rows, part, options)
        count = len(np.unique(groups))
    if not (0 < size < 1 if isinstance(size, float) else 0 < size < count):
        unit = "groups" if how == "group" else "rows"
        raise OptionError(f"{part}.size", f"a share between 0 and 1 or a number of {unit} from 1 to {count - 1}", size)
    try:
        if how == "group":
            splitter = GroupShuffleSplit(1, test_size=size, random_state=options["random_state"])
            ((kept, drawn),) = splitter.split(rows, groups=groups)
            rest, taken = rows[kept], rows[drawn]
        elif how in DRAWN:
            classes = raw.y[rows] if how == "stratified" else None
            rest, taken = train_test_split(rows, test_size=size, random_state=options["random_state"], stratify=classes)
        else:
            rest, taken = _take_in_order(spec, raw, rows, part, options)
    except ValueError as error:  # scikit-learn's
        raise OptionError(f"{part}.size", "a size that can be drawn", f"{size} ({error})") from error
    if not (len(rest) and len(taken)):
        raise OptionError(f"{part}.size", "rows in the part and rows left", f"{size} of {count} rows")
    return rest, taken


def _take_in_order(
    spec: DatasetSpec, raw: Raw, rows: np.ndarray, part: str, options: Options
) -> tuple[np.ndarray, np.ndarray]:
    how, size, count = options[part]["rows"], options[part]["size"], len(rows)
    share = isinstance(size, float)
    if how == "first":
        stop = int(count * size) if share else size
        return rows[stop:], rows[:stop]
    stop = int(count * (1 - size)) if share else count - size  # as Keras's `validation_split`
    if how == "last":
        return rows[:stop], rows[stop:]
    taken = np.argsort(_column(spec, raw, rows, part, options), kind="stable")[stop:]
    return np.delete(rows, taken), rows[np.sort(taken)]


def _column(spec: DatasetSpec, raw: Raw, rows: np.ndarray, part: str, options: Options) -> np.ndarray:
    return raw.x[rows, spec.feature_names.index(options[part]["column"])]


def check_options(spec: DatasetSpec, options: Options) -> None:
    """Check what the structure of the options does not show, as far as no data are needed. Raises: OptionError."""
    parts = [part for part in ("test", "train", "validation") if part in options]
    for part in parts:
        how, column = options[part]["rows"], options[part].get("column")
        if how in DRAWN and options.get("random_state") is None:
            raise OptionError("random_state", f"an integer beside {part}.rows: {how}", "none")
        if how == "stratified" and not spec.classes:
            raise OptionError(f"{part}.rows", "a data set of classes beside stratified", "a quantity")
        if how in OF_A_COLUMN and column not in spec.feature_names:
            known = ", ".join(spec.feature_names) or "none"
            raise OptionError(f"{part}.column", f"the name of a column among {known}", column)
        if how not in OF_A_COLUMN and column is not None:
            raise OptionError(f"{part}.column", f"no column beside rows: {how}", column)
    if options.get("random_state") is not None and not any(options[part]["rows"] in DRAWN for part in parts):
        raise OptionError("random_state", "none, since no part is drawn at random", options["random_state"])
    if options.get("repeats") is not None and options.get("test", {}).get("rows") not in DRAWN:
        expected = f"test.rows among {', '.join(DRAWN)}, since each repetition has test rows of its own"
        raise OptionError("repeats", expected, options.get("test", {}).get("rows", "none"))
    for name in options.get("columns_left_out", []):
        if name not in spec.feature_names:
            known = ", ".join(spec.feature_names) or "none"
            raise OptionError("columns_left_out", f"names of columns among {known}, separated by spaces", name)
    if spec.features and set(options.get("columns_left_out", [])) == set(spec.feature_names):
        raise OptionError("columns_left_out", "a column to stay", " ".join(spec.feature_names))
    if options["scaling"] == "unit" and spec.image_shape is None:
        raise OptionError("scaling", "standard or none for columns", "unit")
    ways = {options[part]["rows"] for part in parts}
    by_position = ways & {"first", "last"} or (spec.test_rows and "test" not in options)
    # Blank columns show no group, and blank rows are sorted by class: what is taken by position may be a whole class.
    if not ways & {*OF_A_COLUMN} and not ("stratified" in ways and by_position):
        divide(spec, spec.blank(), options)


def kept_columns(spec: DatasetSpec, options: Options) -> list[int]:
    """Give the positions of the columns that `columns_left_out` leaves; all for images."""
    left_out = options.get("columns_left_out", [])
    return [index for index, name in enumerate(spec.feature_names) if name not in left_out]


def repetitions(splits: Mapping[str, Options]) -> Iterator[tuple[str, Options]]:
    """Yield each split, and its repetitions as `<split>-1` and so on, drawn by the next `random_state`s."""
    for split, options in splits.items():
        for number in range(options.get("repeats", 1)):
            if number:
                yield f"{split}-{number}", {**options, "random_state": options["random_state"] + number}
            else:
                yield split, options
