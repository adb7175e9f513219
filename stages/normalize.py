"""Store the scaled arrays of every split of a data set: `python -m stages.normalize <dataset>`.

    python -m stages.normalize my_data    # as `dvc repro normalize@my_data` does

Reads `data/splits/<dataset>.json`, which `stages.configure` made of `params.yaml`, and `data/raw/<dataset>/`; writes to
`data/normalized/<dataset>/`:

- `<split>/x.npy`: float32, C order, (rows, ...), (x - offset) / scale; `y.npy`: int32 classes or float32 quantities;
  `rows.npy`: int32, each row's number in the raw data. Rows are ordered validation, train, test.
- `<split>/scaling.json`: data set, names of the columns that stay, kind of scaling, its offset and scale (numbers, or
  lists of the shape of one row), and the range of the training rows, not scaled; see `stages.normalization.range`.
- `splits.json`: for each split the folder of its arrays and the part's [start, stop] in them. A split whose arrays
  would equal an earlier split's has no folder of its own, and shares the earlier one's range. A split with `repeats`
  has repetitions, `<split>-1` and so on, which differ in `random_state` alone.

The same inputs give the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets.spec import RAW, DatasetSpec, Raw, spec_of
from stages.normalization.range import fit_range
from stages.normalization.rows import SPLITS, OptionError, Options, divide, kept_columns, repetitions
from stages.normalization.scaling import chunks, fit_scaling, normalize
from stages.splits import NORMALIZED, PARTS


def store_arrays(raw: Raw, rows: np.ndarray, columns: list[int], scaling: Mapping[str, Any], folder: Path) -> None:
    """Write these rows' x, y and rows, and the scaling, to the folder. Chunk by chunk: x is larger than raw.x."""
    folder.mkdir(parents=True, exist_ok=True)
    x_shape = (len(rows), len(columns)) if columns else (len(rows), *raw.x.shape[1:])
    # Written, not mapped: on a full disk a write raises OSError, where a page of a mapped file ends the process.
    with (folder / "x.npy").open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": x_shape}
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks(x_shape):
            chunk_x = raw.x[rows[chunk]]
            file.write(normalize(chunk_x[:, columns] if columns else chunk_x, scaling).tobytes())
    is_class = np.issubdtype(raw.y.dtype, np.integer)
    np.save(folder / "y.npy", raw.y[rows].astype(np.int32 if is_class else np.float32))
    np.save(folder / "rows.npy", rows.astype(np.int32))
    write_json(folder / "scaling.json", scaling)


def store_splits(
    dataset: str, spec: DatasetSpec, raw: Raw, splits: Mapping[str, Options], folder: Path
) -> Iterator[str]:
    """Write every split of the data set to the folder, and yield a line about each.

    ValueError names the option as `datasets.<dataset>.splits.<split>.<option>`, what was expected and what came.
    """
    index: dict[str, dict[str, Any]] = {}
    stored: dict[str, tuple[np.ndarray, dict[str, Any]]] = {}
    for split, options in repetitions(splits):
        try:
            by_part = divide(spec, raw, options)
        except OptionError as error:
            raise ValueError(f"datasets.{dataset}.splits.{split}.{error}") from error
        columns = kept_columns(spec, options)
        train = raw.x[by_part["train"]]
        train = train[:, columns] if columns else train
        offset, scale = fit_scaling(train, options["scaling"])
        scaling = {
            "dataset": dataset,
            "features": [spec.feature_names[column] for column in columns],
            "scaling": options["scaling"],
            "offset": offset,
            "scale": scale,
        }
        parts = [part for part in PARTS if part in by_part]
        rows = np.concatenate([by_part[part] for part in parts])
        arrays = next((name for name, (r, s) in stored.items() if s == scaling and np.array_equal(r, rows)), split)
        if arrays == split:
            limits = {"range": fit_range(train, scaling["features"])}
            store_arrays(raw, rows, columns, scaling | limits, folder / split)
            stored[split] = rows, scaling
        stops = np.cumsum([len(by_part[part]) for part in parts]).tolist()
        starts = [0, *stops[:-1]]
        index[split] = {
            "arrays": arrays,
            "parts": dict(zip(parts, map(list, zip(starts, stops, strict=True)), strict=True)),
        }
        if split in splits:
            times = ""
            if repeats := options.get("repeats"):
                index[split]["repeats"] = repeats
                times = f", {repeats} times"
            sizes = ", ".join(f"{part} {len(by_part[part]):,}" for part in parts)
            yield f"{dataset}/{split}: {sizes} rows in {folder / arrays}{times}"
    write_json(folder / "splits.json", index)


def write_json(path: Path, content: Any) -> None:
    """JSON with sorted keys and one line end on every system: equal contents are equal bytes."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> None:
    """Normalize the data set named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.normalize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="name of the data set in params.yaml")
    dataset = parser.parse_args(arguments).dataset
    try:
        spec = spec_of(dataset)
        splits = json.loads((SPLITS / f"{dataset}.json").read_text(encoding="utf-8"))
        raw = spec.read(RAW / dataset)
        spec.check(raw, f"stages/datasets/{dataset}.py")
        for line in store_splits(dataset, spec, raw, splits, NORMALIZED / dataset):
            print(line)
    except (ValueError, OSError) as error:
        sys.exit(f"normalize: {error}")


if __name__ == "__main__":
    main()
