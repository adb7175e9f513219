"""Fashion-MNIST: 70,000 grey images of clothes in ten classes.

Source: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist. Licence: MIT.

x: uint8 (70000, 28, 28), 0 (background) to 255, no unit. y: uint8 (70000,), index into `CLASSES`. Rows 0 to 59,999 are
the publisher's training rows, the last 10,000 the test rows, each in the order of the files; every class has 6,000 of
the first and 1,000 of the second.

Files: gzipped IDX. A header of two zero bytes, the code of the dtype (8: uint8), the number of dimensions, and each
dimension as a big-endian uint32; then the values in C order.
"""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from stages.datasets import Raw, check_options, integer_option, random_state_option, size_option

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
IMAGE_SHAPE = (28, 28)
RANKED_BY = "accuracy"
FILES = {"train": 60_000, "t10k": 10_000}
"""The publisher's parts as the files' names begin, and how many rows each has."""

RANDOM_ROWS = frozenset({"validation_size", "random_state"})
FIRST_ROWS = frozenset({"train_rows", "validation_rows"})


def blank() -> Raw:
    """As many rows as `read` gives, of the same shapes and classes, with nothing in them."""
    rows, held_out = sum(FILES.values()), FILES["train"]
    pixels = np.broadcast_to(np.uint8(0), (rows, *IMAGE_SHAPE))
    return Raw(pixels, np.arange(rows) % len(CLASSES), [], np.arange(held_out, rows))


def read(folder: Path) -> Raw:
    """The four files; ValueError for contents that are not the published shape, dtype and class counts."""
    images, labels = [], []
    for part, rows in FILES.items():
        images.append(read_idx(folder / f"{part}-images-idx3-ubyte.gz", (rows, *IMAGE_SHAPE)))
        path = folder / f"{part}-labels-idx1-ubyte.gz"
        labels.append(read_idx(path, (rows,)))
        counts = np.bincount(labels[-1], minlength=len(CLASSES)).tolist()
        expected = [rows // len(CLASSES)] * len(CLASSES)
        if counts != expected:
            raise ValueError(f"{path}: expected {expected} rows of the classes 0 to {len(CLASSES) - 1}, got {counts}")
    rows = len(labels[0])
    return Raw(np.concatenate(images), np.concatenate(labels), test_rows=np.arange(rows, rows + len(labels[1])))


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 array of just this shape (read-only) from a gzipped IDX file.

    ValueError with the file, the byte, what was expected and what came.
    """
    header_bytes = 4 + 4 * len(shape)
    length = header_bytes + int(np.prod(shape))
    try:
        with gzip.open(path) as file:
            content = file.read(length + 1)  # a byte more than there should be: too long is noticed, never read whole
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: expected a whole gzip file, got: {error}") from error
    header = content[:header_bytes]
    if len(header) < header_bytes:
        raise ValueError(f"{path}: expected a header of {header_bytes} bytes, got {len(header)}")
    for first, last, what, expected in ((0, 2, "zeros", 0), (2, 3, "dtype code", 8), (3, 4, "dimensions", len(shape))):
        got = int.from_bytes(header[first:last], "big")
        if got != expected:
            raise ValueError(f"{path}, byte {first}: expected {what} {expected}, got {got}")
    dimensions = tuple(np.frombuffer(header, dtype=">u4", offset=4).tolist())
    if dimensions != shape:
        raise ValueError(f"{path}, byte 4: expected shape {shape}, got {dimensions}")
    if len(content) != length:
        got_length = "more" if len(content) > length else len(content)
        raise ValueError(f"{path}: expected {length} bytes in all, got {got_length}")
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def split_rows(raw: Raw, options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Rows of each part: the test is the publisher's, train and validation come from the other rows.

    Either `validation_size` and `random_state` of `train_test_split`, or `train_rows` and `validation_rows`: the first
    rows and the next ones in the order of the file. Raises OptionError.
    """
    rows = np.setdiff1d(np.arange(len(raw.y)), raw.test_rows)
    if check_options(options, RANDOM_ROWS, FIRST_ROWS) == RANDOM_ROWS:
        train, validation = train_test_split(
            rows,
            test_size=size_option(options, "validation_size", len(rows)),
            random_state=random_state_option(options),
        )
    else:
        stop = integer_option(options, "train_rows", 1, len(rows) - 1)
        train = rows[:stop]
        validation = rows[stop : stop + integer_option(options, "validation_rows", 1, len(rows) - stop)]
    return {"train": train, "validation": validation, "test": raw.test_rows}
