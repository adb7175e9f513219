"""DVC stage `normalize`: the scaled arrays of every split of a data set.

    python -m stages.normalize fashion_mnist

Reads `datasets.<dataset>.splits` of `params.yaml` and `data/raw/<dataset>/`; writes to `data/normalized/<dataset>/`:

- `<split>/x.npy`: float32, C order, (rows, ...), (x - offset) / scale; `y.npy`: int32 classes or float32 quantities;
  `rows.npy`: int32, each row's number in the raw data. Rows are ordered validation, train, test.
- `<split>/scaling.json`: data set, names of the columns that stay, kind of scaling, its offset and scale (numbers, or
  lists of the shape of one row).
- `splits.json`: for each split the folder of its arrays and the part's [start, stop] in them. A split whose arrays
  would equal an earlier split's has no folder of its own. A split with `repeats` has repetitions, `<split>-1` and so
  on, which differ in `random_state` alone.

The same inputs give the same bytes.
"""

import argparse
import json
import math
import re
import reprlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.preprocessing import StandardScaler

from stages.datasets import (
    PARTS,
    OptionError,
    Raw,
    integer_option,
    module_of,
    normalize,
    random_state_option,
)

CHUNK_VALUES = 2**22
"""Values that are in memory as float64 at a time, 32 MB: a table at once, images some thousands at a time."""

MOST_REPEATS = 1000


def chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of an array of this shape (rows, ...) with at most `CHUNK_VALUES` values each."""
    step = max(1, CHUNK_VALUES // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def fit_scaling(x: np.ndarray, kind: Any) -> tuple[Any, Any]:
    """Offset and scale from the training rows x (n, ...): numbers, or nested lists of the shape of one row.

    "unit": pixels from 0 to 1. "standard": scikit-learn's StandardScaler in float64, whose scale is 1 where all rows
    are equal. "none": as they are. OptionError for another kind, and for "unit" of anything but uint8 images.
    """
    known = ("unit", "standard", "none") if x.dtype == np.uint8 else ("standard", "none")
    if kind not in known:
        raise OptionError("scaling", f"one of {', '.join(known)} for x of dtype {x.dtype}", kind)
    if kind != "standard":
        return 0, 255 if kind == "unit" else 1
    scaler = StandardScaler()
    for chunk in chunks(x.shape):
        # C order, because the order of a sum decides its last digit.
        scaler.partial_fit(x[chunk].reshape(len(x[chunk]), -1).astype(np.float64, order="C"))
    return scaler.mean_.reshape(x.shape[1:]).tolist(), scaler.scale_.reshape(x.shape[1:]).tolist()


def kept_columns(features: list[str], options: Mapping[str, Any]) -> list[int]:
    """Indices of the columns that `columns_left_out` leaves; OptionError for no column's name, or if none stays."""
    left_out = options.get("columns_left_out", [])
    if not isinstance(left_out, list) or any(name not in features for name in left_out):
        raise OptionError("columns_left_out", f"a list of names among {', '.join(features) or 'none'}", left_out)
    kept = [index for index, feature in enumerate(features) if feature not in left_out]
    if features and not kept:
        raise OptionError("columns_left_out", "a column to stay", left_out)
    return kept


def rows_and_columns(dataset: str, raw: Raw, split: str, options: Any) -> tuple[dict[str, np.ndarray], list[int]]:
    """Raw rows of each part, and the columns that stay; ValueError with the place of an option that is wrong."""
    place = f"datasets.{dataset}.splits.{split}"
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"{place}: expected options by name, got {reprlib.repr(options)}")
    try:
        by_part = module_of(dataset).split_rows(raw, options)
        fit_scaling(raw.x[:1], options.get("scaling"))
        return by_part, kept_columns(raw.features, options)
    except OptionError as error:
        raise ValueError(f"{place}.{error}") from error
    except ValueError as error:  # scikit-learn's
        got = reprlib.repr(dict(options))
        raise ValueError(f"{place}: expected options that can be followed, got {got} ({error})") from error


def repeated(dataset: str, splits: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each split with its options, and its repetitions as `<split>-1` and so on, drawn by the next `random_state`s."""
    for split, options in splits.items():
        if not isinstance(options, Mapping) or "repeats" not in options:
            yield split, options
            continue
        try:
            repeats = integer_option(options, "repeats", 1, MOST_REPEATS)
            for option in ("random_state", "test_size"):  # each repetition is to have test rows of its own
                if option not in options:
                    raise OptionError("repeats", f"a {option} beside it", repeats)
            first = random_state_option(options)
        except OptionError as error:
            raise ValueError(f"datasets.{dataset}.splits.{split}.{error}") from error
        for number in range(repeats):
            name = f"{split}-{number}" if number else split
            yield name, {**options, "random_state": first + number}


def check_splits(dataset: str, splits: Mapping[str, Any]) -> None:
    """Check the options of every split without the data; ValueError with the place of one that is wrong."""
    raw = module_of(dataset).blank()
    for split, options in repeated(dataset, splits):
        rows_and_columns(dataset, raw, split, options)


def store_arrays(raw: Raw, rows: np.ndarray, scaling: Mapping[str, Any], folder: Path) -> None:
    """Write these rows' x, y and rows, and the scaling, to the folder. Chunk by chunk: x is larger than raw.x."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [raw.features.index(feature) for feature in scaling["features"]]
    x_shape = (len(rows), len(columns)) if raw.features else (len(rows), *raw.x.shape[1:])
    # Written, not mapped: on a full disk a write raises OSError, where a page of a mapped file ends the process.
    with (folder / "x.npy").open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": x_shape}
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks(x_shape):
            chunk_x = raw.x[rows[chunk]]
            file.write(normalize(chunk_x[:, columns] if raw.features else chunk_x, scaling).tobytes())
    is_class = np.issubdtype(raw.y.dtype, np.integer)
    np.save(folder / "y.npy", raw.y[rows].astype(np.int32 if is_class else np.float32))
    np.save(folder / "rows.npy", rows.astype(np.int32))
    write_json(folder / "scaling.json", scaling)


def store_splits(dataset: str, raw: Raw, splits: Mapping[str, Mapping[str, Any]], folder: Path) -> Iterator[str]:
    """Write every split of the data set to the folder, and yield a line about each.

    ValueError names the option as `datasets.<dataset>.splits.<split>.<option>`, what was expected and what came.
    """
    index: dict[str, dict[str, Any]] = {}
    stored: dict[str, tuple[np.ndarray, dict[str, Any]]] = {}
    for split, options in repeated(dataset, splits):
        by_part, columns = rows_and_columns(dataset, raw, split, options)
        train = raw.x[by_part["train"]]
        kind = options["scaling"]
        offset, scale = fit_scaling(train[:, columns] if raw.features else train, kind)
        scaling = {
            "dataset": dataset,
            "features": [raw.features[column] for column in columns],
            "scaling": kind,
            "offset": offset,
            "scale": scale,
        }
        parts = [part for part in PARTS if part in by_part]
        rows = np.concatenate([by_part[part] for part in parts])
        arrays = next((name for name, (r, s) in stored.items() if s == scaling and np.array_equal(r, rows)), split)
        if arrays == split:
            store_arrays(raw, rows, scaling, folder / split)
            stored[split] = rows, scaling
        stops = np.cumsum([len(by_part[part]) for part in parts]).tolist()
        starts = [0, *stops[:-1]]
        index[split] = {
            "arrays": arrays,
            "parts": dict(zip(parts, map(list, zip(starts, stops, strict=True)), strict=True)),
        }
        if "repeats" in options and split in splits:
            index[split]["repeats"] = options["repeats"]
        if split in splits:
            sizes = ", ".join(f"{part} {len(by_part[part]):,}" for part in parts)
            times = f", {options['repeats']} times" if "repeats" in options else ""
            yield f"{dataset}/{split}: {sizes} rows in {folder / arrays}{times}"
    write_json(folder / "splits.json", index)


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys and one line end on every system: equal contents are equal bytes."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


def splits_of(params: Any, dataset: str) -> Mapping[str, Mapping[str, Any]]:
    """`datasets.<dataset>.splits` of the parameters; ValueError if there is none, or for a name that is no folder's."""
    value = params
    for key in ("datasets", dataset, "splits"):
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not value:
        got = reprlib.repr(value)
        raise ValueError(f"datasets.{dataset}.splits: expected at least one split by name, got {got}")
    for name in value:
        if not isinstance(name, str) or not re.fullmatch("[a-z0-9_]+", name):
            got = reprlib.repr(name)
            raise ValueError(f"datasets.{dataset}.splits: expected names of a to z, 0 to 9 and _, got {got}")
    return value


def main(arguments: list[str] | None = None) -> None:
    """Normalize the data set named on the command line."""
    parser = argparse.ArgumentParser(description="Store the scaled arrays of every split of a data set.")
    parser.add_argument("dataset", help="name of the data set in params.yaml")
    dataset = parser.parse_args(arguments).dataset
    try:
        module = module_of(dataset)
        splits = splits_of(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")), dataset)
        raw = module.read(Path("data/raw") / dataset)
        for line in store_splits(dataset, raw, splits, Path("data/normalized") / dataset):
            print(line)
    except (ValueError, OSError, yaml.YAMLError) as error:
        sys.exit(f"normalize: {error}")


if __name__ == "__main__":
    main()
