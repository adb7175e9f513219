"""What the normalization stores, on small synthetic data."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from stages import datasets, normalize
from stages.datasets import Raw, Split, forget, load_split, load_splits, thoracic

HOLDOUT = {"validation_size": 0.2, "random_state": 42, "scaling": "unit"}
FULL = {"validation_size": 7, "random_state": 42, "scaling": "unit"}
STANDARD = {"validation_size": 0.2, "random_state": 42, "scaling": "standard"}
CLEAN = {
    "test_size": 0.2,
    "validation_size": 0.2,
    "random_state": 42,
    "stratify": True,
    "columns_left_out": ["patient"],
    "scaling": "standard",
}
SINGLE = {"test_size": 0.25, "random_state": 42, "last_rows_validation": 0.1, "scaling": "standard"}


def images(seed: int = 0) -> Raw:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (100, 3, 4), dtype=np.uint8)
    x[:, 0, 0] = 9  # no variance
    return Raw(x, rng.integers(0, 10, 100, dtype=np.uint8), test_rows=np.arange(80, 100))


def table(target: str = "class") -> Raw:
    rng = np.random.default_rng(0)
    x = rng.normal([50, 3, -7], [20, 0.1, 4], (100, 3))
    return Raw(x, np.arange(100) % 4 // 3 if target == "class" else rng.normal(size=100), ["patient", "PRE4", "AGE"])


def store(folder: Path, dataset: str, raw: Raw, splits: dict[str, Any]) -> list[str]:
    return list(normalize.store_splits(dataset, raw, splits, folder / dataset))


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
    for part in datasets.PARTS:
        assert np.array_equal(split.x[part], scaler.transform(raw.x[split.rows[part]]).astype(np.float32))


def test_scaling_in_chunks_equals_scaling_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = images()
    whole = stored(tmp_path, "fashion_mnist", raw, STANDARD)
    whole_x = {part: np.array(x) for part, x in whole.x.items()}
    monkeypatch.setattr(normalize, "CHUNK_VALUES", 7 * 12)
    chunked = stored(tmp_path, "fashion_mnist", raw, STANDARD)
    assert np.allclose(chunked.scaling["offset"], whole.scaling["offset"], rtol=1e-12)
    assert np.allclose(chunked.scaling["scale"], whole.scaling["scale"], rtol=1e-12)
    for part in datasets.PARTS:
        assert np.allclose(chunked.x[part], whole_x[part], atol=1e-6)


def test_pixel_without_variance_is_centred_and_has_scale_1(tmp_path: Path) -> None:
    split = stored(tmp_path, "fashion_mnist", images(), STANDARD)
    assert split.scaling["offset"][0][0] == 9
    assert split.scaling["scale"][0][0] == 1
    assert not split.x["test"][:, 0, 0].any()
    assert np.shape(split.scaling["scale"]) == (3, 4)


def test_unit_scaling_divides_pixels_by_255_in_float32(tmp_path: Path) -> None:
    raw = images()
    split = stored(tmp_path, "fashion_mnist", raw, HOLDOUT)
    for part in datasets.PARTS:
        assert np.array_equal(split.x[part], raw.x[split.rows[part]].astype(np.float32) / np.float32(255))
    assert (split.scaling["offset"], split.scaling["scale"], split.scaling["scaling"]) == (0, 255, "unit")


def test_no_scaling_keeps_all_rows_and_columns_as_they_are(tmp_path: Path) -> None:
    raw = table()
    split = stored(tmp_path, "thoracic", raw, {"columns_left_out": [], "scaling": "none"})
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
        ("housing", table("value"), {"test_size": 0.25, "random_state": 1, "validation_size": 9, "scaling": "none"}),
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
    rows = datasets.module_of("housing").split_rows(table("value"), SINGLE)
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
    store(tmp_path, "thoracic", table(), {"a": plain, "b": plain | {"columns_left_out": []}, "c": plain})
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
    assert np.array_equal(datasets.normalize(raw.x[[row]], split.scaling), split.x["test"][3:4])


@pytest.mark.bad_input("params.yaml", "options of a split that cannot be followed")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({**CLEAN, "scaling": "minmax"}, r"datasets\.thoracic\.splits\.only\.scaling: .* got 'minmax'"),
        ({**CLEAN, "scaling": "unit"}, r"splits\.only\.scaling: expected one of standard, none for x of dtype float64"),
        ({}, r"splits\.only\.scaling: expected one of .* got None"),
        ({**CLEAN, "shuffle": 1}, r"splits\.only\.shuffle: expected only the options .*, got 1"),
        ({**CLEAN, "test_size": 2.0}, r"splits\.only\.test_size: expected a share .*, got 2\.0"),
        ({**CLEAN, "test_size": 0.9}, r"splits\.only: .*"),
        (
            {**CLEAN, "columns_left_out": ["DGN"]},
            r"splits\.only\.columns_left_out: .* patient, PRE4, AGE, got \['DGN'\]",
        ),
        ({**CLEAN, "columns_left_out": "patient"}, r"splits\.only\.columns_left_out: .* got 'patient'"),
        (
            {**CLEAN, "columns_left_out": ["AGE", "PRE4", "patient"]},
            r"splits\.only\.columns_left_out: expected a column to stay",
        ),
        (0.2, r"splits\.only: expected options by name, got 0\.2"),
        ({0: 1, "scaling": "none"}, r"splits\.only: expected options by name, got {0: 1, 'scaling': 'none'}"),
        ({**CLEAN, "repeats": 0}, r"splits\.only\.repeats: expected an integer from 1 to 1000, got 0"),
        ({**CLEAN, "repeats": "3"}, r"splits\.only\.repeats: expected an integer from 1 to 1000, got '3'"),
        ({"scaling": "none", "repeats": 3}, r"splits\.only\.repeats: expected a random_state beside it, got 3"),
        ({**HOLDOUT, "repeats": 3}, r"splits\.only\.repeats: expected a test_size beside it, got 3"),
    ],
)
def test_wrong_option_is_named_with_what_was_expected_and_got(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        store(tmp_path, "thoracic", table(), {"only": options})


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


def test_stage_reads_the_parameters_and_tells_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(thoracic, "read", lambda _: table())
    Path("params.yaml").write_text("datasets: {thoracic: {splits: {published: {scaling: none}}}}")
    normalize.main(["thoracic"])
    told = capsys.readouterr().out
    assert told == f"thoracic/published: train 100 rows in {Path('data/normalized/thoracic/published')}\n"
    assert len(load_split("thoracic", "published").x["train"]) == 100


@pytest.mark.bad_input("params.yaml", "structure that is not that of a data set")
@pytest.mark.parametrize(
    ("dataset", "params", "message"),
    [
        ("mnist", "{}", "datasets.mnist: expected a data set among"),
        ("thoracic", "{}", "datasets.thoracic.splits: expected at least one split"),
        ("thoracic", "datasets: [", "normalize: while parsing"),
        (
            "thoracic",
            "datasets: {thoracic: {splits: {../../x: {}}}}",
            "splits: expected names of a to z, 0 to 9 and _, got",
        ),
        ("../thoracic", "datasets: {../thoracic: {splits: {a: {}}}}", "expected a data set among"),
        ("thoracic", "datasets: {thoracic: {splits: {a: {scaling: none}}}}", "ThoraricSurgery.csv"),
    ],
)
def test_stage_ends_with_one_message_on_an_expected_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, params: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(params)
    with pytest.raises(SystemExit, match=message) as stop:
        normalize.main([dataset])
    assert isinstance(stop.value.code, str)
