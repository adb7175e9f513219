"""Digits: 1,797 gray images of handwritten digits, 8 by 8 pixels, in ten classes.

Source: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository; its test
part, as scikit-learn has it. License: CC BY 4.0. A line of the file is an image, 64 values from 0 to 16 from the upper
left row by row, and its class.

x: uint8 (1797, 8, 8), the values from 0 (background) to 16 spread over 0 to 255. y: int64 (1797,), the digit.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from stages.datasets.spec import DatasetSpec, Raw, RawFile, read_table

FILE = "digits.csv"
COLUMNS = [*(f"pixel {index}" for index in range(64)), "class"]
COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)


def read(folder: Path) -> Raw:
    """The images; ValueError for a row or cell that is not as published."""
    table = read_table((folder / FILE).read_bytes(), str(folder / FILE), COLUMNS, sum(COUNTS))
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8)
    return Raw(images.reshape(-1, 8, 8), table[:, -1].astype(np.int64))


SCIKIT_LEARN = find_spec("sklearn")
SPEC = DatasetSpec(
    read=read,
    files=(
        RawFile(
            FILE,
            "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
            264712,
            ("https://raw.githubusercontent.com/scikit-learn/scikit-learn/1.7.2/sklearn/datasets/data/digits.csv.gz",),
            ("digits.csv.gz",),
        ),
    ),
    caches=tuple(f"{folder}/datasets/data" for folder in getattr(SCIKIT_LEARN, "submodule_search_locations", ())),
    mirror="digits",
    rows=sum(COUNTS),
    ranked_by="accuracy",
    classes=tuple("0123456789"),
    class_counts=COUNTS,
    image_shape=(8, 8),
)
