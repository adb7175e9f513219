"""Predict new rows with a trained variant: `python -m stages.predict <variant> <file> [<file> …]`.

    python -m stages.predict relu_100 boot.png bag.png
    python -m stages.predict thoracic_msle patients.csv

The files hold rows as its data set had them before they were normalized; the scaling lies in the model's folder. The
data set's module says what a file has to hold:

- Images: one PNG per row, of the data set's size, gray, 8 bits. Where the data set shows light things on black, an
  image with a light border is predicted all the same, with a warning that it may be a negative.
- Tables: CSV with the data set's column names in the first line, in any order. The target, and columns that the model
  does not read, may be there and are ignored.

Prints CSV: the file and, for tables, the row (from 1); then, for classes, the class and the probabilities, or for a
quantity its value in the data set's unit for reports, also from each further output of the model.
"""

import argparse
import csv
import io
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from stages.artifacts import MODELS
from stages.datasets.spec import DatasetSpec, RowError, number, spec_of
from stages.normalization.scaling import normalize
from stages.params.messages import sentence, unknown
from stages.params.schema import read_params
from stages.training import Predictions, import_tensorflow

logger = logging.getLogger(__name__)

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def folder_of(name: str, models: Path) -> Path:
    """Find the folder of a trained variant; ValueError with similar names, or with the command that trains it."""
    trained = sorted(path.parent.name for path in models.glob("*/recipe.json"))
    if name in trained:
        return models / name
    declared = list(read_params().variants)
    if name in declared:
        raise ValueError(f"{models / name}: expected a trained model, got none; run `dvc repro train@{name}`")
    raise ValueError(unknown(str(models), {*trained, *declared}, name))


def read_bytes(path: Path) -> bytes:
    """Read the file; ValueError with the reason if that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: expected a file to read, got: {error.strerror}") from None


def read_image(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """uint8 (height, width) from a PNG of this shape; ValueError for one that is not gray with 8 bits.

    RGB, a palette and an alpha channel are accepted if every pixel is gray and opaque.
    """
    content = read_bytes(path)
    # The header comes first, because Pillow reduces 16 bits of color to 8 silently.
    header, bits = content[:24], content[24:25]
    if not header.startswith(PNG_SIGNATURE) or not bits:
        got = f"a file that starts with {header[:8]!r}"
        raise ValueError(f"{path}: expected a PNG image, since the variant reads images, got {got}")
    width, height = (int.from_bytes(header[start : start + 4], "big") for start in (16, 20))
    if (height, width) != shape:
        expected = f"{shape[1]} x {shape[0]} pixels (width x height)"
        raise ValueError(f"{path}: expected {expected}, got {width} x {height}; crop and scale it first")
    if bits[0] > 8:
        raise ValueError(f"{path}: expected gray values of 8 bits, 0 to 255, got {bits[0]} bits; divide them by 257")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            mode, pixels = image.mode, np.asarray(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow on a damaged file
        raise ValueError(f"{path}: expected a whole PNG image, got: {error}") from None
    gray, alpha = pixels[..., 0], pixels[..., 3]
    if (alpha < 255).any():
        raise ValueError(f"{path}: expected an opaque image, got transparent pixels (mode {mode}); lay it on black")
    if (pixels[..., :3] != gray[..., np.newaxis]).any():
        hint = 'Pillow\'s `image.convert("L")` makes it gray'
        raise ValueError(f"{path}: expected a gray image, got colors (mode {mode}); {hint}")
    return gray


def border(image: np.ndarray) -> float:
    """Mean gray value, 0 (black) to 255, of the outermost pixels of an image, (height, width)."""
    return float(np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]]).mean())


def read_columns(path: Path, columns: Sequence[str], ignored: Sequence[str]) -> pd.DataFrame:
    """float64 table of these columns from a CSV file with a header; the index is the row's line in the file.

    ValueError with the file, the line, the column, what was expected and what came: an image, no UTF-8 or CSV, a column
    that is missing, there twice or neither among `columns` nor `ignored`, a row with a cell too few or too many, a cell
    that is no finite number. The cells of ignored columns are not read.
    """
    content = read_bytes(path)
    if content.startswith(PNG_SIGNATURE):
        raise ValueError(f"{path}: expected CSV, since the variant reads tables, got a PNG image")
    try:
        text = content.decode("utf-8-sig")  # Excel writes a byte order mark
    except UnicodeDecodeError as error:
        got = f"{error.object[error.start]:#04x}"
        raise ValueError(f"{path}, byte {error.start}: expected CSV in UTF-8, got {got}") from None
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    rows = {}
    try:
        header = next(reader, [])
        _check_header(header, columns, ignored, f"{path}, line 1")
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells:
                continue  # an empty line
            if len(cells) != len(header):
                raise ValueError(f"{where}: expected {len(header)} columns, got {len(cells)}")
            named = dict(zip(header, cells, strict=True))
            rows[reader.line_num] = [number(named[column], f"{where}, {column}") for column in columns]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: expected comma-separated values, got: {error}") from None
    if not rows:
        raise ValueError(f"{path}: expected rows below the header, got none")
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns), dtype=np.float64)


def _check_header(header: list[str], columns: Sequence[str], ignored: Sequence[str], where: str) -> None:
    missing = [column for column in columns if column not in header]
    if len(missing) == len(columns):  # most likely the file has no header
        raise ValueError(f"{where}: expected a header with the columns {', '.join(columns)}, got {header}")
    for column in header:
        if column not in {*columns, *ignored}:
            raise ValueError(unknown(where, [*columns, *ignored], column))
        if header.count(column) > 1:
            raise ValueError(f"{where}, {column}: expected one such column, got {header.count(column)}")
    if missing:
        raise ValueError(f"{where}: expected the columns {', '.join(columns)}, got none called {', '.join(missing)}")


def read_images(paths: Sequence[Path], spec: DatasetSpec) -> tuple[pd.DataFrame, np.ndarray]:
    """Names (n rows of `file`) and pixels, uint8 (n, height, width), of one image per file.

    Warns of an image that looks like a negative, which a model predicts like any other, and wrongly.
    """
    shape, limit = spec.image_shape, spec.light_on_dark
    if shape is None:
        raise ValueError("expected a data set of images, since the variant has no features, got one of tables")
    images = [read_image(path, shape) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if limit is not None and (mean := border(image)) > limit:
            got = f"a light border (mean {mean:.0f} of 255)"
            hint = "if it is dark on white, Pillow's `ImageOps.invert(image)` inverts it"
            logger.warning("warning: %s: expected light on black, got %s; %s", path, got, hint)
    return pd.DataFrame({"file": map(str, paths)}), np.stack(images)


def read_tables(paths: Sequence[Path], spec: DatasetSpec, features: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Names (n rows of `file` and `row`) and features, float64 (n, features) in their order, of all rows of the files.

    A data set whose features are derived is read in its raw columns.
    """
    new_rows = spec.new_rows
    if new_rows is None:
        raise ValueError("expected a data set of tables, since the variant has features, got one of images")
    names, parts = [], []
    for path in paths:
        columns = features if new_rows.derive is None else list(new_rows.columns)
        table = read_columns(path, columns, [*new_rows.columns, *new_rows.ignored])
        if new_rows.derive is not None:
            try:
                table = pd.DataFrame(new_rows.derive(table), columns=spec.feature_names)
            except RowError as error:
                place = f"{path}, line {table.index[error.row]}, {error.column}"
                raise ValueError(f"{place}: expected {error.expected}, got {error.got}") from None
        names.append(pd.DataFrame({"file": str(path), "row": range(1, len(table) + 1)}))
        parts.append(table[features].to_numpy())
    return pd.concat(names, ignore_index=True), np.concatenate(parts)


def predict_rows(folder: Path, x: np.ndarray) -> Predictions:
    """Predict normalized rows with the model in the folder; ValueError for a model that is damaged or holds code.

    x: float32 (n, ...). Returns: float32 (n, outputs) by output.
    """
    if (folder / "estimator.json").exists():
        from stages.training import estimators

        return {"main": estimators.predict(estimators.load_estimator(folder), x)}
    import_tensorflow()
    import keras

    from stages.training import keras_models

    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    path = folder / "model.keras"
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for code in a model, and for a damaged file
        raise ValueError(f"{path}: expected a whole model without code of its own, got: {sentence(error)}") from None
    return keras_models.predictor(model, recipe)(x)


def tabulate(outputs: Predictions, spec: DatasetSpec) -> pd.DataFrame:
    """Name outputs, float32 (n, outputs) each: classes with probabilities, or quantities in the unit for reports."""
    values = {name: output.astype(np.float64) for name, output in outputs.items()}
    if not spec.classes:
        column = column_name(spec)
        prefixes = {name: "" if name == "main" else f"{name}_" for name in values}
        return pd.DataFrame(
            {f"{prefixes[name]}{column}": values[name][:, 0] * spec.target.report_scale for name in values}
        )
    classes, probabilities = np.array(spec.classes), values["main"]
    if probabilities.shape[1] == 1:
        ones = probabilities[:, 0]
        return pd.DataFrame({"class": classes[(ones > 0.5).astype(int)], f"probability_{classes[1]}": ones})
    chosen = {"class": classes[probabilities.argmax(axis=1)], "probability": probabilities.max(axis=1)}
    return pd.DataFrame(chosen | dict(zip(spec.classes, probabilities.T, strict=True)))


def column_name(spec: DatasetSpec) -> str:
    """Name the column of a quantity by the target and its unit in reports: `weight_kg`."""
    unit = re.sub(r"\W+", "_", spec.target.report_unit.lower()).strip("_")
    return f"{spec.target.name}_{unit}" if unit else spec.target.name


def check_trained(folder: Path) -> None:
    """Raise ValueError if every training of the variant diverged: its model predicts nothing."""
    path = folder / "summary.json"
    diverged: list[Any] = json.loads(path.read_text(encoding="utf-8"))["diverged"] if path.exists() else [None]
    if all(diverged):
        got = f"{diverged[0]['reason']} in epoch {diverged[0]['epoch']}"
        raise ValueError(f"{path}: expected a training that did not diverge, got {got}")


def predict_files(folder: Path, paths: Sequence[Path]) -> pd.DataFrame:
    """Predict every row of the files with the model in the folder.

    Raises: ValueError for a file that it cannot read, and for a model whose training diverged.
    """
    check_trained(folder)
    scaling: dict[str, Any] = json.loads((folder / "scaling.json").read_text(encoding="utf-8"))
    spec, features = spec_of(scaling["dataset"]), scaling["features"]
    # Columns have names, pixels have none.
    names, raw = read_tables(paths, spec, features) if features else read_images(paths, spec)
    with np.errstate(over="ignore"):
        x = normalize(raw, scaling)
    for row in np.flatnonzero(~np.isfinite(x.reshape(len(x), -1)).all(axis=1)):
        file, place = names.iloc[row]
        raise ValueError(f"{file}, row {place}: expected numbers that float32 can hold, got a larger one")
    return pd.concat([names, tabulate(predict_rows(folder, x), spec)], axis=1)


def main(arguments: list[str] | None = None) -> None:
    """Print what the variant on the command line predicts for the files there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant")
    parser.add_argument("files", nargs="+", type=Path, metavar="file")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="folder", help=f"default: {MODELS}")
    options = parser.parse_args(arguments)
    try:
        table = predict_files(folder_of(options.variant, options.models), options.files)
    except ValueError as error:
        sys.exit(str(error))
    # Probabilities to a millionth, quantities to the digits that float32 has.
    digits = "%.6f" if "class" in table else "%.8g"
    try:
        table.to_csv(sys.stdout, index=False, float_format=digits, na_rep="nan", lineterminator="\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough; Python would write the rest when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
