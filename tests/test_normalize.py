"""The stored arrays of the splits, of small synthetic data."""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from stages import normalize
from stages.datasets import thoracic
from stages.datasets.spec import DatasetSpec, Feature, NewRows, Raw, RawFile
from stages.normalization import scaling as scaling_module
from stages.normalization.range import far_rows
from stages.normalization.rows import check_options, divide
from stages.normalization.scaling import normalize as normalized
from stages.splits import PARTS, Split, forget, load_split, load_splits

HOLDOUT = {"validation": {"rows": "random", "size": 0.2}, "random_state": 42, "scaling": "unit"}
FULL = {"validation": {"rows": "random", "size": 7}, "random_state": 42, "scaling": "unit"}
STANDARD = HOLDOUT | {"scaling": "standard"}
CLEAN = {
    "test": {"rows": "stratified", "size": 0.2},
    "validation": {"rows": "stratified", "size": 0.25},
    "random_state": 42,
    "columns_left_out": ["patient"],
    "scaling": "standard",
}
SINGLE = {
    "test": {"rows": "random", "size": 0.25},
    "validation": {"rows": "last", "size": 0.1},
    "random_state": 42,
    "scaling": "standard",
}
COLUMNS = ("patient", "PRE4", "AGE")


def spec(**changes: Any) -> DatasetSpec:
    """A data set of 100 rows: images, classes of columns or quantities of columns."""
    fields: dict[str, Any] = {
        "read": lambda _: table(),
        "files": (RawFile("a.csv", "0" * 64, 1),),
        "mirror": "mine",
        "rows": 100,
        "ranked_by": "accuracy",
    }
    return DatasetSpec(**fields | changes)


def specs() -> dict[str, DatasetSpec]:
    of_columns = {"features": tuple(map(Feature, COLUMNS)), "new_rows": NewRows(COLUMNS)}
    classes = {"classes": tuple(map(str, range(10))), "class_counts": tuple(np.bincount(images().y).tolist())}
    return {
        "fashion_mnist": spec(image_shape=(3, 4), test_rows=20, **classes),
        "thoracic": spec(classes=("survived", "died"), class_counts=(75, 25), **of_columns),
        "housing": spec(**of_columns),
    }


def images(seed: int = 0) -> Raw:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (100, 3, 4), dtype=np.uint8)
    x[:, 0, 0] = 9  # no variance
    return Raw(x, rng.integers(0, 10, 100, dtype=np.uint8))


def table(target: str = "class") -> Raw:
    rng = np.random.default_rng(0)
    x = rng.normal([50, 3, -7], [20, 0.1, 4], (100, 3))
    return Raw(x, np.arange(100) % 4 // 3 if target == "class" else rng.normal(size=100))


SPECS = specs()


@pytest.mark.parametrize(
    ("dataset", "raw"), [("fashion_mnist", images()), ("thoracic", table()), ("housing", table("value"))]
)
def test_the_synthetic_rows_are_as_their_spec_says(dataset: str, raw: Raw) -> None:
    assert SPECS[dataset].faults() == []
    SPECS[dataset].check(raw, "it")


def store(folder: Path, dataset: str, raw: Raw, splits: dict[str, Any]) -> list[str]:
    return list(normalize.store_splits(dataset, SPECS[dataset], raw, splits, folder / dataset))


def stored(folder: Path, dataset: str, raw: Raw, options: dict[str, Any]) -> Split:
    store(folder, dataset, raw, {"only": options})
    return load_split(dataset, "only", folder)


def with_row_changed(raw: Raw, row: int) -> Raw:
    x = raw.x.copy()
    x[row] = x[row] // 2 + 1
    return dataclasses.replace(raw, x=x)


@pytest.mark.parametrize(
    ("dataset", "raw", "options"),
    [("fashion_mnist", images(), STANDARD), ("thoracic", table(), CLEAN), ("housing", table("value"), SINGLE)],
)
def test_scaling_is_fitted_on_training_rows_only(
    tmp_path: Path, dataset: str, raw: Raw, options: dict[str, Any]
) -> None:
    split = stored(tmp_path, dataset, raw, options)
    for part, changes in {"train": True, "validation": False, "test": False}.items():
        changed = stored(tmp_path, dataset, with_row_changed(raw, int(split.rows[part][0])), options)
        assert (changed.scaling != split.scaling) is changes


def test_standard_scaling_is_scikit_learn_s(tmp_path: Path) -> None:
    raw = table("value")
    split = stored(tmp_path, "housing", raw, SINGLE)
    scaler = StandardScaler().fit(raw.x[split.rows["train"]])
    assert split.scaling["offset"] == scaler.mean_.tolist()
    assert split.scaling["scale"] == scaler.scale_.tolist()
    for part in PARTS:
        assert np.array_equal(split.x[part], scaler.transform(raw.x[split.rows[part]]).astype(np.float32))


def test_scaling_in_chunks_equals_scaling_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = images()
    whole = stored(tmp_path, "fashion_mnist", raw, STANDARD)
    whole_x = {part: np.array(x) for part, x in whole.x.items()}
    monkeypatch.setattr(scaling_module, "CHUNK_VALUES", 7 * 12)
    chunked = stored(tmp_path, "fashion_mnist", raw, STANDARD)
    assert np.allclose(chunked.scaling["offset"], whole.scaling["offset"], rtol=1e-12)
    assert np.allclose(chunked.scaling["scale"], whole.scaling["scale"], rtol=1e-12)
    for part in PARTS:
        assert np.allclose(chunked.x[part], whole_x[part], atol=1e-6)


def test_the_range_is_that_of_the_training_rows_not_scaled(tmp_path: Path) -> None:
    raw = table()
    split = stored(tmp_path, "thoracic", raw, CLEAN)
    x = raw.x[split.rows["train"]]
    assert split.scaling["range"] == {
        name: [x[:, column].min(), x[:, column].max()] for column, name in ((1, "PRE4"), (2, "AGE"))
    }


def test_the_range_of_images_is_that_of_mean_contrast_and_border(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = images()
    split = stored(tmp_path, "fashion_mnist", raw, HOLDOUT)
    x = raw.x[split.rows["train"]].astype(np.float64)
    inner = np.zeros((3, 4), bool)
    inner[1, 1:3] = True
    for name, values in {
        "mean": x.mean(axis=(1, 2)),
        "contrast": x.std(axis=(1, 2)),
        "border": x[:, ~inner].mean(axis=1),
    }.items():
        np.testing.assert_allclose(split.scaling["range"][name], [values.min(), values.max()], rtol=1e-12)
    monkeypatch.setattr(scaling_module, "CHUNK_VALUES", 7 * 12)
    assert stored(tmp_path, "fashion_mnist", raw, HOLDOUT).scaling == split.scaling


def test_rows_are_far_beyond_a_twentieth_of_the_range(tmp_path: Path) -> None:
    x = np.array([[-11, 7], [-11.01, 7], [11, 7], [11.01, 7.01], [np.inf, 7]])
    far = far_rows(x, ["a", "same"], {"a": [-10, 10], "same": [7, 7]})
    assert {name: rows.tolist() for name, (rows, _) in far.items()} == {"a": [1, 3, 4], "same": [3]}
    assert far["a"][1].tolist() == [-11.01, 11.01, np.inf]
    assert far_rows(x[:1], ["a", "same"], {"a": [0, 100], "same": [7, 7]})["a"][0].tolist() == [0]  # none is negative


def test_pixel_without_variance_is_centred_and_has_scale_1(tmp_path: Path) -> None:
    split = stored(tmp_path, "fashion_mnist", images(), STANDARD)
    assert split.scaling["offset"][0][0] == 9
    assert split.scaling["scale"][0][0] == 1
    assert not split.x["test"][:, 0, 0].any()
    assert np.shape(split.scaling["scale"]) == (3, 4)


def test_unit_scaling_divides_pixels_by_255_in_float32(tmp_path: Path) -> None:
    raw = images()
    split = stored(tmp_path, "fashion_mnist", raw, HOLDOUT)
    for part in PARTS:
        assert np.array_equal(split.x[part], raw.x[split.rows[part]].astype(np.float32) / np.float32(255))
    assert (split.scaling["offset"], split.scaling["scale"], split.scaling["scaling"]) == (0, 255, "unit")


def test_no_scaling_keeps_all_rows_and_columns_as_they_are(tmp_path: Path) -> None:
    raw = table()
    split = stored(tmp_path, "thoracic", raw, {"scaling": "none"})
    assert list(split.x) == ["train"]
    assert np.array_equal(split.x["train"], raw.x.astype(np.float32))
    assert np.array_equal(split.y["train"], raw.y)


def test_columns_left_out_are_in_neither_x_nor_scaling(tmp_path: Path) -> None:
    split = stored(tmp_path, "thoracic", table(), CLEAN)
    assert split.scaling["features"] == ["PRE4", "AGE"]
    assert split.x["train"].shape == (60, 2)
    assert np.allclose(split.x["train"].mean(axis=0), 0, atol=1e-6)
    assert np.allclose(split.x["train"].std(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("dataset", "raw", "options"),
    [
        ("fashion_mnist", images(), HOLDOUT),
        ("thoracic", table(), CLEAN),
        ("housing", table("value"), SINGLE),
        (
            "housing",
            table("value"),
            {
                "test": {"rows": "group", "size": 0.25, "column": "AGE"},
                "validation": {"rows": "random", "size": 9},
                "random_state": 1,
                "scaling": "none",
            },
        ),
    ],
)
def test_every_row_is_in_one_part_with_its_own_target(
    tmp_path: Path, dataset: str, raw: Raw, options: dict[str, Any]
) -> None:
    split = stored(tmp_path, dataset, raw, options)
    assert np.array_equal(np.sort(np.concatenate(list(split.rows.values()))), np.arange(100))
    for part, rows in split.rows.items():
        assert np.array_equal(split.y[part], raw.y[rows].astype(split.y[part].dtype))


def test_stratified_parts_have_equal_shares_of_the_label(tmp_path: Path) -> None:
    split = stored(tmp_path, "thoracic", table(), CLEAN)
    assert {part: (len(y), int(y.sum())) for part, y in split.y.items()} == {
        "validation": (20, 5),
        "train": (60, 15),
        "test": (20, 5),
    }


def test_last_rows_validation_is_the_end_of_the_training_rows() -> None:
    rows = divide(SPECS["housing"], table("value"), SINGLE)
    rest, test = train_test_split(np.arange(100), random_state=42)
    assert np.array_equal(np.concatenate([rows["train"], rows["validation"]]), rest)
    assert np.array_equal(rows["test"], test)
    assert len(rows["train"]) == int(75 * 0.9)


def test_dtypes_are_float32_inputs_and_int32_classes_or_float32_quantities(tmp_path: Path) -> None:
    split = stored(tmp_path, "fashion_mnist", images(), HOLDOUT)
    assert (split.x["train"].dtype, split.y["train"].dtype, split.rows["train"].dtype) == (
        np.float32,
        np.int32,
        np.int32,
    )
    assert stored(tmp_path, "housing", table("value"), SINGLE).y["train"].dtype == np.float32


def test_loaded_arrays_are_views_of_the_files(tmp_path: Path) -> None:
    split = stored(tmp_path, "fashion_mnist", images(), HOLDOUT)
    for arrays in (split.x, split.y, split.rows):
        bases = {id(array.base) for array in arrays.values()}
        assert all(isinstance(array, np.memmap) for array in arrays.values())
        assert len(bases) == 1
        assert all(array.flags.c_contiguous for array in arrays.values())
        assert {array.mode for array in arrays.values() if isinstance(array, np.memmap)} == {
            "c"
        }  # no write reaches them


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system may keep what is forgotten")
def test_a_forgotten_array_is_read_from_its_file_again(tmp_path: Path) -> None:
    x = stored(tmp_path, "fashion_mnist", images(), HOLDOUT).x["train"]
    stored_values = x.copy()
    x[:] = -1  # in memory alone
    assert (x == -1).all()
    forget(x)
    assert np.array_equal(x, stored_values)


def test_what_is_no_file_is_not_forgotten() -> None:
    array = np.arange(3.0)
    forget(array[1:])
    assert array.tolist() == [0, 1, 2]


def test_splits_of_the_same_rows_and_scaling_are_stored_once(tmp_path: Path) -> None:
    raw = images()
    lines = store(tmp_path, "fashion_mnist", raw, {"holdout": HOLDOUT, "standard": STANDARD, "full": FULL})
    folder = tmp_path / "fashion_mnist"
    assert sorted(path.name for path in folder.iterdir()) == ["holdout", "splits.json", "standard"]
    index = json.loads((folder / "splits.json").read_text())
    assert index["full"] == {
        "arrays": "holdout",
        "parts": {"validation": [0, 7], "train": [7, 80], "test": [80, 100]},
    }
    full = load_split("fashion_mnist", "full", tmp_path)
    train, validation = train_test_split(np.arange(80), test_size=7, random_state=42)
    assert np.array_equal(full.rows["train"], train)
    assert np.array_equal(full.rows["validation"], validation)
    assert lines[2] == f"fashion_mnist/full: validation 7, train 73, test 20 rows in {folder / 'holdout'}"


def test_splits_of_other_columns_are_stored_apart(tmp_path: Path) -> None:
    plain = CLEAN | {"scaling": "none"}
    store(
        tmp_path,
        "thoracic",
        table(),
        {"a": plain, "b": {key: value for key, value in plain.items() if key != "columns_left_out"}, "c": plain},
    )
    index = json.loads((tmp_path / "thoracic" / "splits.json").read_text())
    assert {split: entry["arrays"] for split, entry in index.items()} == {"a": "a", "b": "b", "c": "a"}


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for run in ("first", "second"):
        store(tmp_path / run, "thoracic", table(), {"clean": CLEAN, "raw": {"scaling": "none"}})
        files = sorted(path for path in (tmp_path / run).rglob("*") if path.is_file())
        contents.append({str(path.relative_to(tmp_path / run)): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 9


def test_new_input_is_normalized_like_the_stored_ones(tmp_path: Path) -> None:
    raw = table("value")
    split = stored(tmp_path, "housing", raw, SINGLE)
    row = int(split.rows["test"][3])
    assert np.array_equal(normalized(raw.x[[row]], split.scaling), split.x["test"][3:4])


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": {"rows": "first", "size": 100}}, r"test\.size: expected a share .* from 1 to 99, got 100"),
        ({"test": {"rows": "stratified", "size": 2.0}}, r"test\.size: expected a share .*, got 2\.0"),
        ({"test": {"rows": "stratified", "size": 0.99}}, r"test\.size: expected a size that can be drawn, got 0\.99 "),
        ({"train": {"rows": "first", "size": 80}}, r"train\.size: expected a share .* from 1 to 79, got 80"),
        ({"test": {"rows": "group", "size": 1000, "column": "AGE"}}, r"test\.size: .* a number of groups from 1 to 99"),
        ({"test": {"rows": "time", "size": 0.999, "column": "AGE"}}, r"test\.size: expected rows in the part and rows"),
    ],
)
def test_wrong_option_is_named_with_what_was_expected_and_got(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"^datasets\.thoracic\.splits\.only\.{message}"):
        store(tmp_path, "thoracic", table(), {"only": CLEAN | changes})


def test_a_repeated_split_is_drawn_anew_by_the_next_random_states(tmp_path: Path) -> None:
    told = store(tmp_path, "thoracic", table(), {"clean": {**CLEAN, "repeats": 3}})
    assert len(told) == 1
    splits = load_splits("thoracic", "clean", tmp_path)
    for number, split in enumerate(splits):
        alone = stored(tmp_path / str(number), "thoracic", table(), {**CLEAN, "random_state": 42 + number})
        for part in ("train", "validation", "test"):
            assert np.array_equal(split.rows[part], alone.rows[part])
            assert np.array_equal(split.x[part], alone.x[part])  # scaled by its own training rows
    assert len({split.rows["test"].tobytes() for split in splits}) == 3


def test_a_split_that_is_not_repeated_is_one(tmp_path: Path) -> None:
    store(tmp_path, "thoracic", table(), {"clean": CLEAN})
    assert len(load_splits("thoracic", "clean", tmp_path)) == 1
    with pytest.raises(ValueError, match="expected a split among clean, got 'dirty'"):
        load_splits("thoracic", "dirty", tmp_path)


def test_unknown_split_is_named(tmp_path: Path) -> None:
    store(tmp_path, "thoracic", table(), {"clean": CLEAN})
    with pytest.raises(ValueError, match=r"datasets\.thoracic\.splits: expected a split among clean, got 'dirty'"):
        load_split("thoracic", "dirty", tmp_path)


def lay_splits(dataset: str, splits: Any) -> None:
    """Lay the options where `stages.configure` leaves them, in the current folder."""
    normalize.SPLITS.mkdir(parents=True, exist_ok=True)
    (normalize.SPLITS / f"{dataset}.json").write_text(json.dumps(splits), encoding="utf-8")


def read_by(monkeypatch: pytest.MonkeyPatch, raw: Raw) -> None:
    made = dataclasses.replace(SPECS["thoracic"], read=lambda _: raw)
    monkeypatch.setattr(thoracic, "SPEC", made)


def test_stage_reads_the_options_and_tells_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    read_by(monkeypatch, table())
    lay_splits("thoracic", {"published": {"scaling": "none"}, "clean": CLEAN | {"repeats": 3}})
    normalize.main(["thoracic"])
    folder = Path("data/normalized/thoracic")
    assert capsys.readouterr().out.splitlines() == [
        f"thoracic/published: train 100 rows in {folder / 'published'}",
        f"thoracic/clean: validation 20, train 60, test 20 rows in {folder / 'clean'}, 3 times",
    ]
    assert len(load_split("thoracic", "published").x["train"]) == 100
    assert sorted(os.listdir(folder)) == ["clean", "clean-1", "clean-2", "published", "splits.json"]


@pytest.mark.bad_input("params.yaml", "structure that is not that of a data set")
@pytest.mark.parametrize(
    ("dataset", "content", "message"),
    [
        ("mnist", "{}", r"datasets\.mnist: expected a data set among .*, got 'mnist'"),
        ("../thoracic", "{}", r"datasets\.\.\./thoracic: expected a data set among"),
        ("thoracic", None, "No such file or directory: .*thoracic.json"),
        ("thoracic", "{", "Expecting property name"),
        ("thoracic", '{"a": {"scaling": "none"}}', r"ThoraricSurgery\.csv"),
    ],
)
def test_stage_ends_with_one_message_on_an_expected_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, content: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    normalize.SPLITS.mkdir(parents=True)
    if content is not None:
        (normalize.SPLITS / "thoracic.json").write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"^normalize: .*{message}") as stop:
        normalize.main([dataset])
    assert isinstance(stop.value.code, str)
    assert len(stop.value.code.splitlines()) == 1
    assert not Path("data/normalized").exists()


@pytest.mark.bad_input("a data set's module", "a reader that gives other rows than the spec says")
def test_stage_stores_no_rows_that_are_not_as_the_spec_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read_by(monkeypatch, Raw(table().x[:, :2], table().y))
    lay_splits("thoracic", {"published": {"scaling": "none"}})
    with pytest.raises(
        SystemExit, match=r"^normalize: stages/datasets/thoracic\.py, SPEC\.read: expected x and y of shapes \(100, 3\)"
    ):
        normalize.main(["thoracic"])
    assert not Path("data/normalized").exists()


def test_stratified_rows_beside_rows_by_position_are_not_refused_for_the_order_of_blank_rows() -> None:
    columns = {"features": tuple(map(Feature, COLUMNS)), "new_rows": NewRows(COLUMNS)}
    two_classes = spec(test_rows=39, **columns, classes=("a", "b"), class_counts=(60, 40))
    options = {"validation": {"rows": "stratified", "size": 0.2}, "random_state": 0, "scaling": "standard"}
    check_options(two_classes, options)
    y = np.random.default_rng(0).permutation(np.repeat([0, 1], [60, 40]))
    parts = divide(two_classes, Raw(np.zeros((100, len(COLUMNS))), y), options)
    assert {part: len(rows) for part, rows in parts.items()} == {"test": 39, "validation": 13, "train": 48}
