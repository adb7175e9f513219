"""Predicting new rows: accepted and refused files, and the printed table, with tiny models that are trained here."""

import io
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages import predict
from stages.datasets.spec import Target, spec_of
from stages.normalization.scaling import normalize
from stages.splits import Split
from stages.training import estimators, import_tensorflow
from stages.training.recipe import Recipe

# TensorFlow is set up once for all tests of a session, before the first one uses it.
pytestmark = pytest.mark.usefixtures("deterministic")

IMAGES, HOUSING, THORACIC = (spec_of(name) for name in ("fashion_mnist", "housing", "thoracic"))
assert HOUSING.new_rows is not None
IMAGE_SCALING = {"dataset": "fashion_mnist", "features": [], "offset": 3, "scale": 255, "scaling": "unit"}
HOUSING_SCALING = {
    "dataset": "housing",
    "features": HOUSING.feature_names,
    "offset": [4, 28, 5, 1, 1400, 3, 35, -119],
    "scale": [2, 12, 2, 0.5, 1100, 4, 2, 2],
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
BLOCK_GROUPS = pd.DataFrame(
    [[-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252], [-118.5, 34.1, 20, 2000, 400, 900, 350, 3.5]],
    columns=list(HOUSING.new_rows.columns),
)
GRAY = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


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
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    keras.Sequential(layers).save(folder / "images" / "model.keras")
    keep(folder / "images", {"dataset": "fashion_mnist", "jit_compile": True}, IMAGE_SCALING)
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


def png(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def sixteen_bit_colors(path: Path) -> Path:
    """Pillow cannot write it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 16, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(28 * (1 + 28 * 6))))
    path.write_bytes(predict.PNG_SIGNATURE + header + data + chunk(b"IEND", b""))
    return path


def table(path: Path, content: pd.DataFrame | str) -> Path:
    path.write_text(content if isinstance(content, str) else content.to_csv(index=False), encoding="utf-8")
    return path


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


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_opaque_gray_is_read_from_any_mode(mode, tmp_path):
    np.testing.assert_array_equal(predict.read_image(png(tmp_path / "x.png", GRAY, mode), (28, 28)), GRAY)


def test_black_and_white_is_read_as_0_and_255(tmp_path):
    np.testing.assert_array_equal(
        predict.read_image(png(tmp_path / "x.png", GRAY > 99), (28, 28)), np.where(GRAY > 99, 255, 0)
    )


COLORS = np.stack([GRAY, GRAY, GRAY.T], axis=2)
TRANSPARENT = np.stack([GRAY, GRAY, GRAY, np.full_like(GRAY, 254)], axis=2)


@pytest.mark.bad_input("PNG to predict", "wrong size, colors, transparency, depth or format, cut short, none")
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: png(path, np.zeros((28, 32), np.uint8)), r"expected 28 x 28 pixels .*, got 32 x 28"),
        (lambda path: png(path, COLORS), r'expected a gray image, got colors \(mode RGB\); .*convert\("L"\)'),
        (lambda path: png(path, TRANSPARENT), r"expected an opaque image, got transparent pixels \(mode RGBA\)"),
        (lambda path: png(path, GRAY.astype(np.uint16) * 257), "expected gray values of 8 bits, 0 to 255, got 16 bits"),
        (sixteen_bit_colors, "expected gray values of 8 bits, 0 to 255, got 16 bits"),
        (lambda path: Image.fromarray(GRAY).save(path, "JPEG"), "expected a PNG image, .* a file that starts with b'"),
        (lambda path: path.write_bytes(b""), "expected a PNG image, .* a file that starts with b''"),
        (lambda path: path.write_bytes(png(path, GRAY).read_bytes()[:300]), "expected a whole PNG image, got: "),
        (lambda path: path.mkdir(), "expected a file to read, got: "),
        (Path.exists, "expected a file to read, got: No such file"),
    ],
    ids=["size", "colors", "transparent", "16 bit", "16 bit RGB", "JPEG", "empty", "cut short", "folder", "no file"],
)
def test_image_that_is_not_28_by_28_gray_is_refused(write, message, tmp_path):
    path = tmp_path / "x.png"
    write(path)
    with pytest.raises(ValueError, match=rf"x\.png: {message}"):
        predict.read_image(path, (28, 28))


FRAMED = np.pad(np.full((14, 14), 200, np.uint8), 7)  # light on black


@pytest.mark.bad_input("PNG to predict", "wrong size, colors, transparency, depth or format, cut short, none")
def test_negative_is_predicted_with_a_warning(models, tmp_path, capsys, caplog):
    positive, negative = png(tmp_path / "x.png", FRAMED), png(tmp_path / "negative.png", 255 - FRAMED)
    got = printed(capsys, models, "images", positive, negative)
    assert len(got) == 2
    (said,) = caplog.messages
    assert "negative.png: expected light on black, got a light border (mean 255 of 255)" in said
    assert "ImageOps.invert" in said


def test_image_that_touches_its_border_is_no_negative(models, tmp_path, capsys, caplog):
    wide = np.zeros((28, 28), np.uint8)
    wide[4:] = 220  # a bag that fills all but the top
    wide[:, 8:20] = 0
    printed(capsys, models, "images", png(tmp_path / "x.png", wide))
    assert caplog.messages == []


@pytest.mark.slow
def test_none_of_the_data_sets_images_is_taken_for_a_negative_and_each_negative_is():
    folder = Path(__file__).resolve().parents[1] / "data/raw/fashion_mnist"
    if not folder.is_dir():
        pytest.skip("no raw files of fashion_mnist here")
    borders = np.array([predict.border(image) for image in IMAGES.read(folder).x])
    assert IMAGES.light_on_dark is not None
    assert borders.max() < IMAGES.light_on_dark < 255 - borders.max()


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


def test_excels_mark_its_line_ends_and_empty_lines_are_read(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbfa, b\r\n1,"2.5"\r\n\r\n 3 ,-4e0\r\n')
    got = predict.read_columns(path, ["b", "a"], [])
    pd.testing.assert_frame_equal(got, pd.DataFrame({"b": [2.5, -4], "a": [1.0, 3]}, index=[2, 4]))


@pytest.mark.bad_input("CSV to predict", "header, columns, rows or cells that are not as they should be")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"line 1: expected a header with the columns age, beds, got \[\]"),
        ("1,2\n", r"line 1: expected a header with the columns age, beds, got \['1', '2'\]"),
        ("age;beds\n1;2\n", r"line 1: expected a header with the columns age, beds, got \['age;beds'\]"),
        ("age,label\n1,2\n", "line 1: expected the columns age, beds, got none called beds"),
        ("age,beds,bed\n1,2,3\n", "line 1: expected one of beds, got 'bed'"),
        ("age,beds,age\n1,2,3\n", "line 1, age: expected one such column, got 2"),
        ("age,beds\n1,2\n3\n", "line 3: expected 2 columns, got 1"),
        ("age,beds\n1,2\n3,many\n", "line 3, beds: expected a finite number, got 'many'"),
        ("age,beds\nNaN,2\n", "line 2, age: expected a finite number, got 'NaN'"),
        ("age,beds\n1,2\n\n,2\n", "line 4, age: expected a finite number, got ''"),
        ("age,beds\n1_000,2\n", "line 2, age: expected a finite number, got '1_000'"),
        ('age,beds\n1,"2\n', "line 2: expected comma-separated values, got: "),
        ("age,beds\n", "expected rows below the header, got none"),
    ],
)
def test_mistake_in_a_table_is_named_with_its_line_and_column(content, message, tmp_path):
    with pytest.raises(ValueError, match=rf"x\.csv(, |: ){message}"):
        predict.read_columns(table(tmp_path / "x.csv", content), ["age", "beds"], ["label"])


@pytest.mark.bad_input("CSV to predict", "header, columns, rows or cells that are not as they should be")
def test_table_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"PK\xff")
    with pytest.raises(ValueError, match=r"x\.csv, byte 2: expected CSV in UTF-8, got 0xff"):
        predict.read_columns(path, ["age"], [])


@pytest.mark.bad_input("CSV to predict", "header, columns, rows or cells that are not as they should be")
def test_kind_of_file_that_the_variant_does_not_read_is_told(models, tmp_path):
    image, rows = png(tmp_path / "x.png", GRAY), table(tmp_path / "x.csv", BLOCK_GROUPS)
    for variant in ("two_outputs", "logistic"):
        with pytest.raises(SystemExit, match=r"x\.png: expected CSV, since the variant reads tables, got a PNG image"):
            predict.main([variant, str(image), "--models", str(models)])
    with pytest.raises(SystemExit, match=r"x\.csv: expected a PNG image, since the variant reads images, got a file"):
        predict.main(["images", str(rows), "--models", str(models)])


@pytest.mark.bad_input("CSV to predict", "values that give no features")
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("households", 0, "line 3, households: expected more than 0, got 0"),
        ("medianIncome", 1e300, "row 2: expected numbers that float32 can hold, got a larger one"),
    ],
)
def test_block_group_that_has_no_features_is_refused(column, value, message, models, tmp_path, capsys):
    raw = BLOCK_GROUPS.astype(float)
    raw.loc[1, column] = value
    with pytest.raises(SystemExit, match=message):
        printed(capsys, models, "two_outputs", table(tmp_path / "x.csv", raw))


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
