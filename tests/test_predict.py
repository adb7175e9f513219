"""Predicting new rows and test rows: what is printed and said, with tiny models that are trained here."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from new_rows import BLOCK_GROUPS, FASHION_MNIST, GRAY, HOUSING, THORACIC, images_of_fashion_mnist, png, table

from stages import predict
from stages.datasets.spec import Target, spec_of
from stages.normalization.range import far_rows, fit_range
from stages.normalization.scaling import normalize
from stages.prediction.far import warnings_of
from stages.prediction.files import Read
from stages.splits import Split, load_splits
from stages.training import estimators, import_tensorflow
from stages.training.recipe import Recipe

# TensorFlow is set up once for all tests of a session, before the first one uses it.
pytestmark = pytest.mark.usefixtures("deterministic")

IMAGES = FASHION_MNIST
IMAGE_SCALING = {
    "dataset": "fashion_mnist",
    "features": [],
    "offset": 3,
    "scale": 255,
    "scaling": "unit",
    # of the 48,000 training images of the split `holdout`
    "range": {"mean": [4.94, 187.21], "contrast": [16.53, 121.29], "border": [0, 96.78]},
}
HOUSING_SCALING = {
    "dataset": "housing",
    "features": HOUSING.feature_names,
    "offset": [4, 28, 5, 1, 1400, 3, 35, -119],
    "scale": [2, 12, 2, 0.5, 1100, 4, 2, 2],
    # of the 13,932 training rows of the split `single`
    "range": {
        "MedInc": [0.5, 15],
        "HouseAge": [1, 52],
        "AveRooms": [0.89, 141.91],
        "AveBedrms": [0.33, 25.64],
        "Population": [5, 35682],
        "AveOccup": [0.69, 1243.33],
        "Latitude": [32.55, 41.95],
        "Longitude": [-124.35, -114.31],
    },
}
PATIENT_FEATURES = THORACIC.feature_names[1:]  # without the patient's number, as in the clean split
PATIENT_SCALING = {
    "dataset": "thoracic",
    "features": PATIENT_FEATURES,
    "offset": list(range(16)),
    "scale": [2.0] * 16,
}
TWO_OUTPUTS: Recipe = {
    "seed": 1,
    "seeds": 1,
    "dataset": "housing",
    "split": "tiny",
    "graph": {
        "class": "wide_and_deep",
        "hidden_layers": 1,
        "units": 3,
        "activation": "relu",
        "auxiliary_output": True,
    },
    "inputs": {"wide": [0, 1, 2], "deep": [2, 3, 4, 5, 6, 7]},
    "optimizer": {"class": "SGD", "learning_rate": 0.001},
    "loss": {"class": "MeanSquaredError"},
    "loss_weights": {"main": 0.9, "auxiliary": 0.1},
    "batch_size": 8,
    "jit_compile": True,
    "epochs": 1,
}
LOGISTIC: Recipe = {"dataset": "thoracic", "split": "tiny", "estimator": {"class": "LogisticRegression"}}


def keep(folder: Path, recipe: Mapping[str, Any], scaling: dict[str, Any]) -> None:
    (folder / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    (folder / "scaling.json").write_text(json.dumps(scaling), encoding="utf-8")


def tiny_split(features: int, y: np.ndarray, scaling: dict[str, Any]) -> Split:
    x = np.random.default_rng(0).normal(size=(len(y), features)).astype(np.float32)
    rows = np.arange(len(y), dtype=np.int32)
    parts = ("train", "validation", "test")
    return Split(dict.fromkeys(parts, x), dict.fromkeys(parts, y), dict.fromkeys(parts, rows), scaling)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the trained variants `images`, `two_outputs` and `logistic`."""
    import_tensorflow()
    import keras
    from small import train_once

    folder = tmp_path_factory.mktemp("models")
    for name in ("images", "two_outputs", "logistic"):
        (folder / name).mkdir()
    keras.utils.set_random_seed(0)
    x = keras.Input((28, 28))
    outputs = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x))
    keras.Model(x, outputs).save(folder / "images" / "model.keras")
    loss = {"class": "SparseCategoricalCrossentropy"}
    images = {"dataset": "fashion_mnist", "split": "tiny", "loss": loss, "jit_compile": True}
    keep(folder / "images", images, IMAGE_SCALING)
    values = np.linspace(0.5, 5, 20, dtype=np.float32)
    split = tiny_split(8, values, HOUSING_SCALING)
    train_once(TWO_OUTPUTS, split, folder / "two_outputs", 1, "two_outputs")
    keep(folder / "two_outputs", TWO_OUTPUTS, HOUSING_SCALING)
    split = tiny_split(16, np.arange(20, dtype=np.int32) % 2, PATIENT_SCALING)
    train_once(LOGISTIC, split, folder / "logistic", 1, "logistic")
    keep(folder / "logistic", LOGISTIC, PATIENT_SCALING)
    return folder


def printed(capsys: pytest.CaptureFixture[str], models: Path, variant: str, *files: Path) -> pd.DataFrame:
    predict.main([variant, *map(str, files), "--models", str(models)])
    return pd.read_csv(io.StringIO(capsys.readouterr().out))


def patients(rows: int = 3) -> pd.DataFrame:
    values = np.random.default_rng(1).normal(8, 4, (rows, 16))
    return pd.DataFrame(values, columns=PATIENT_FEATURES)


def in_usd(models: Path, raw: pd.DataFrame) -> list[np.ndarray]:
    import keras

    assert HOUSING.new_rows is not None
    assert HOUSING.new_rows.derive is not None
    x = normalize(HOUSING.new_rows.derive(raw), HOUSING_SCALING)
    model = keras.models.load_model(models / "two_outputs" / "model.keras")
    outputs = model([x[:, columns] for columns in TWO_OUTPUTS["inputs"].values()])
    return [np.asarray(output, dtype=np.float64)[:, 0] * 100_000 for output in outputs]


def test_image_is_predicted_as_its_normalized_array(models, tmp_path, capsys):
    import keras

    files = [png(tmp_path / "a.png", GRAY), png(tmp_path / "b, turned.png", GRAY.T)]
    got = printed(capsys, models, "images", *files)
    x = ((np.stack([GRAY, GRAY.T]) - 3.0) / 255).astype(np.float32)
    expected = np.asarray(keras.models.load_model(models / "images" / "model.keras")(x))
    assert list(got.columns) == ["file", "class", "probability", *IMAGES.classes]
    np.testing.assert_allclose(got[list(IMAGES.classes)], expected, atol=1e-6)
    np.testing.assert_allclose(got["probability"], expected.max(axis=1), atol=1e-6)
    assert list(got["class"]) == [IMAGES.classes[index] for index in expected.argmax(axis=1)]
    assert list(got["file"]) == [str(file) for file in files]


ON_BLACK = np.pad(np.full((14, 14), 200, np.uint8), 7)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said since the last time."""
    lines = caplog.messages
    caplog.clear()
    return list(lines)


@pytest.mark.bad_input("predict", "rows far from the training rows: in other units, exchanged, inverted")
@pytest.mark.parametrize(
    ("image", "statistics"),
    [
        (ON_BLACK, []),
        (np.pad(np.full((24, 9), 220, np.uint8), ((4, 0), (10, 9))), []),  # a thing that touches the border
        (255 - ON_BLACK, ["mean", "border"]),
        (ON_BLACK // 255, ["contrast"]),
        (ON_BLACK // 10, ["contrast"]),
        (np.zeros((28, 28), np.uint8), ["contrast"]),
        (np.full((28, 28), 255, np.uint8), ["mean", "contrast", "border"]),
        (255 - ON_BLACK // 4, ["mean", "border"]),
    ],
    ids=["as the data", "at the border", "negative", "0 to 1", "low contrast", "black", "white", "light ground"],
)
def test_images_far_from_the_training_images_are_predicted_with_a_warning(
    image, statistics, models, tmp_path, capsys, caplog
):
    path = png(tmp_path / "x.png", image)
    assert len(printed(capsys, models, "images", path)) == 1
    lines = said(caplog)
    assert [line.partition(":")[2].partition(": expected about ")[0] for line in lines] == [
        f" {path}, {name}" for name in statistics
    ]
    assert all(line.startswith("warning: ") for line in lines)
    assert any("ImageOps.invert" in line for line in lines) == ("border" in statistics)


@pytest.mark.bad_input("predict", "rows far from the training rows: in other units, exchanged, inverted")
@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, {}),
        ({"medianIncome": 15.7}, {}),  # less than a twentieth of the range beyond it
        ({"population": 2}, {}),
        ({"medianIncome": -0.2}, {"MedInc": "0.5 to 15 (10,000 USD a year), as in the training rows, got -0.2"}),
        (
            {"population": -1500},
            {
                "Population": "5 to 35682 (people), as in the training rows, got -1500",
                "AveOccup": "0.69 to 1243.33 (people per household), as in the training rows, got -11.9048",
            },
        ),
        ({"medianIncome": 83252}, {"MedInc": "0.5 to 15 (10,000 USD a year), as in the training rows, got 83252"}),
        (
            {"longitude": 37.88, "latitude": -122.23},
            {
                "Latitude": "32.55 to 41.95 (degrees north), as in the training rows, got -122.23",
                "Longitude": "-124.35 to -114.31 (degrees east), as in the training rows, got 37.88",
            },
        ),
    ],
)
def test_a_column_far_from_the_training_rows_is_warned_of_once(changes, warned, models, tmp_path, capsys, caplog):
    path = table(tmp_path / "x.csv", pd.concat([BLOCK_GROUPS, BLOCK_GROUPS.assign(**changes)]))
    assert len(printed(capsys, models, "two_outputs", path)) == 4
    assert said(caplog) == [
        f"warning: {path}, line 4, {name}: expected about {text}, and 1 more row" for name, text in warned.items()
    ]


@pytest.mark.bad_input("predict", "rows far from the training rows: in other units, exchanged, inverted")
def test_patients_of_600_years_and_lung_volumes_in_centiliters_are_warned_of():
    features = ["PRE4", "PRE7", "AGE"]
    scaling = {"features": features, "range": {"PRE4": [1.44, 6.3], "PRE7": [0, 0], "AGE": [37, 87]}}
    x = np.array([[2.88, 0, 60], [288, 0, 600], [6.5, 1, 85]])
    read = Read(pd.DataFrame({"file": ["x"] * 3}), ["x, line 2", "x, line 3", "x, line 4"], x)
    assert warnings_of(read, THORACIC, scaling) == [
        "warning: x, line 3, PRE4: expected about 1.44 to 6.3 (liters), as in the training rows, got 288",
        "warning: x, line 4, PRE7: expected a whole number, about 0 to 0, as in the training rows, got 1",
        "warning: x, line 3, AGE: expected about 37 to 87 (years), as in the training rows, got 600",
    ]


@pytest.mark.bad_input("predict", "rows far from the training rows: in other units, exchanged, inverted")
def test_fractions_of_codes_are_warned_of() -> None:
    features = ["DGN", "PRE10", "AGE"]
    scaling = {"features": features, "range": {"DGN": [1, 8], "PRE10": [0, 1], "AGE": [37, 87]}}
    x = np.array([[2.5, 1, 60.5], [3, 0.5, 60]])
    read = Read(pd.DataFrame({"file": ["x"] * 2}), ["x, line 2", "x, line 3"], x)
    assert warnings_of(read, THORACIC, scaling) == [
        "warning: x, line 2, DGN: expected a whole number, about 1 to 8, as in the training rows, got 2.5",
        "warning: x, line 3, PRE10: expected a whole number, about 0 to 1, as in the training rows, got 0.5",
    ]


def test_models_without_a_range_are_predicted_without_warnings(models, tmp_path, capsys, caplog):
    printed(capsys, models, "logistic", table(tmp_path / "x.csv", patients() * 1000))
    assert said(caplog) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "split", "repeats", "most"),
    [
        ("fashion_mnist", "holdout", 1, 0.0001),
        ("fashion_mnist", "first_1000", 1, 0.003),
        ("housing", "single", 1, 0.0002),
        ("thoracic", "clean", 1, 0),
        ("thoracic", "clean", 30, 0.016),  # 94 test rows each; many have a value that 282 training rows do not
    ],
)
def test_few_of_the_test_rows_are_far_from_the_training_rows(dataset, split, repeats, most):
    data = Path(__file__).resolve().parents[1] / "data"
    if not (data / "normalized" / dataset / "splits.json").exists():
        pytest.skip(f"no normalized rows of {dataset} here")
    spec = spec_of(dataset)
    raw, shares = spec.read(data / "raw" / dataset).x, []
    for stored in load_splits(dataset, split, data / "normalized", inputs=False)[:repeats]:
        features = stored.scaling["features"]
        x = raw[:, [spec.feature_names.index(name) for name in features]] if features else raw
        limits = fit_range(x[stored.rows["train"]], features)
        far = far_rows(x[stored.rows["test"]], features, limits)
        shares.append(len({row for rows, _ in far.values() for row in rows}) / len(stored.rows["test"]))
    assert len(shares) == repeats
    assert np.mean(shares) <= most


@pytest.mark.slow
def test_all_negatives_of_the_data_sets_images_are_far_and_all_with_pixels_from_0_to_1():
    raw_images = images_of_fashion_mnist()
    train, test = raw_images[:60_000], raw_images[60_000:]
    limits = fit_range(train, [])
    for wrong in (255 - test, test // 255, test // 255 * 255 // 10):
        far = far_rows(wrong, [], limits)
        assert len(np.unique(np.concatenate([rows for rows, _ in far.values()]))) == len(test)


def test_house_values_are_the_models_outputs_in_usd(models, tmp_path, capsys):
    got = printed(capsys, models, "two_outputs", table(tmp_path / "x.csv", BLOCK_GROUPS))
    main, auxiliary = in_usd(models, BLOCK_GROUPS)
    assert list(got.columns) == ["file", "row", "median_house_value_usd", "auxiliary_median_house_value_usd"]
    np.testing.assert_allclose(got["median_house_value_usd"], main, atol=0.02)
    np.testing.assert_allclose(got["auxiliary_median_house_value_usd"], auxiliary, atol=0.02)


@pytest.mark.parametrize(
    ("target", "column", "value"),
    [
        (Target(), "target", 0.25),
        (Target("weight", unit="kg"), "weight", 0.25),
        (Target("weight", unit="kg", report_unit="g", report_scale=1000), "weight_g", 250),
        (Target("load", unit="MW", report_unit="kWh / day", report_scale=24_000), "load_kwh_day", 6000),
    ],
)
def test_a_quantity_is_printed_in_the_unit_for_reports(target, column, value):
    outputs = {"main": np.array([[0.25]], np.float32)}
    got = predict.tabulate(outputs, replace(HOUSING, target=target))
    pd.testing.assert_frame_equal(got, pd.DataFrame({column: [float(value)]}))


def test_rows_are_counted_from_1_in_each_file(models, tmp_path, capsys):
    files = [table(tmp_path / name, BLOCK_GROUPS) for name in ("x.csv", "y.csv")]
    got = printed(capsys, models, "two_outputs", *files)
    assert list(got["row"]) == [1, 2, 1, 2]
    assert list(got["file"]) == [str(files[0])] * 2 + [str(files[1])] * 2


def test_order_of_the_columns_and_those_not_read_do_not_matter(models, tmp_path, capsys):
    raw = patients()
    plain = printed(capsys, models, "logistic", table(tmp_path / "x.csv", raw))
    more = raw.assign(label="", patient="Smith")
    turned = printed(capsys, models, "logistic", table(tmp_path / "x.csv", more[more.columns[::-1]]))
    pd.testing.assert_frame_equal(plain, turned)
    values = BLOCK_GROUPS.assign(medianHouseValue=1)
    plain = printed(capsys, models, "two_outputs", table(tmp_path / "x.csv", BLOCK_GROUPS))
    turned = printed(capsys, models, "two_outputs", table(tmp_path / "x.csv", values[values.columns[::-1]]))
    pd.testing.assert_frame_equal(plain, turned)


def test_estimator_gives_the_probability_of_death(models, tmp_path, capsys):
    raw = patients(20)
    got = printed(capsys, models, "logistic", table(tmp_path / "x.csv", raw))
    x = (raw.to_numpy() - np.arange(16)) / 2
    estimator = estimators.load_estimator(models / "logistic")
    expected = estimator.predict_proba(x.astype(np.float32))[:, 1]
    assert list(got.columns) == ["file", "row", "class", "probability_died"]
    np.testing.assert_allclose(got["probability_died"], expected, atol=1e-6)
    assert list(got["class"]) == ["died" if probability > 0.5 else "survived" for probability in expected]
    assert got["class"].nunique() == 2


@pytest.mark.bad_input("table to predict", "another kind of file, or of encoding")
def test_kind_of_file_that_the_variant_does_not_read_is_told(models, tmp_path):
    image, rows = png(tmp_path / "x.png", GRAY), table(tmp_path / "x.csv", BLOCK_GROUPS)
    for variant in ("two_outputs", "logistic"):
        with pytest.raises(
            SystemExit, match=r"x\.png: expected a table, since the variant reads tables, got a PNG image"
        ):
            predict.main([variant, str(image), "--models", str(models)])
    with pytest.raises(SystemExit, match=r"x\.csv: expected a picture, since the variant reads images, got a file"):
        predict.main(["images", str(rows), "--models", str(models)])


@pytest.mark.bad_input("table to predict", "values that give no features")
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("households", 0, "line 3, households: expected more than 0, got 0"),
        ("medianIncome", 1e300, "line 3: expected numbers that float32 can hold, got a larger one"),
    ],
)
def test_block_group_that_has_no_features_is_refused(column, value, message, models, tmp_path, capsys):
    raw = BLOCK_GROUPS.astype(float)
    raw.loc[1, column] = value
    path = table(tmp_path / "x.csv", raw)
    with pytest.raises(SystemExit, match=rf"{message}\nnothing is predicted; `--skip-bad` predicts the others"):
        printed(capsys, models, "two_outputs", path)
    predict.main(["two_outputs", str(path), "--skip-bad", "--models", str(models)])
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{path},1,")


@pytest.mark.bad_input("predict", "bad rows and files among good ones")
def test_ten_bad_rows_are_named_and_the_others_predicted_if_asked(models, tmp_path, capsys, caplog):
    good = BLOCK_GROUPS.to_csv(index=False)
    bad = table(tmp_path / "bad.csv", good + 14 * "a,b\n" + good.splitlines()[1] + "\n")
    files = [str(bad), str(tmp_path / "none.csv"), str(table(tmp_path / "x.csv", BLOCK_GROUPS))]
    with pytest.raises(SystemExit) as stopped:
        predict.main(["two_outputs", *files, "--models", str(models)])
    lines = str(stopped.value).splitlines()
    assert lines[0] == f"{bad}, line 4: expected 8 columns, got 2"
    assert lines[9:] == [
        f"{bad}, line 13: expected 8 columns, got 2",
        "and 5 more",
        "nothing is predicted; `--skip-bad` predicts the others",
    ]
    assert capsys.readouterr().out == ""
    predict.main(["two_outputs", *files, "--skip-bad", "--models", str(models)])
    got = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(got["row"]) == [1, 2, 17, 1, 2]
    assert len(said(caplog)) == 15
    with pytest.raises(SystemExit, match=r"none\.csv: expected a file to read, got: No such file or directory$"):
        predict.main(["two_outputs", str(tmp_path / "none.csv"), "--skip-bad", "--models", str(models)])


def test_what_is_read_tolerantly_is_said_beside_the_output(models, tmp_path, capsys, caplog):
    path = table(tmp_path / "x.csv", BLOCK_GROUPS.to_csv(index=False, sep=";"))
    plain = printed(capsys, models, "two_outputs", table(tmp_path / "plain.csv", BLOCK_GROUPS))
    pd.testing.assert_frame_equal(printed(capsys, models, "two_outputs", path).iloc[:, 1:], plain.iloc[:, 1:])
    assert said(caplog) == [f"{path}: read columns separated by semicolons"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are no bytes there")
def test_a_files_name_may_be_any_bytes(models, tmp_path, capsys):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    png(path, GRAY)
    assert printed(capsys, models, "images", path)["file"][0].endswith(r"/\udcff.png")


def test_tensorflow_is_imported_for_keras_models_alone(models, tmp_path):
    path = table(tmp_path / "x.csv", patients())
    code = (
        "import sys; from stages import predict;"
        f"predict.main(['logistic', {str(path)!r}, '--models', {str(models)!r}]);"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


# Test rows


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Normalized rows of the split `tiny` of each data set in the current folder: two of validation, five of test."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for scaling, shape in ((IMAGE_SCALING, (28, 28)), (HOUSING_SCALING, (8,)), (PATIENT_SCALING, (16,))):
        folder = tmp_path / "data/normalized" / scaling["dataset"]
        (folder / "tiny").mkdir(parents=True)
        np.save(folder / "tiny/x.npy", rng.normal(size=(7, *shape)).astype(np.float32))
        np.save(folder / "tiny/y.npy", np.array([0, 0, 1, 0, 1, 1, 0], np.float32 if shape == (8,) else np.int32))
        np.save(folder / "tiny/rows.npy", np.arange(7, dtype=np.int32))
        (folder / "tiny/scaling.json").write_text(json.dumps(scaling), encoding="utf-8")
        index = {"tiny": {"arrays": "tiny", "parts": {"validation": [0, 2], "test": [2, 7]}}}
        (folder / "splits.json").write_text(json.dumps(index), encoding="utf-8")
    return tmp_path / "data/normalized"


def test_test_rows_are_predicted_beside_their_labels(models, stored, capsys):
    predict.main(["logistic", "--test", "1:4", "--models", str(models)])
    got = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(got.columns) == ["test_row", "actual", "class", "probability_died"]
    assert list(got["test_row"]) == [1, 2, 3]
    assert list(got["actual"]) == ["survived", "died", "died"]
    x = np.load(stored / "thoracic/tiny/x.npy")[3:6]
    expected = estimators.load_estimator(models / "logistic").predict_proba(x)[:, 1]
    np.testing.assert_allclose(got["probability_died"], expected, atol=1e-6)
    predict.main(["images", "--test", "0", "--models", str(models)])
    got = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(got["actual"]) == ["Trouser"]


def test_test_rows_are_those_of_the_repetition_of_the_model(models, stored, tmp_path, capsys):
    folder = tmp_path / "models/logistic"
    shutil.copytree(models / "logistic", folder)
    diverged = {"epoch": 3, "reason": "loss nan"}
    (folder / "summary.json").write_text(json.dumps({"diverged": [diverged, None]}), encoding="utf-8")
    second = {"arrays": "tiny", "parts": {"test": [0, 2]}}
    index = {"tiny": {"arrays": "tiny", "parts": {"test": [2, 7]}, "repeats": 2}, "tiny-1": second}
    (stored / "thoracic/splits.json").write_text(json.dumps(index), encoding="utf-8")
    predict.main(["logistic", "--test", ":", "--models", str(folder.parent)])
    got = pd.read_csv(io.StringIO(capsys.readouterr().out))
    x = np.load(stored / "thoracic/tiny/x.npy")[:2]
    expected = estimators.load_estimator(folder).predict_proba(x)[:, 1]
    np.testing.assert_allclose(got["probability_died"], expected, atol=1e-6)


@pytest.mark.bad_input("model.keras", "code in a Lambda layer, a damaged file")
def test_a_model_with_classes_of_ones_own_runs_the_code_of_this_repository_alone(tmp_path, monkeypatch):
    from small import recipe_of, split_of, train_once

    from stages.training.custom_objects import read_source

    file = tmp_path / "mine.py"
    shutil.copyfile(Path(__file__).parents[1] / "custom_objects.py", file)
    layers = {"hidden": {"class": "Maxout", "units": 3}, "output": {"class": "Dense", "units": 1}}
    recipe = recipe_of(layers, custom_objects={"file": "mine.py", "sha256": read_source(str(file))[1]})
    monkeypatch.chdir(tmp_path)
    trained = train_once(recipe, split_of(), tmp_path)
    keep(tmp_path, recipe, {})
    got = predict.predict_rows(tmp_path, split_of().x["test"])
    np.testing.assert_array_equal(got["main"], trained.predictions["test"])
    file.write_text(f"{file.read_text(encoding='utf-8')}\nopen('ran', 'w')\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.py: expected SHA-256 [0-9a-f]+, as in the recipe, got "):
        predict.predict_rows(tmp_path, split_of().x["test"])
    assert not (tmp_path / "ran").exists()


def test_quantities_of_test_rows_are_in_the_unit_for_reports(models, stored, capsys):
    predict.main(["two_outputs", "--test", ":2", "--models", str(models)])
    got = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(got["actual_median_house_value_usd"]) == [100_000, 0]
    assert list(got.columns)[2:] == ["median_house_value_usd", "auxiliary_median_house_value_usd"]


@pytest.mark.parametrize(
    "which", ["0:10", "5", "-1", "-3:", ":", "::2", "::-1", "7:2:-2", "-100:3", "3:100", " 2 ", "+1"]
)
def test_test_rows_are_chosen_by_pythons_rules(which):
    expected = eval(f"list(range(10))[{which}]")  # noqa: S307 (the lines above)
    assert predict.positions(which, 10).tolist() == (expected if ":" in which else [expected])


@pytest.mark.bad_input("predict", "test rows that are not there")
@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("10", "expected some of the test rows 0 to 9, got 10"),
        ("-11", "expected some of the test rows 0 to 9, got -11"),
        ("5:5", "expected some of the test rows 0 to 9, got "),
        ("20:", "expected some of the test rows 0 to 9, got "),
        ("::0", "expected a step other than 0, got ::0"),
        *((text, "expected a position or a slice such as 0:10, got ") for text in ("", "a", "1:2:3:4", "1.0", "0-10")),
        ("9" * 5000, "expected a position or a slice such as 0:10, got "),
    ],
)
def test_test_rows_that_are_not_there_are_refused(which, message):
    with pytest.raises(ValueError, match=f"--test: {message}"):
        predict.positions(which, 10)


@pytest.mark.bad_input("predict", "test rows that are not there")
def test_a_split_without_test_rows_other_rows_and_no_data_are_told(models, stored, tmp_path, capsys):
    def refused(message: str, *arguments: str) -> None:
        with pytest.raises(SystemExit, match=message):
            predict.main(["logistic", *arguments, "--models", str(models)])

    index = {"tiny": {"arrays": "tiny", "parts": {"validation": [0, 2], "train": [2, 7]}}}
    (stored / "thoracic/splits.json").write_text(json.dumps(index), encoding="utf-8")
    refused("split tiny of thoracic: expected test rows, got a split of validation and train alone", "--test", "0")
    (stored / "thoracic/tiny/scaling.json").write_text(json.dumps(PATIENT_SCALING | {"scale": 3}), encoding="utf-8")
    refused("expected the rows that the model was trained on, got others; run `dvc repro`", "--test", "0")
    (stored / "thoracic/splits.json").write_text("{}", encoding="utf-8")
    refused("expected its rows in data/normalized, got none .*; run `dvc repro normalize@thoracic`", "--test", "0")
    (stored / "thoracic/splits.json").unlink()
    refused("expected its rows in data/normalized, got none .*; run `dvc repro normalize@thoracic`", "--test", "0")
    for arguments in ([], ["x.csv", "--test", "0"]):
        refused("2", *arguments)
        assert "expected files, or --test with rows" in capsys.readouterr().err


@pytest.fixture
def declared(monkeypatch):
    """Let `params.yaml` have the variants `images` and `relu_100`."""
    variants = dict.fromkeys(["images", "relu_100"])
    monkeypatch.setattr(predict, "read_params", lambda: SimpleNamespace(variants=variants))


@pytest.mark.bad_input("predict", "names that are a path, unknown or not trained")
@pytest.mark.usefixtures("declared")
def test_unknown_variant_is_answered_with_names_like_it(models):
    with pytest.raises(SystemExit, match="expected one of logistic, got 'logistics'"):
        predict.main(["logistics", "x.csv", "--models", str(models)])
    with pytest.raises(SystemExit, match="expected one of relu_100, got 'relu_10'"):
        predict.main(["relu_10", "x.png", "--models", str(models)])


@pytest.mark.bad_input("predict", "names that are a path, unknown or not trained")
@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("name", ["..", ".", "../models/images", ""])
def test_variant_is_a_name_and_no_path(name, models):
    with pytest.raises(SystemExit, match="expected one of images, logistic, relu_100, two_outputs, got "):
        predict.main([name, "x.png", "--models", str(models)])


@pytest.mark.bad_input("predict", "names that are a path, unknown or not trained")
@pytest.mark.usefixtures("declared")
def test_variant_that_is_not_trained_is_answered_with_the_command_that_trains_it(tmp_path):
    (tmp_path / "relu_100").mkdir()
    with pytest.raises(SystemExit, match=r"relu_100: expected a trained model, got none; run `dvc repro train@relu_"):
        predict.main(["relu_100", "x.png", "--models", str(tmp_path)])


@pytest.mark.bad_input("predict", "a model that diverged")
def test_a_model_that_diverged_predicts_nothing(tmp_path: Path) -> None:
    diverged = {"epoch": 3, "reason": "loss nan"}
    for found, refused in (([diverged], True), ([diverged, None], False)):
        (tmp_path / "summary.json").write_text(json.dumps({"diverged": found}), encoding="utf-8")
        if refused:
            with pytest.raises(ValueError, match="expected a training that did not diverge, got loss nan in epoch 3"):
                predict.check_trained(tmp_path)
        else:
            predict.check_trained(tmp_path)
