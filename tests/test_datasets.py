"""Data sets: what their readers accept and refuse, how rows are divided, and what the published files are."""

import gzip
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import raw_files
from sklearn.model_selection import train_test_split

import stages.datasets
from stages.datasets import fashion_mnist, housing, thoracic
from stages.datasets.spec import (
    RAW,
    DatasetSpec,
    Feature,
    NewRows,
    Raw,
    RawFile,
    Target,
    names,
    read_table,
    spec_of,
)
from stages.download import is_right
from stages.normalization.rows import OptionError, check_options, divide, kept_columns, repetitions
from stages.normalization.scaling import normalize

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Raw]:
    """Reads the published files of a data set."""

    def read(dataset: str) -> Raw:
        here = ROOT / RAW / dataset
        spec = spec_of(dataset)
        there = all(is_right(here / file.name, file) for file in spec.files)
        return spec.read(here if there else raw_files(dataset, tmp_path_factory.mktemp(dataset)))

    return read


@pytest.fixture(scope="module")
def fashion(published: Callable[[str], Raw]) -> Raw:
    return published("fashion_mnist")


@pytest.fixture(scope="module")
def houses(published: Callable[[str], Raw]) -> Raw:
    return published("housing")


@pytest.fixture(scope="module")
def patients(published: Callable[[str], Raw]) -> Raw:
    return published("thoracic")


def idx(values: np.ndarray, magic: bytes | None = None) -> bytes:
    magic = bytes([0, 0, 8, values.ndim]) if magic is None else magic
    return magic + np.array(values.shape, dtype=">u4").tobytes() + values.astype(np.uint8).tobytes()


VALUES = np.arange(24).reshape(2, 3, 4)


def test_idx_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(idx(VALUES))
    array = fashion_mnist.read_idx(path, (2, 3, 4))
    assert array.dtype == np.uint8
    assert np.array_equal(array, VALUES)


@pytest.mark.bad_input("IDX", "wrong magic, dtype, dimensions, shape or length, packed")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(VALUES, b"\1\0\x08\3"), "byte 0: expected zeros 0, got 256"),
        (idx(VALUES, b"\0\0\x0d\3"), "byte 2: expected dtype code 8, got 13"),
        (idx(VALUES[0]), "byte 3: expected dimensions 3, got 2"),
        (idx(VALUES[:1]), r"byte 4: expected shape \(2, 3, 4\), got \(1, 3, 4\)"),
        (idx(VALUES)[:-1], "expected 40 bytes in all, got 39"),
        (idx(VALUES) + b"\0", "expected 40 bytes in all, got more"),
        (idx(VALUES)[:7], "expected a header of 16 bytes, got 7"),
        (b"", "expected a header of 16 bytes, got 0"),
        (gzip.compress(idx(VALUES), mtime=0), "byte 0: expected zeros 0, got 8075"),
    ],
)
def test_idx_that_is_not_as_expected_is_refused_by_name_and_byte(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"labels.*{message}"):
        fashion_mnist.read_idx(path, (2, 3, 4))


def write_fashion(folder: Path, labels: np.ndarray) -> None:
    for part in ("train", "t10k"):
        images = np.zeros((len(labels), *fashion_mnist.IMAGE_SHAPE))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))


@pytest.mark.bad_input("IDX", "labels out of range or of wrong counts")
@pytest.mark.parametrize("label", [0, 10, 255])
def test_labels_must_be_ten_classes_of_equal_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
    monkeypatch.setattr(fashion_mnist, "FILES", {"train": 20, "t10k": 20})
    labels = np.tile(np.arange(10), 2)
    write_fashion(tmp_path, labels)
    assert fashion_mnist.read(tmp_path).y.tolist() == [*range(10)] * 4
    labels[-1] = label
    write_fashion(tmp_path, labels)
    with pytest.raises(ValueError, match=r"train-labels.*expected .* rows of the classes 0 to 9, got"):
        fashion_mnist.read(tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train-images"):
        fashion_mnist.read(tmp_path)


def table(content: bytes) -> np.ndarray:
    return read_table(content, "t.csv", ["a", "b"], 2)


@pytest.mark.parametrize(
    "content", [b"1,2\n3,-4e1\n", b"1,2\n3,-4e1", b"1,2\r\n3,-4e1\r\n", b"1,2\r3,-4e1", b"1, 2\n3,-40.0 \n"]
)
def test_table_is_read_whatever_its_line_ends(content: bytes) -> None:
    assert table(content).tolist() == [[1, 2], [3, -40]]


@pytest.mark.bad_input(
    "CSV",
    "columns, rows, cells too many or missing, text, NaN, infinity, byte order mark, NUL, quotes, huge fields",
)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1,2\n3\n", "t.csv, line 2: expected 2 columns, got 1"),
        (b"1,2\n3,4,5\n", "t.csv, line 2: expected 2 columns, got 3"),
        (b"1,2\n\n3,4\n", "t.csv, line 2: expected 2 columns, got 0"),
        (b"1,2\n   \n3,4\n", "t.csv, line 2: expected 2 columns, got 1"),
        (b"\n1,2\n3,4\n", "t.csv, line 1: expected 2 columns, got 0"),
        (b"1;2\n3;4\n", "t.csv, line 1: expected 2 columns, got 1"),
        (b"1,2\n3,4\0\n", "t.csv, line 2, b: expected a finite number, got '4.x00'"),
        (b"1\0,\0002\0\n\0", "t.csv, line 1, a: expected a finite number, got '1.x00'"),
        (b"\xff\xfe1\0,\0", "t.csv, byte 0: expected ASCII, got 0xff"),
        (b"1,2\n3,x\n", "t.csv, line 2, b: expected a finite number, got 'x'"),
        (b"1,2\n,4\n", "t.csv, line 2, a: expected a finite number, got ''"),
        (b"1,nan\n3,4\n", "t.csv, line 1, b: expected a finite number, got 'nan'"),
        (b"1,2\n3,-inf\n", "t.csv, line 2, b: expected a finite number, got '-inf'"),
        (b"1,2\n3,1e999\n", "t.csv, line 2, b: expected a finite number, got '1e999'"),
        (b"1,2\n3,1_0\n", "t.csv, line 2, b: expected a finite number, got '1_0'"),
        (b'1,2\n3,"4"\n', "t.csv, line 2, b: expected a finite number, got '\"4\"'"),
        (b"a,b\n1,2\n", "t.csv, line 1, a: expected a finite number, got 'a'"),
        (b"1,2\n", "t.csv: expected 2 rows, got 1"),
        (b"1,2\n3,4\n5,6\n", "t.csv: expected 2 rows, got 3"),
        (b"", "t.csv: expected 2 rows, got 0"),
        (b"\xef\xbb\xbf1,2\n3,4\n", "t.csv, byte 0: expected ASCII, got 0xef"),
        (b"1,2\n3," + b"4" * 200_000, "t.csv, line 2: expected comma-separated numbers, got field larger"),
    ],
)
def test_table_that_is_not_as_expected_is_refused_by_name_and_line(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(content)


FIRST_HOUSE = [-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252]


@pytest.mark.bad_input("CSV", "values that give no features")
def test_housing_row_is_named_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housing, "ROWS", 2)
    row = ",".join(str(value) for value in FIRST_HOUSE) + ",452600\n"
    for lines, message in [
        (row + row.replace("452600", "NaN"), "line 2, medianHouseValue: expected a finite number, got 'NaN'"),
        (row + row.replace("126", "0"), "row 1, households: expected more than 0, got 0$"),
        (row, "expected 2 rows, got 1"),
    ]:
        (tmp_path / housing.FILE).write_text(lines, encoding="ascii")
        with pytest.raises(ValueError, match=f"cal_housing.data.*{message}"):
            housing.read(tmp_path)


def test_housing_features_come_from_raw_columns_in_any_order() -> None:
    raw = pd.DataFrame([FIRST_HOUSE], columns=housing.RAW_COLUMNS)
    expected = [[8.3252, 41, 880 / 126, 129 / 126, 322, 322 / 126, 37.88, -122.23]]
    assert housing.features_from_raw(raw).tolist() == expected
    assert housing.features_from_raw(raw[raw.columns[::-1]].assign(note="x")).tolist() == expected
    assert housing.features_from_raw(raw.astype(str)).tolist() == expected


@pytest.mark.bad_input("CSV", "values that give no features")
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("households", 0, "row 1, households: expected more than 0, got 0"),
        ("population", "many", "row 1, population: expected a finite number, got 'many'"),
        ("population", None, "row 1, population: expected a finite number"),
        ("latitude", float("inf"), "row 1, latitude: expected a finite number, got inf"),
    ],
)
def test_housing_value_that_gives_no_features_is_named(column: str, value: Any, message: str) -> None:
    raw = pd.DataFrame([FIRST_HOUSE, FIRST_HOUSE], columns=housing.RAW_COLUMNS).astype(object)
    raw.loc[1, column] = value
    with pytest.raises(ValueError, match=message):
        housing.features_from_raw(raw)


def test_housing_columns_that_are_missing_are_named() -> None:
    with pytest.raises(ValueError, match="got none called latitude, households"):
        housing.features_from_raw(
            pd.DataFrame([FIRST_HOUSE], columns=housing.RAW_COLUMNS).drop(columns=["latitude", "households"])
        )


def patients_csv(rows: int = 470, died: int = 70, first_patient: int = 1) -> str:
    lines = [[first_patient + row, *[0] * (len(thoracic.FEATURES) - 1), int(row < died)] for row in range(rows)]
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


@pytest.mark.bad_input("CSV", "patients or labels that are not the published ones")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (patients_csv(rows=469), "expected 470 rows, got 469"),
        (patients_csv(died=71), "label: expected the labels' counts {0: 400, 1: 70}, got {0.0: 399, 1.0: 71}"),
        (patients_csv().replace(",1\n", ",2\n"), "label: expected the labels' counts .* got {0.0: 400, 2.0: 70}"),
        (patients_csv(first_patient=0), "patient: expected each of 1 to 470 once"),
        (patients_csv().replace("\n470,", "\n469,"), "patient: .* got 469 different numbers"),
    ],
)
def test_thoracic_table_must_have_the_published_patients_and_labels(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / thoracic.FILE
    path.write_text(patients_csv(), encoding="ascii", newline="\r\n")
    assert thoracic.read(tmp_path).x.shape == (470, 17)
    path.write_text(content, encoding="ascii")
    with pytest.raises(ValueError, match=f"{thoracic.FILE}.*{message}"):
        thoracic.read(tmp_path)


# The contract


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
def test_a_data_set_is_a_module_with_a_spec() -> None:
    assert {"fashion_mnist", "housing", "thoracic"} <= set(names())
    assert not {"csv_table", "spec"} & set(names())
    assert spec_of("housing") is housing.SPEC
    for name in ("mnist", "", "os", "..normalize", "spec", "__init__"):
        message = rf"^datasets\..*: expected a data set among {', '.join(names())}, got"
        with pytest.raises(ValueError, match=message):
            spec_of(name)


def test_our_specs_hold_what_reports_need() -> None:
    target = spec_of("housing").target
    assert (target.name, target.unit) == ("median_house_value", "100,000 USD")
    assert (target.report_unit, target.report_scale) == ("USD", 100_000)
    assert spec_of("housing").units["HouseAge"] == "years"
    assert spec_of("housing").row_shape(["MedInc"]) == (7,)
    assert spec_of("thoracic").units == {"PRE4": "liters", "PRE5": "liters", "AGE": "years"}
    assert spec_of("thoracic").row_shape() == (17,)
    assert spec_of("fashion_mnist").row_shape() == (28, 28)
    assert spec_of("fashion_mnist").target == Target()


FILE = RawFile("a.csv", "0" * 64, 3, ("https://example.org/a.csv", "file:///a.csv", "own/a.csv", "C:/a.csv"))
TEXT: Any = "text"  # where it is a wrong type


def unread(folder: Path) -> Raw:
    raise AssertionError(folder)


def spec_with(**changes: Any) -> DatasetSpec:
    """A table of 12 rows of two classes, eight and four."""
    fields: dict[str, Any] = {
        "read": unread,
        "files": (FILE,),
        "mirror": "mine",
        "rows": 12,
        "ranked_by": "accuracy",
        "classes": ("no", "yes"),
        "class_counts": (8, 4),
        "features": (Feature("day"), Feature("clinic"), Feature("size", "cm")),
        "new_rows": NewRows(("day", "clinic", "size")),
    }
    return DatasetSpec(**fields | changes)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Makes a data set of one's own called as the test wants: gives the name of the module with this text."""
    monkeypatch.setattr(stages.datasets, "__path__", [*stages.datasets.__path__, str(tmp_path)])
    made: list[str] = []

    def make(text: str) -> str:
        name = f"mine_{len(made)}"
        made.append(f"stages.datasets.{name}")
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)


@pytest.mark.bad_input("a data set's module", "no SPEC, another, one without a field, errors")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ", SPEC: expected a DatasetSpec (stages/datasets/spec.py), got none"),
        ("SPEC = {}", ", SPEC: expected a DatasetSpec (stages/datasets/spec.py), got a dict"),
        (
            "from stages.datasets.spec import DatasetSpec\nSPEC = DatasetSpec",
            ", SPEC: expected a DatasetSpec (stages/datasets/spec.py), got a type",
        ),
        (
            "from stages.datasets.spec import DatasetSpec\nSPEC = DatasetSpec(read=print, files=(), rows=3)",
            ": expected a module that can be imported, got TypeError: DatasetSpec.__init__() missing 2 required "
            "keyword-only arguments: 'mirror' and 'ranked_by'",
        ),
        ("1 / 0", ": expected a module that can be imported, got ZeroDivisionError: division by zero"),
        ("raise ValueError('a\\nb')", ": expected a module that can be imported, got ValueError: a b"),
        ("import there_is_none", ": expected a module that can be imported, got ModuleNotFoundError: No module named "),
        ("if", ": expected a module that can be imported, got SyntaxError: "),
        (
            "from stages.datasets.spec import DatasetSpec\n"
            "SPEC = DatasetSpec(read=print, files=(), rows='3', mirror='m', ranked_by='mse')",
            ", SPEC.rows: expected an integer, got '3'",
        ),
        (
            "from stages.datasets.spec import DatasetSpec\n"
            "SPEC = DatasetSpec(read=None, files=(), rows=3, mirror='m', ranked_by='mse')",
            ", SPEC.read: expected a function, got None",
        ),
        (
            "from stages.datasets.spec import DatasetSpec, RawFile\n"
            "FILE = RawFile('a.csv', '0' * 64, 1, ('https://example.org'))\n"
            "SPEC = DatasetSpec(read=print, files=(FILE,), rows=3, mirror='m', ranked_by='mse')",
            ", SPEC.files[0].urls: expected a tuple, got 'https://example.org'",
        ),
    ],
)
def test_a_module_that_breaks_the_contract_is_told_in_one_line(
    module: Callable[[str], str], text: str, expected: str
) -> None:
    name = module(text)
    with pytest.raises(ValueError, match="expected") as caught:
        spec_of(name)
    assert str(caught.value).startswith(f"stages/datasets/{name}.py{expected}")
    assert "\n" not in str(caught.value)


def test_a_data_set_of_ones_own_is_a_file_more(module: Callable[[str], str]) -> None:
    text = """
from stages.datasets.spec import DatasetSpec, Feature, NewRows, RawFile

SPEC = DatasetSpec(
    read=print,
    files=(RawFile("a.csv", "0" * 64, 3),),
    mirror="mine",
    rows=3,
    ranked_by="mse",
    features=(Feature("a"),),
    new_rows=NewRows(("a",)),
)
"""
    name = module(text)
    assert name in names()
    assert spec_of(name).feature_names == ["a"]


@pytest.mark.bad_input("a data set's module", "fields that contradict each other")
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"rows": 0, "class_counts": (0, 0)}, "rows: expected a number of rows greater than 0, got 0"),
        ({"test_rows": 12}, "test_rows: expected 0 to 11 rows, got 12"),
        ({"test_rows": -1}, "test_rows: expected 0 to 11 rows, got -1"),
        ({"features": ()}, "features: expected either features or an image_shape, got neither of them"),
        ({"image_shape": (2, 2)}, "features: expected either features or an image_shape, got both"),
        ({"class_counts": (8, 5)}, "class_counts: expected 2 counts that add up to 12 rows, got (8, 5)"),
        ({"class_counts": (8, 2, 2)}, "class_counts: expected 2 counts that add up to 12 rows, got (8, 2, 2)"),
        ({"classes": (), "class_counts": (12,)}, "class_counts: expected 0 counts that add up to 12 rows, got (12,)"),
        ({"classes": ("no",), "class_counts": (12,)}, "classes: expected none or at least two, got ('no',)"),
        ({"new_rows": None}, "new_rows: expected NewRows beside features, got None"),
        (
            {"new_rows": NewRows(("day", "clinic", "size"), other_names={"id": "number"})},
            "new_rows.other_names: expected columns among day, clinic, size, got number",
        ),
        (
            {"new_rows": NewRows(("day", "clinic", "size"), codes={"days": {"Monday": 1}})},
            "new_rows.codes: expected columns among day, clinic, size, got days",
        ),
        ({"background": 256}, "background: expected a gray value of 0 to 255, got 256"),
        (
            {"location": ("day", "place")},
            "location: expected names among day, clinic, size, got ('day', 'place')",
        ),
        ({"files": ()}, "files: expected at least one file, got none"),
        ({"files": (FILE, FILE)}, "files: expected every name once, got a.csv, a.csv"),
        *(
            ({"mirror": name}, f"files: expected names without a path, got {name!r}")
            for name in ("../m", "/m", "a/b", "", ".", "..", "a\\b", "C:m", "a\0b")
        ),
        *(
            ({"files": (replace(FILE, name=name),)}, f"files: expected names without a path, got {name!r}")
            for name in ("../a.bin", "/a.bin", "b/a.bin", "b\\a.bin", "C:a.bin", "..", ".", "")
        ),
        ({"files": (replace(FILE, packed=("a.gz", "/b")),)}, "files: expected names without a path, got '/b'"),
        ({"files": (replace(FILE, packed=TEXT),)}, "files[0].packed: expected a tuple, got 'text'"),
        ({"files": (replace(FILE, convert=TEXT),)}, "files[0].convert: expected a function, got 'text'"),
        ({"caches": "~/.keras"}, "caches: expected a tuple, got '~/.keras'"),
        ({"debian_package": None}, "debian_package: expected text, got None"),
        *(
            (
                {"files": (replace(FILE, sha256=sha256),)},
                f"files[0].sha256: expected 64 digits of 0 to 9 and a to f, got {sha256!r}",
            )
            for sha256 in ("abc", "0" * 63, "A" * 64, "")
        ),
        ({"files": (replace(FILE, bytes=0),)}, "files[0].bytes: expected a number greater than 0, got 0"),
        *(
            (
                {"files": (FILE, replace(FILE, name="b", urls=(url,)))},
                "files[1].urls: expected https://…, http://…, file:///… or a path from the root of the repository, "
                f"got {url!r}",
            )
            for url in ("ftp://127.0.0.1/a", "s3://bucket/a", "")
        ),
    ],
)
def test_a_fault_of_a_spec_is_one_line(changes: dict[str, Any], fault: str) -> None:
    assert spec_with().faults() == []
    assert spec_with(**changes).faults() == [fault]


def test_every_fault_is_told_with_the_modules_name(module: Callable[[str], str]) -> None:
    text = """
from stages.datasets.spec import DatasetSpec

SPEC = DatasetSpec(read=print, files=(), mirror="mine", rows=3, ranked_by="mse")
"""
    name = module(text)
    with pytest.raises(ValueError, match="expected") as caught:
        spec_of(name)
    assert str(caught.value).splitlines() == [
        f"stages/datasets/{name}.py, SPEC.features: expected either features or an image_shape, got neither of them",
        f"stages/datasets/{name}.py, SPEC.files: expected at least one file, got none",
    ]


CLASSES_12 = np.repeat([0, 1], [8, 4])


@pytest.mark.bad_input("a data set's module", "a reader that gives other rows than the spec says")
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((12, 2)), CLASSES_12, r"x and y of shapes \(12, 3\) and \(12,\), got"),
        (np.zeros((11, 3)), CLASSES_12[1:], r"got \(11, 3\) and \(11,\)"),
        (np.zeros((12, 3)), CLASSES_12[1:], r"got \(12, 3\) and \(11,\)"),
        (np.zeros((12, 3)), CLASSES_12.astype(float), "expected classes, which are integers, got y of dtype float64"),
        (np.zeros((12, 3)), 1 - CLASSES_12, r"expected \(8, 4\) rows of the classes, got \(4, 8\)"),
        (np.zeros((12, 3)), CLASSES_12 * 2, r"expected \(8, 4\) rows of the classes, got \(8, 0, 4\)"),
    ],
)
def test_rows_that_are_not_as_the_spec_says_are_told(x: np.ndarray, y: np.ndarray, message: str) -> None:
    spec_with().check(Raw(np.zeros((12, 3)), CLASSES_12), "it")
    with pytest.raises(ValueError, match=rf"^it, SPEC\.read: .*{message}"):
        spec_with().check(Raw(x, y), "it")


def test_a_quantity_is_a_floating_number() -> None:
    spec = spec_with(classes=(), class_counts=())
    spec.check(Raw(np.zeros((12, 3)), np.zeros(12)), "it")
    with pytest.raises(ValueError, match="expected quantities, which are floating numbers, got y of dtype int64"):
        spec.check(Raw(np.zeros((12, 3)), CLASSES_12), "it")


@pytest.mark.parametrize(
    "spec",
    [
        spec_with(),
        spec_with(classes=(), class_counts=()),
        spec_with(features=(), new_rows=None, image_shape=(2, 5), test_rows=3),
        *map(spec_of, names()),
    ],
)
def test_blank_rows_are_as_the_spec_says(spec: DatasetSpec) -> None:
    spec.check(spec.blank(), "it")


# The vocabulary of splits

DAYS = np.array([5, 3, 9, 1, 12, 7, 2, 11, 4, 8, 6, 10])
CLINICS = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
TABLE = Raw(np.column_stack([DAYS, CLINICS, np.zeros(12)]), np.array([0, 0, 1] * 4))
SPEC = spec_with()


def divided(spec: DatasetSpec = SPEC, raw: Raw = TABLE, **options: Any) -> dict[str, list[int]]:
    """Row numbers by part, with `random_state` 1 and no scaling unless given; every row is in one part at most."""
    drawn = {"random_state": 1} if any("random" in str(each) for each in options.values()) else {}
    parts = divide(spec, raw, {**drawn, "scaling": "none", **options})
    found = {part: rows.tolist() for part, rows in parts.items()}
    every = [row for rows in found.values() for row in rows]
    assert len(every) == len(set(every))
    assert set(every) <= set(range(len(raw.y)))
    return found


def test_without_parts_all_rows_train_in_the_order_of_the_files() -> None:
    assert divided() == {"train": list(range(12))}


def test_rows_that_the_publisher_set_aside_are_the_test_unless_the_split_names_one() -> None:
    spec = spec_with(test_rows=3)
    assert divided(spec) == {"test": [9, 10, 11], "train": list(range(9))}
    assert divided(spec, test={"rows": "first", "size": 2}) == {"test": [0, 1], "train": list(range(2, 12))}
    found = divided(spec, validation={"rows": "last", "size": 2})
    assert found == {"test": [9, 10, 11], "validation": [7, 8], "train": list(range(7))}


@pytest.mark.parametrize("size", [3, 0.25])
def test_first_and_last_rows_are_taken_in_their_order(size: float) -> None:
    assert divided(validation={"rows": "first", "size": size}) == {
        "validation": [0, 1, 2], "train": [3, 4, 5, 6, 7, 8, 9, 10, 11]
    }  # fmt: skip
    assert divided(validation={"rows": "last", "size": size}) == {
        "validation": [9, 10, 11], "train": [0, 1, 2, 3, 4, 5, 6, 7, 8]
    }  # fmt: skip


@pytest.mark.parametrize("size", [3, 0.25])
def test_random_rows_are_those_of_train_test_split_in_the_order_of_the_draw(size: float) -> None:
    found = divided(test={"rows": "random", "size": size}, random_state=5)
    rest, taken = train_test_split(np.arange(12), test_size=size, random_state=5)
    assert found == {"test": taken.tolist(), "train": rest.tolist()}
    assert found != divided(test={"rows": "random", "size": size}, random_state=6)


def test_stratified_rows_keep_the_shares_of_the_classes() -> None:
    found = divided(
        test={"rows": "stratified", "size": 3}, validation={"rows": "stratified", "size": 3}, random_state=1
    )
    assert {part: TABLE.y[rows].sum() / len(rows) for part, rows in found.items()} == dict.fromkeys(
        ("test", "validation", "train"), 1 / 3
    )


@pytest.mark.parametrize(("size", "groups"), [(2, 2), (0.5, 3)])
def test_groups_stay_whole_and_size_counts_them(size: float, groups: int) -> None:
    found = divided(
        test={"rows": "group", "size": size, "column": "clinic"},
        validation={"rows": "group", "size": 1, "column": "clinic"},
        random_state=3,
    )
    clinics = {part: set(CLINICS[rows].tolist()) for part, rows in found.items()}
    assert {part: len(each) for part, each in clinics.items()} == {
        "test": groups, "validation": 1, "train": 5 - groups
    }  # fmt: skip
    assert sum(map(len, clinics.values())) == len(set.union(*clinics.values()))
    assert all(len(rows) == 2 * len(clinics[part]) for part, rows in found.items())


@pytest.mark.parametrize("size", [3, 0.25])
def test_the_greatest_values_of_a_column_are_the_last_in_time(size: float) -> None:
    found = divided(test={"rows": "time", "size": size, "column": "day"})
    assert found == {"test": [4, 7, 11], "train": [0, 1, 2, 3, 5, 6, 8, 9, 10]}
    both = divided(
        test={"rows": "time", "size": size, "column": "day"}, validation={"rows": "time", "size": 2, "column": "day"}
    )
    assert both == {"test": [4, 7, 11], "validation": [2, 9], "train": [0, 1, 3, 5, 6, 8, 10]}


def test_of_rows_of_one_time_the_last_in_the_files_are_taken() -> None:
    raw = Raw(np.column_stack([np.ones(12), CLINICS, DAYS]), TABLE.y)
    assert divided(raw=raw, test={"rows": "time", "size": 3, "column": "day"})["test"] == [9, 10, 11]


def test_training_rows_that_are_named_leave_the_others_out() -> None:
    found = divided(train={"rows": "first", "size": 4}, validation={"rows": "first", "size": 2})
    assert found == {"train": [0, 1, 2, 3], "validation": [4, 5]}
    shares = divided(
        test={"rows": "last", "size": 0.5},
        train={"rows": "first", "size": 0.5},
        validation={"rows": "first", "size": 0.5},
    )
    assert shares == {"test": [6, 7, 8, 9, 10, 11], "train": [0, 1, 2], "validation": [3]}


def test_a_share_is_of_the_rows_that_are_left() -> None:
    found = divided(test={"rows": "last", "size": 0.25}, validation={"rows": "last", "size": 0.34})
    assert {part: len(rows) for part, rows in found.items()} == {"test": 3, "validation": 4, "train": 5}


def test_the_same_seed_draws_the_same_rows_whatever_the_order_of_the_options() -> None:
    test, validation = {"rows": "random", "size": 3}, {"rows": "stratified", "size": 3}
    one = divided(test=test, validation=validation, random_state=7)
    assert one == divided(validation=validation, test=test, random_state=7)


def test_repetitions_are_drawn_by_the_next_seeds() -> None:
    options = {"test": {"rows": "random", "size": 3}, "random_state": 7, "repeats": 3, "scaling": "none"}
    splits = dict(repetitions({"mine": options, "other": {"scaling": "none"}}))
    assert list(splits) == ["mine", "mine-1", "mine-2", "other"]
    assert [each.get("random_state") for each in splits.values()] == [7, 8, 9, None]
    assert len({tuple(divide(SPEC, TABLE, splits[name])["test"]) for name in list(splits)[:3]}) == 3


def test_columns_left_out_are_not_among_those_that_stay() -> None:
    assert kept_columns(SPEC, {"scaling": "none"}) == [0, 1, 2]
    assert kept_columns(SPEC, {"columns_left_out": ["clinic"], "scaling": "none"}) == [0, 2]
    assert kept_columns(spec_with(features=(), new_rows=None, image_shape=(2, 2)), {"scaling": "unit"}) == []


def test_a_column_that_is_left_out_may_divide_the_rows() -> None:
    options = {
        "test": {"rows": "group", "size": 2, "column": "clinic"},
        "random_state": 1,
        "columns_left_out": ["clinic"],
        "scaling": "none",
    }
    check_options(SPEC, options)
    assert len(divide(SPEC, TABLE, options)["test"]) == 4


RANDOM = {"rows": "random", "size": 3}
IMAGES = {"features": (), "new_rows": None, "image_shape": (2, 2)}
NUMBERS = {"classes": (), "class_counts": ()}


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"test": RANDOM}, "random_state: expected an integer beside test.rows: random, got none"),
        ({}, {"validation": {"rows": "stratified", "size": 3}}, "random_state: expected an integer beside validation"),
        ({}, {"train": {"rows": "group", "size": 3, "column": "clinic"}}, "random_state: .* beside train.rows: group"),
        ({}, {"random_state": 1}, "random_state: expected none, since no part is drawn at random, got 1"),
        (
            {},
            {"train": {"rows": "first", "size": 3}, "random_state": 1},
            "random_state: expected none, since no part is drawn at random, got 1",
        ),
        (
            NUMBERS,
            {"test": {"rows": "stratified", "size": 3}, "random_state": 1},
            "test.rows: expected a data set of classes beside stratified, got a quantity",
        ),
        (
            {},
            {"test": {"rows": "time", "size": 3}},
            "test.column: expected the name of a column among day, clinic, size, got None",
        ),
        (
            {},
            {"test": {"rows": "group", "size": 3, "column": "clinc"}, "random_state": 1},
            "test.column: expected the name of a column among day, clinic, size, got clinc",
        ),
        (
            IMAGES,
            {"test": {"rows": "time", "size": 3, "column": "day"}},
            "test.column: expected the name of a column among none, got day",
        ),
        (
            {},
            {"test": {"rows": "last", "size": 3, "column": "day"}},
            "test.column: expected no column beside rows: last",
        ),
        (
            {},
            {"test": {"rows": "time", "size": 3, "column": "day"}, "repeats": 3},
            "repeats: expected test.rows among random, stratified, group, since .*, got time",
        ),
        (
            {"test_rows": 3},
            {"validation": RANDOM, "random_state": 1, "repeats": 3},
            "repeats: expected test.rows among random, .*, got none",
        ),
        ({}, {"columns_left_out": ["dy"]}, "columns_left_out: expected names of columns among day, clinic, .*, got dy"),
        (IMAGES, {"columns_left_out": ["day"]}, "columns_left_out: expected names of columns among none, .*, got day"),
        (
            {},
            {"columns_left_out": ["size", "day", "clinic"]},
            "columns_left_out: expected a column to stay, got day clinic size",
        ),
        ({}, {"scaling": "unit"}, "scaling: expected standard or none for columns, got unit"),
        ({}, {"test": {"rows": "first", "size": 12}}, "test.size: .* a number of rows from 1 to 11, got 12"),
        ({}, {"test": {"rows": "first", "size": 0}}, "test.size: .* a number of rows from 1 to 11, got 0"),
        ({}, {"test": {"rows": "first", "size": 1.0}}, "test.size: expected a share between 0 and 1 or .*, got 1.0"),
        (
            {},
            {"train": {"rows": "first", "size": 8}, "validation": {"rows": "first", "size": 4}},
            "validation.size: .* a number of rows from 1 to 3, got 4",
        ),
        ({"test_rows": 4}, {"validation": {"rows": "last", "size": 8}}, "validation.size: .* from 1 to 7, got 8"),
        (
            {},
            {"test": {"rows": "first", "size": 0.01}},
            "test.size: expected rows in the part and rows left, got 0.01 of 12",
        ),
        (
            {},
            {"test": {"rows": "last", "size": 0.99}},
            "test.size: expected rows in the part and rows left, got 0.99 of 12",
        ),
        ({}, {"test": {"rows": "random", "size": 0.99}, "random_state": 1}, r"test.size: expected a size that can be"),
        (
            {},
            {"test": {"rows": "stratified", "size": 1}, "random_state": 1},
            r"test.size: expected a size that can be drawn, got 1 \(The test_size = 1 should be greater",
        ),
    ],
)
def test_an_option_that_cannot_be_followed_is_told_before_data_are_read(
    changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    check_options(spec_with(), {"scaling": "none"})
    with pytest.raises(OptionError, match=f"^{message}"):
        check_options(spec_with(**changes), {"scaling": "none", **options})


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"rows": "group", "size": 6, "column": "clinic"}, "test.size: .* a number of groups from 1 to 5, got 6"),
        ({"rows": "time", "size": 12, "column": "day"}, "test.size: .* a number of rows from 1 to 11, got 12"),
        ({"rows": "time", "size": 0.99, "column": "day"}, "test.size: expected rows in the part and rows left"),
        ({"rows": "group", "size": 0.99, "column": "clinic"}, "test.size: expected a size that can be drawn, got 0.99"),
    ],
)
def test_an_option_that_the_values_of_a_column_contradict_is_told(part: dict[str, Any], message: str) -> None:
    options = {"test": part, **({"random_state": 1} if part["rows"] == "group" else {}), "scaling": "none"}
    check_options(SPEC, options)
    with pytest.raises(OptionError, match=f"^{message}"):
        divide(SPEC, TABLE, options)


def test_pixels_are_divided_as_in_float32() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    scaled = normalize(pixels, {"offset": 0, "scale": 255})
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled, pixels.astype(np.float32) / np.float32(255))


# The published files


def test_fashion_mnist_is_as_published(fashion: Raw) -> None:
    assert (fashion.x.shape, fashion.x.dtype) == ((70_000, 28, 28), np.uint8)
    assert (fashion.x.min(), fashion.x.max()) == (0, 255)
    train = fashion.x[:60_000] / np.float32(255)
    assert train.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert train.std(dtype=np.float64) == pytest.approx(0.3530, abs=5e-5)
    fashion_mnist.SPEC.check(fashion, "it")
    assert fashion_mnist.SPEC.features == ()
    assert divide(fashion_mnist.SPEC, fashion, {"scaling": "unit"})["test"].tolist() == list(range(60_000, 70_000))


def test_fashion_mnist_labels_are_as_published(fashion: Raw) -> None:
    assert len(fashion_mnist.CLASSES) == 10
    assert fashion.y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert np.bincount(fashion.y[:60_000]).tolist() == [6_000] * 10
    assert np.bincount(fashion.y[60_000:]).tolist() == [1_000] * 10


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"validation": {"rows": "random", "size": 0.2}, "random_state": 42}, (12_000, 48_000, 10_000)),
        ({"validation": {"rows": "random", "size": 5000}, "random_state": 42}, (5_000, 55_000, 10_000)),
        (
            {"train": {"rows": "first", "size": 3000}, "validation": {"rows": "first", "size": 1000}},
            (1_000, 3_000, 10_000),
        ),
    ],
)
def test_fashion_mnist_splits_have_their_sizes(
    fashion: Raw, options: dict[str, Any], sizes: tuple[int, int, int]
) -> None:
    rows = divide(fashion_mnist.SPEC, fashion, options)
    assert (len(rows["validation"]), len(rows["train"]), len(rows["test"])) == sizes
    assert len(np.unique(np.concatenate(list(rows.values())))) == sum(sizes)
    assert np.array_equal(rows["test"], np.arange(60_000, 70_000))


def test_fashion_mnist_holdout_starts_with_the_documented_labels(fashion: Raw) -> None:
    options = {"validation": {"rows": "random", "size": 0.2}, "random_state": 42}
    rows = divide(fashion_mnist.SPEC, fashion, options)
    assert fashion.y[rows["train"][:10]].tolist() == [7, 3, 5, 8, 6, 9, 3, 3, 9, 9]


def test_fashion_mnist_small_is_the_first_rows_of_the_file(fashion: Raw) -> None:
    options = {"train": {"rows": "first", "size": 3000}, "validation": {"rows": "first", "size": 1000}}
    rows = divide(fashion_mnist.SPEC, fashion, options)
    assert np.array_equal(np.concatenate([rows["train"], rows["validation"]]), np.arange(4_000))


def test_housing_is_as_scikit_learn_has_it(houses: Raw) -> None:
    housing.SPEC.check(houses, "it")
    assert (houses.x.shape, houses.y.shape) == ((20_640, 8), (20_640,))
    first = [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88, -122.23]
    assert houses.x[0] == pytest.approx(first, rel=1e-8)
    assert houses.y[0] == pytest.approx(4.526)


def test_housing_columns_and_target_have_their_units(houses: Raw) -> None:
    described = pd.DataFrame(houses.x, columns=housing.SPEC.feature_names).assign(target=houses.y).describe()
    # min, mean, max as pandas describes the frame of scikit-learn's fetch_california_housing
    known = {
        "MedInc": (0.4999, 3.870671, 15.0001),
        "HouseAge": (1, 28.639486, 52),
        "AveRooms": (0.846154, 5.429000, 141.909091),
        "AveBedrms": (0.333333, 1.096675, 34.066667),
        "Population": (3, 1425.476744, 35_682),
        "AveOccup": (0.692308, 3.070655, 1243.333333),
        "Latitude": (32.54, 35.631861, 41.95),
        "Longitude": (-124.35, -119.569704, -114.31),
        "target": (0.14999, 2.068558, 5.00001),
    }
    assert list(known) == list(described.columns)
    for column, values in known.items():
        assert described.loc[["min", "mean", "max"], column].tolist() == pytest.approx(values, rel=1e-6, abs=5e-7)


@pytest.mark.parametrize(
    ("validation", "sizes"),
    [
        ({"rows": "last", "size": 0.1}, (1_548, 13_932, 5_160)),
        ({"rows": "random", "size": 0.25}, (3_870, 11_610, 5_160)),
    ],
)
def test_housing_splits_have_their_sizes(houses: Raw, validation: dict[str, Any], sizes: tuple[int, int, int]) -> None:
    options = {"test": {"rows": "random", "size": 0.25}, "validation": validation, "random_state": 42}
    rows = divide(housing.SPEC, houses, options)
    assert (len(rows["validation"]), len(rows["train"]), len(rows["test"])) == sizes
    assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(20_640))


def test_thoracic_is_as_published(patients: Raw) -> None:
    assert patients.x.shape == (470, 17)
    thoracic.SPEC.check(patients, "it")
    assert len(thoracic.SPEC.features) == 17
    assert np.bincount(patients.y).tolist() == [400, 70]
    assert patients.x[0].tolist() == [293, 1, 3.8, 2.8, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 1, 0, 62]
    columns = dict(zip(thoracic.SPEC.feature_names, patients.x.T, strict=True))
    assert set(columns["DGN"]) <= set(range(1, 9))
    assert set(columns["PRE14"]) == {11, 12, 13, 14}
    assert (columns["AGE"].min(), columns["AGE"].max()) == (21, 87)


def test_thoracic_clean_split_is_stratified(patients: Raw) -> None:
    part = {"rows": "stratified", "size": 0.2}
    options = {"test": part, "validation": part | {"size": 0.25}, "random_state": 42}
    rows = divide(thoracic.SPEC, patients, options)
    counts = {part: np.bincount(patients.y[part_rows]).tolist() for part, part_rows in rows.items()}
    assert counts == {"train": [240, 42], "validation": [80, 14], "test": [80, 14]}


def test_thoracic_published_split_trains_on_all_rows_in_order(patients: Raw) -> None:
    rows = divide(thoracic.SPEC, patients, {"scaling": "none"})
    assert list(rows) == ["train"]
    assert np.array_equal(rows["train"], np.arange(470))
