"""What the readers accept and refuse, and what the published files are."""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.datasets import OptionError, Raw, fashion_mnist, housing, module_of, normalize, read_table, thoracic

ROOT = Path(__file__).resolve().parents[1]
MIRROR = Path(os.environ.get("DATA_MIRROR", ROOT.parent / "shared" / "mirror"))
MIRRORED = {
    "fashion_mnist": "fashion-mnist",
    "housing": "california-housing",
    "thoracic": "thoracic-surgery",
}


def read_published(dataset: str) -> Raw:
    for folder in (ROOT / "data" / "raw" / dataset, MIRROR / MIRRORED[dataset]):
        if folder.is_dir() and any(folder.iterdir()):
            return module_of(dataset).read(folder)
    pytest.skip(f"no raw files of {dataset} here")


@pytest.fixture(scope="module")
def fashion() -> Raw:
    return read_published("fashion_mnist")


@pytest.fixture(scope="module")
def houses() -> Raw:
    return read_published("housing")


@pytest.fixture(scope="module")
def patients() -> Raw:
    return read_published("thoracic")


def idx(values: np.ndarray, magic: bytes | None = None) -> bytes:
    magic = bytes([0, 0, 8, values.ndim]) if magic is None else magic
    return magic + np.array(values.shape, dtype=">u4").tobytes() + values.astype(np.uint8).tobytes()


VALUES = np.arange(24).reshape(2, 3, 4)


def test_idx_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(VALUES)))
    array = fashion_mnist.read_idx(path, (2, 3, 4))
    assert array.dtype == np.uint8
    assert np.array_equal(array, VALUES)


@pytest.mark.bad_input("IDX", "wrong magic, dtype, dimensions, shape or length, gzip cut short or none")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(idx(VALUES, b"\1\0\x08\3")), "byte 0: expected zeros 0, got 256"),
        (gzip.compress(idx(VALUES, b"\0\0\x0d\3")), "byte 2: expected dtype code 8, got 13"),
        (gzip.compress(idx(VALUES[0])), "byte 3: expected dimensions 3, got 2"),
        (gzip.compress(idx(VALUES[:1])), r"byte 4: expected shape \(2, 3, 4\), got \(1, 3, 4\)"),
        (gzip.compress(idx(VALUES)[:-1]), "expected 40 bytes in all, got 39"),
        (gzip.compress(idx(VALUES) + b"\0"), "expected 40 bytes in all, got more"),
        (gzip.compress(idx(VALUES)[:7]), "expected a header of 16 bytes, got 7"),
        (gzip.compress(b""), "expected a header of 16 bytes, got 0"),
        (gzip.compress(idx(VALUES))[:-9], "expected a whole gzip file"),
        (gzip.compress(idx(VALUES))[:-8] + bytes(8), "expected a whole gzip file, got: CRC"),
        (idx(VALUES), "expected a whole gzip file, got: Not a gzipped file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",  # those hold the second of their compression
)
def test_idx_that_is_not_as_expected_is_refused_by_name_and_byte(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"labels.gz.*{message}"):
        fashion_mnist.read_idx(path, (2, 3, 4))


def write_fashion(folder: Path, labels: np.ndarray) -> None:
    for part in ("train", "t10k"):
        images = np.zeros((len(labels), *fashion_mnist.IMAGE_SHAPE))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


@pytest.mark.bad_input("IDX", "labels out of range or of wrong counts")
@pytest.mark.parametrize("label", [0, 10, 255])
def test_labels_must_be_ten_classes_of_equal_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
    monkeypatch.setattr(fashion_mnist, "FILES", {"train": 20, "t10k": 20})
    labels = np.tile(np.arange(10), 2)
    write_fashion(tmp_path, labels)
    assert fashion_mnist.read(tmp_path).test_rows.tolist() == list(range(20, 40))
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


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "other"
    return info


def test_archive_member_is_read_without_unpacking(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.tgz", (tarfile.TarInfo("data"), b"1,2"))
    assert housing.read_member(path, "data", 20_000) == b"1,2"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.bad_input("tar", "member missing, twice, a link, a device, a folder, outside, too large")
@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        (tarfile.TarInfo("other"), b"", r"a.tgz: expected one member data, got \['other'\]"),
        (link("data", tarfile.SYMTYPE), b"", "a.tgz:data: expected a regular file, got tar type '2'"),
        (link("data", tarfile.LNKTYPE), b"", "a.tgz:data: expected a regular file, got tar type '1'"),
        (link("data", tarfile.DIRTYPE), b"", "a.tgz:data: expected a regular file, got tar type '5'"),
        (link("data", tarfile.FIFOTYPE), b"", "a.tgz:data: expected a regular file, got tar type '6'"),
        (link("data", tarfile.CHRTYPE), b"", "a.tgz:data: expected a regular file, got tar type '3'"),
        (link("data", tarfile.BLKTYPE), b"", "a.tgz:data: expected a regular file, got tar type '4'"),
        (tarfile.TarInfo("data"), bytes(20_000), "a.tgz: expected at most 20000 bytes when unpacked, got more"),
        (tarfile.TarInfo("../data"), b"1,2", "a.tgz: expected members inside the archive's folder, got '../data'"),
        (tarfile.TarInfo("a/../../data"), b"1,2", "a.tgz: expected members inside .*, got 'a/../../data'"),
        (tarfile.TarInfo("/data"), b"1,2", "a.tgz: expected members inside the archive's folder, got '/data'"),
    ],
)
def test_archive_member_must_be_a_small_regular_file(
    tmp_path: Path, member: tarfile.TarInfo, content: bytes, message: str
) -> None:
    other = (tarfile.TarInfo("other"), b"1,2")
    members = [(member, content)] if member.name == "other" else [other, (member, content)]
    with pytest.raises(ValueError, match=message):
        housing.read_member(archive_of(tmp_path / "a.tgz", *members), "data", 20_000)
    assert os.listdir(tmp_path) == ["a.tgz"]


@pytest.mark.bad_input("tar", "member missing, twice, a link, a device, a folder, outside, too large")
def test_archive_member_must_be_there_once(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.tgz", (tarfile.TarInfo("data"), b"1,2"), (tarfile.TarInfo("data"), b"3,4"))
    with pytest.raises(ValueError, match=r"a\.tgz: expected one member data, got \['data', 'data'\]"):
        housing.read_member(path, "data", 20_000)


@pytest.mark.bad_input("tar", "cut short, other format, wrong checksum, more when unpacked than it may be")
def test_archive_that_is_cut_short_or_none_is_refused(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(100_000)
    path = archive_of(tmp_path / "a.tgz", (tarfile.TarInfo("data"), content))
    whole = path.read_bytes()
    other_checksum = whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:]
    zeros = gzip.compress(bytes(50 * 2**20))
    for wrong in (
        whole[:50_000],
        whole[:-1],
        whole[:10],
        b"",
        b"<html>",
        gzip.compress(b"text"),
        other_checksum,
        zeros,
    ):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"a\.tgz: expected "):
            housing.read_member(path, "data", 10**6)


FIRST_HOUSE = [-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252]


@pytest.mark.bad_input("CSV", "values that give no features")
def test_housing_row_of_the_archive_is_named_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housing, "ROWS", 2)
    row = ",".join(str(value) for value in FIRST_HOUSE) + ",452600\n"
    for lines, message in [
        (row + row.replace("452600", "NaN"), "line 2, medianHouseValue: expected a finite number, got 'NaN'"),
        (row + row.replace("126", "0"), "row 1, households: expected more than 0, got 0.0"),
        (row, "expected 2 rows, got 1"),
    ]:
        archive_of(tmp_path / housing.ARCHIVE, (tarfile.TarInfo(housing.MEMBER), lines.encode()))
        with pytest.raises(ValueError, match=f"cal_housing.tgz:CaliforniaHousing/cal_housing.data.*{message}"):
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


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
def test_module_of_gives_the_package_s_modules_only() -> None:
    assert module_of("housing") is housing
    for name in ("mnist", "", "os", "..normalize"):
        with pytest.raises(ValueError, match="expected a data set among fashion_mnist, housing, thoracic, got"):
            module_of(name)


SYNTHETIC = Raw(np.zeros((40, 2)), np.arange(40) % 2, ["a", "b"], test_rows=np.arange(30, 40))


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        ("fashion_mnist", {"validation_size": 0.2, "seed": 1}, "seed: expected only the options"),
        ("fashion_mnist", {"validation_size": 0.2}, "random_state: expected a value beside validation_size"),
        ("fashion_mnist", {"validation_size": 1.0, "random_state": 1}, "validation_size: expected a share between"),
        ("fashion_mnist", {"validation_size": 30, "random_state": 1}, "a number of rows from 1 to 29, got 30"),
        ("fashion_mnist", {"validation_size": True, "random_state": 1}, "validation_size: .* got True"),
        ("fashion_mnist", {"validation_size": 0.2, "random_state": None}, "random_state: expected an integer"),
        ("fashion_mnist", {"validation_size": 0.2, "random_state": -1}, "random_state: expected an integer from 0"),
        ("fashion_mnist", {"train_rows": 25, "validation_rows": 6}, "validation_rows: .* from 1 to 5, got 6"),
        ("fashion_mnist", {"train_rows": 3, "random_state": 1, "validation_rows": 1}, "random_state: expected only"),
        ("housing", {"test_size": "0.2", "random_state": 1, "validation_size": 0.5}, "test_size: .* got '0.2'"),
        ("housing", {"test_size": 0.2, "random_state": 1}, "last_rows_validation: expected a value"),
        ("thoracic", {"stratify": True}, "random_state: expected a value beside stratify"),
        (
            "thoracic",
            {"test_size": 0.2, "validation_size": 0.2, "random_state": 1, "stratify": "label"},
            "stratify: expected true or false, got 'label'",
        ),
    ],
)
def test_option_that_cannot_be_followed_is_named(dataset: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        module_of(dataset).split_rows(SYNTHETIC, options)


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
    assert fashion.features == []
    assert fashion.test_rows.tolist() == list(range(60_000, 70_000))


def test_fashion_mnist_labels_are_as_published(fashion: Raw) -> None:
    assert len(fashion_mnist.CLASSES) == 10
    assert fashion.y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert np.bincount(fashion.y[:60_000]).tolist() == [6_000] * 10
    assert np.bincount(fashion.y[60_000:]).tolist() == [1_000] * 10


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"validation_size": 0.2, "random_state": 42}, (12_000, 48_000, 10_000)),
        ({"validation_size": 5000, "random_state": 42}, (5_000, 55_000, 10_000)),
        ({"train_rows": 3000, "validation_rows": 1000}, (1_000, 3_000, 10_000)),
    ],
)
def test_fashion_mnist_splits_have_their_sizes(
    fashion: Raw, options: dict[str, float], sizes: tuple[int, int, int]
) -> None:
    rows = fashion_mnist.split_rows(fashion, options)
    assert (len(rows["validation"]), len(rows["train"]), len(rows["test"])) == sizes
    assert len(np.unique(np.concatenate(list(rows.values())))) == sum(sizes)
    assert np.array_equal(rows["test"], fashion.test_rows)


def test_fashion_mnist_holdout_starts_with_the_documented_labels(fashion: Raw) -> None:
    rows = fashion_mnist.split_rows(fashion, {"validation_size": 0.2, "random_state": 42})
    assert fashion.y[rows["train"][:10]].tolist() == [7, 3, 5, 8, 6, 9, 3, 3, 9, 9]


def test_fashion_mnist_small_is_the_first_rows_of_the_file(fashion: Raw) -> None:
    rows = fashion_mnist.split_rows(fashion, {"train_rows": 3000, "validation_rows": 1000})
    assert np.array_equal(np.concatenate([rows["train"], rows["validation"]]), np.arange(4_000))


def test_housing_is_as_scikit_learn_has_it(houses: Raw) -> None:
    assert (houses.x.shape, houses.y.shape) == ((20_640, 8), (20_640,))
    first = [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88, -122.23]
    assert houses.x[0] == pytest.approx(first, rel=1e-8)
    assert houses.y[0] == pytest.approx(4.526)


def test_housing_columns_and_target_have_their_units(houses: Raw) -> None:
    described = pd.DataFrame(houses.x, columns=houses.features).assign(target=houses.y).describe()
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
    ("options", "sizes"),
    [
        ({"last_rows_validation": 0.1}, (1_548, 13_932, 5_160)),
        ({"validation_size": 0.25}, (3_870, 11_610, 5_160)),
    ],
)
def test_housing_splits_have_their_sizes(houses: Raw, options: dict[str, float], sizes: tuple[int, int, int]) -> None:
    rows = housing.split_rows(houses, {"test_size": 0.25, "random_state": 42, **options})
    assert (len(rows["validation"]), len(rows["train"]), len(rows["test"])) == sizes
    assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(20_640))


def test_thoracic_is_as_published(patients: Raw) -> None:
    assert patients.x.shape == (470, 17)
    assert len(patients.features) == 17
    assert np.bincount(patients.y).tolist() == [400, 70]
    assert patients.x[0].tolist() == [293, 1, 3.8, 2.8, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 1, 0, 62]
    columns = dict(zip(patients.features, patients.x.T, strict=True))
    assert set(columns["DGN"]) <= set(range(1, 9))
    assert set(columns["PRE14"]) == {11, 12, 13, 14}
    assert (columns["AGE"].min(), columns["AGE"].max()) == (21, 87)


def test_thoracic_clean_split_is_stratified(patients: Raw) -> None:
    options = {"test_size": 0.2, "validation_size": 0.2, "random_state": 42, "stratify": True}
    rows = thoracic.split_rows(patients, options)
    counts = {part: np.bincount(patients.y[part_rows]).tolist() for part, part_rows in rows.items()}
    assert counts == {"train": [240, 42], "validation": [80, 14], "test": [80, 14]}


def test_thoracic_published_split_trains_on_all_rows_in_order(patients: Raw) -> None:
    rows = thoracic.split_rows(patients, {})
    assert list(rows) == ["train"]
    assert np.array_equal(rows["train"], np.arange(470))
