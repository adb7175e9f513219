"""Thoracic surgery: 470 patients after a lung resection, and who died within a year.

Source: Zięba, Tomczak, Lubicz & Świątek 2014, "Boosted SVM for extracting rules from imbalanced data in application to
prediction of the post-operative life expectancy in the lung cancer patients", Applied Soft Computing 14; UCI Machine
Learning Repository, "Thoracic Surgery Data". License: CC BY 4.0. The file is a table of numbers made from it, one line
a patient, with codes for the classes and 0 or 1 for false and true; `from_arff` makes the same bytes of UCI's own file.

x: float64 (470, 17): the patient's number (1 to 470, which says nothing about the disease) and 16 attributes. DGN, PRE6
and PRE14 are codes (diagnosis, performance status, size of the tumor), PRE4 and PRE5 lung volumes in liters (forced
vital capacity; exhaled in the first second), AGE the age in years at the operation, the others 0 or 1.

y: int64 (470,), the label as the file has it. In the UCI data its true value (`Risk1Yr`) means that the patient DIED
within a year: 1 = died (70 patients), 0 = survived (400). Texts that use this file have been seen to say the opposite.
"""

import re
from pathlib import Path

import numpy as np

from stages.datasets.spec import DatasetSpec, Feature, NewRows, Raw, RawFile, read_table

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
CODED = {"DGN": ("DGN", range(1, 9)), "PRE6": ("PRZ", range(3)), "PRE14": ("OC", range(11, 15))}
"""Columns of codes: how UCI's words for them begin, and the codes."""
LABEL = "label"
CLASSES = ("survived", "died")  # the meaning of 0 and 1
LABEL_COUNTS = {0: 400, 1: 70}
ROWS = 470


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
    return Raw(table[:, :-1], table[:, -1].astype(np.int64))


TRUTH = {"F": 0, "T": 1, "false": 0, "true": 1}
CODES = dict.fromkeys(
    [name for name in FEATURES if name.startswith("PRE") and name not in {"PRE4", "PRE5", *CODED}], TRUTH
) | {name: {f"{prefix}{code}": code for code in codes} for name, (prefix, codes) in CODED.items()}
"""The numbers by the words that the UCI file has instead."""


def from_arff(content: bytes) -> bytes:
    """The file from UCI's ARFF: its rows numbered, words as numbers, sorted by diagnosis; ValueError for no ARFF."""
    _, *rest = re.split(r"(?im)^@data\s", content.decode("ascii"), maxsplit=1)
    if not rest:
        raise ValueError("expected an ARFF file, got no line @data")
    names = [*FEATURES[1:], LABEL]
    codes = {**CODES, LABEL: TRUTH}
    table = [
        [str(codes.get(name, {}).get(cell, cell)) for name, cell in zip(names, row.split(","), strict=True)]
        for row in rest[0].split()
    ]
    numbered = [[str(patient), *cells] for patient, cells in enumerate(table, 1)]
    numbered.sort(key=lambda cells: cells[1])
    return "".join(",".join(cells) + "\n" for cells in numbered).encode()


UNITS = {"PRE4": "liters", "PRE5": "liters", "AGE": "years"}
SPEC = DatasetSpec(
    read=read,
    files=(
        RawFile(
            FILE,
            "b51f69e60765c0b724c356fc3b9c5777b213c920b75ebb75b37b1f4b3702c379",
            21257,
            (
                "https://ds-lecture-data.s3.ap-northeast-2.amazonaws.com/everydeep/ThoraricSurgery.csv",
                "https://raw.githubusercontent.com/gilbutITbook/006958/6f559404a5694a2445d8809e9883e6daa3288839/deeplearning/dataset/ThoraricSurgery.csv",
                "https://archive.ics.uci.edu/static/public/277/thoracic+surgery+data.zip",
                "https://archive.ics.uci.edu/ml/machine-learning-databases/00277/ThoraricSurgery.arff",
            ),
            ("ThoraricSurgery.arff", "thoracic+surgery+data.zip"),
            from_arff,
        ),
    ),
    mirror="thoracic-surgery",
    rows=ROWS,
    ranked_by="roc_auc",  # accuracy would rank by noise: that all survive is right for 85 % of the patients
    classes=CLASSES,
    class_counts=tuple(LABEL_COUNTS.values()),
    features=tuple(Feature(name, UNITS.get(name, "")) for name in FEATURES),
    new_rows=NewRows(tuple(FEATURES), ignored=(LABEL, "Risk1Yr"), other_names={"id": "patient"}, codes=CODES),
)
