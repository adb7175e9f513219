"""The stored arrays of the splits: `stages.normalize` writes them, trainings and reports read them.

A folder `data/normalized/<dataset>/` holds `splits.json` and, for each split, float32 inputs, targets and row numbers.
"""

import ctypes
import json
import mmap
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NORMALIZED = Path("data/normalized")

PARTS = ("validation", "train", "test")
"""The parts of a split in the order in which their rows are stored.

Validation comes first because `train_test_split` takes the held-out rows from the front of its permutation: two splits
of the same rows with the same seed then are the same array, cut in two places, and are stored once.
"""


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
    """The numbers that normalize a new input in the same way; see `stages.normalize`."""


def load_split(dataset: str, split: str, folder: Path = NORMALIZED, inputs: bool = True) -> Split:
    """Open a stored split. Its arrays are views into the files: nothing is read until it is used.

    inputs: whether to open x, which may be missing otherwise.
    Raises: ValueError for a split that is not stored, FileNotFoundError for a data set that is not.
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


def load_splits(dataset: str, split: str, folder: Path = NORMALIZED, inputs: bool = True) -> list[Split]:
    """Open a split and its repetitions, which divide the same rows in other ways; see `load_split`."""
    index = json.loads((folder / dataset / "splits.json").read_text(encoding="utf-8"))
    repetitions = range(1, index.get(split, {}).get("repeats", 1))
    names = (split, *(f"{split}-{number}" for number in repetitions))
    return [load_split(dataset, name, folder, inputs) for name in names]


def overlap_of(splits: Sequence[Split], part: str) -> float:
    """Number of rows of the part for each training row, if the split is repeated; 0 if it is not."""
    return len(splits[0].y[part]) / len(splits[0].y["train"]) if len(splits) > 1 else 0.0


def split_of_each(splits: Sequence[Split], trainings: int) -> list[Split]:
    """Give the split of each of so many trainings: all seeds of the first split come first."""
    return [splits[number * len(splits) // trainings] for number in range(trainings)]


def forget(array: np.ndarray) -> None:
    """Give back the memory of the file that an array is a view of; the next access reads the file again.

    Nothing may have been written to the file's arrays. Other arrays, and systems that cannot do it, are left alone.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def give_back_freed_memory() -> None:
    """Return memory that this process has freed to the system: glibc keeps it. Other systems are left alone."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
