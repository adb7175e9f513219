"""Thoracic surgery: 470 patients after a lung resection, and who died within a year.

Source: Zięba, Tomczak, Lubicz & Świątek 2014, "Boosted SVM for extracting rules from imbalanced data in application to
prediction of the post-operative life expectancy in the lung cancer patients", Applied Soft Computing 14; UCI Machine
Learning Repository, "Thoracic Surgery Data". Licence: CC BY 4.0. The file is a table of numbers made from it, one line
a patient, with codes for the classes and 0 or 1 for false and true.

x: float64 (470, 17): the patient's number (1 to 470, which says nothing about the disease) and 16 attributes. DGN, PRE6
and PRE14 are codes (diagnosis, performance status, size of the tumour), PRE4 and PRE5 lung volumes in litres (forced
vital capacity; exhaled in the first second), AGE the age in years at the operation, the others 0 or 1.

y: int64 (470,), the label as the file has it. In the UCI data its true value (`Risk1Yr`) means that the patient DIED
within a year: 1 = died (70 patients), 0 = survived (400). Texts that use this file have been seen to say the opposite.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from stages.datasets import OptionError, Raw, check_options, random_state_option, read_table, size_option

FILE = "ThoraricSurgery.csv"  # the publisher's spelling
FEATURES = [
    "patient",
    "DGN",
    "PRE4",
    "PRE5",
    "PRE6",
    "PRE7",
    "PRE8",
    "PRE9",
    "PRE10",
    "PRE11",
    "PRE14",
    "PRE17",
    "PRE19",
    "PRE25",
    "PRE30",
    "PRE32",
    "AGE",
]
LABEL = "label"
CLASSES = ("survived", "died")  # the meaning of 0 and 1
RANKED_BY = "roc_auc"  # accuracy would rank by noise: that all survive is right for 85 % of the patients
LABEL_COUNTS = {0: 400, 1: 70}
ROWS = 470

ALL_TRAIN = frozenset[str]()
THREE_PARTS = frozenset({"test_size", "validation_size", "random_state", "stratify"})


def blank() -> Raw:
    """As many rows as `read` gives, of the same shapes and labels, with nothing else in them."""
    labels = np.repeat(list(LABEL_COUNTS), list(LABEL_COUNTS.values()))
    return Raw(np.zeros((ROWS, len(FEATURES))), labels, FEATURES)


def read(folder: Path) -> Raw:
    """The table; ValueError for a row, cell, patient's number or count of labels that is not as published."""
    path = folder / FILE
    table = read_table(path.read_bytes(), str(path), [*FEATURES, LABEL], ROWS)
    labels, counts = np.unique(table[:, -1], return_counts=True)
    got = dict(zip(labels.tolist(), counts.tolist(), strict=True))
    if got != LABEL_COUNTS:
        raise ValueError(f"{path}, {LABEL}: expected the labels' counts {LABEL_COUNTS}, got {got}")
    if not np.array_equal(np.sort(table[:, 0]), np.arange(1, ROWS + 1)):
        patients = len(np.unique(table[:, 0]))
        raise ValueError(f"{path}, {FEATURES[0]}: expected each of 1 to {ROWS} once, got {patients} different numbers")
    return Raw(table[:, :-1], table[:, -1].astype(np.int64), FEATURES)


def split_rows(raw: Raw, options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Rows of each part: all train if there is no option, else `train_test_split` twice with one `random_state`.

    `test_size` and `validation_size` are shares (or numbers) of all rows; `stratify: true` keeps the labels' shares
    equal in all parts. Raises OptionError.
    """
    rows = np.arange(len(raw.y))
    if check_options(options, ALL_TRAIN, THREE_PARTS) == ALL_TRAIN:
        return {"train": rows}
    if not isinstance(options["stratify"], bool):
        raise OptionError("stratify", "true or false", options["stratify"])
    random_state = random_state_option(options)

    def hold_out(part: np.ndarray, option: str) -> tuple[np.ndarray, np.ndarray]:
        size = size_option(options, option, len(rows))
        number = round(size * len(rows)) if isinstance(size, float) else size
        labels = raw.y[part] if options["stratify"] else None
        rest, held_out = train_test_split(part, test_size=number, random_state=random_state, stratify=labels)
        return rest, held_out

    rest, test = hold_out(rows, "test_size")
    train, validation = hold_out(rest, "validation_size")
    return {"train": train, "validation": validation, "test": test}
