"""Predict rows with a trained variant: `python -m stages.predict <variant> <file> [<file> …]`.

    python -m stages.predict relu_100 --test 0:10
    python -m stages.predict relu_100 boot.jpg photos/
    python -m stages.predict thoracic_msle patients.csv

`--test` predicts test rows of the variant's split by their positions from 0, and prints their labels beside: the class,
or the quantity in the unit for reports. Files hold rows as the data set had them before they were normalized; the
scaling lies in the model's folder. The data set's module says what a file has to hold:

- Pictures: any format that Pillow reads by itself (not HEIC, TGA, EPS, WMF), one row each, or a folder of them. They
  are turned as their EXIF orientation says, and made gray of 8 bits; transparency is background; of several frames the
  first counts. A picture of the data set's size is taken as it is. One of another size is made as the data set's images
  were, with a warning if it hardly looks like one of them.
- Tables: CSV with a header (columns separated by commas, semicolons, tabs or vertical bars; UTF-8, or UTF-16 or
  UTF-32 with a byte order mark), or ARFF. Names of columns count without case, spaces and underscores, in any order.
  The target and other columns may be there and are ignored, unless one is nearly called like a column that is needed.
  Decimal commas are read, unless all those of a column may stand between thousands.

What is not read as it is written is said on standard error, and so is a row that lies far from the training rows: by
more than a twentieth of their range, in a column or in an image's mean, contrast or border, by a negative where they
have none, or by a fraction in a column of codes. A row that cannot be read is named by its line and column, and nothing
is predicted; `--skip-bad` predicts the others.

Prints CSV: the file and, for tables, the row (from 1), or the test row (from 0) and its label; then, for classes, the
class and the probabilities, or for a quantity its value in the unit for reports, also from each further output of the
model.
"""

import argparse
import io
import json
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import MODELS
from stages.datasets.spec import DatasetSpec, spec_of
from stages.normalization.scaling import normalize
from stages.params.messages import sentence, shown, unknown
from stages.params.schema import read_params
from stages.prediction.far import warnings_of
from stages.prediction.files import MAX_NAMED, Read
from stages.prediction.images import read_pictures
from stages.prediction.tables import read_table_file
from stages.splits import NORMALIZED, load_splits, split_of_each
from stages.training import Predictions, import_tensorflow

logger = logging.getLogger(__name__)


def folder_of(name: str, models: Path) -> Path:
    """Find the folder of a trained variant; ValueError with similar names, or with the command that trains it."""
    trained = sorted(path.parent.name for path in models.glob("*/recipe.json"))
    if name in trained:
        return models / name
    declared = list(read_params().variants)
    if name in declared:
        raise ValueError(f"{models / name}: expected a trained model, got none; run `dvc repro train@{name}`")
    raise ValueError(unknown(str(models), {*trained, *declared}, name))


def predict_rows(folder: Path, x: np.ndarray) -> Predictions:
    """Predict normalized rows with the model in the folder; ValueError for a model that is damaged or holds code.

    x: float32 (n, ...). Returns: float32 (n, outputs) by output.
    """
    if (folder / "estimator.json").exists():
        from stages.training import estimators

        return {"main": estimators.predict(estimators.load_estimator(folder), x)}
    import_tensorflow()
    import keras

    from stages.training import custom_objects, keras_models

    recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    path = folder / "model.keras"
    with custom_objects.scope(custom_objects.source_of(recipe)):
        try:
            model = keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises many kinds for code in a model, and for a damaged file
            got = sentence(error)
            raise ValueError(f"{path}: expected a whole model without code of its own, got: {got}") from None
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


def check_trained(folder: Path) -> list[Any]:
    """Say of each training when it diverged, or None. The model is that of the first that did not.

    Raises: ValueError if every training diverged: the model predicts nothing.
    """
    path = folder / "summary.json"
    diverged: list[Any] = json.loads(path.read_text(encoding="utf-8"))["diverged"] if path.exists() else [None]
    if all(diverged):
        got = f"{diverged[0]['reason']} in epoch {diverged[0]['epoch']}"
        raise ValueError(f"{path}: expected a training that did not diverge, got {got}")
    return diverged


def predict_files(folder: Path, paths: Sequence[Path], skip_bad: bool = False) -> tuple[pd.DataFrame, list[str]]:
    """Predict every row of the files with the model in the folder.

    skip_bad: whether to predict the others if rows or files cannot be read.
    Returns: the table to print, and what is to be said of the files, one line each.
    Raises: ValueError, a line for each row or file that cannot be read; for a model whose training diverged.
    """
    check_trained(folder)
    scaling = read_scaling(folder)
    spec = spec_of(scaling["dataset"])
    reads = read_files(paths, spec, scaling)
    said = [line for read in reads for line in read.notes]
    faults = [line for read in reads for line in read.faults]
    rows = sum(len(read.x) for read in reads)
    if faults and not (skip_bad and rows):
        more = [f"and {len(faults) - MAX_NAMED:,} more"] if len(faults) > MAX_NAMED else []
        hint = ["nothing is predicted; `--skip-bad` predicts the others"] if rows else []
        raise ValueError("\n".join([*said, *faults[:MAX_NAMED], *more, *hint]))
    said += faults + [line for read in reads for line in warnings_of(read, spec, scaling)]
    x = np.concatenate([normalize(read.x, scaling) for read in reads if len(read.x)])
    names = pd.concat([read.names for read in reads if len(read.x)], ignore_index=True)
    return pd.concat([names, tabulate(predict_rows(folder, x), spec)], axis=1), said


def read_files(paths: Sequence[Path], spec: DatasetSpec, scaling: Mapping[str, Any]) -> list[Read]:
    """Read tables, each by itself, or all pictures; what cannot be read is a fault."""
    if not scaling["features"]:  # columns have names, pixels have none
        return [read_pictures(paths, spec)]
    reads = []
    for path in paths:
        try:
            read = read_table_file(path, spec, scaling["features"])
        except ValueError as error:
            read = Read(pd.DataFrame(), [], np.empty(0), faults=[str(error)])
        too_large = _too_large(read.x, scaling)
        read.faults += [
            f"{read.places[row]}: expected numbers that float32 can hold, got a larger one" for row in too_large
        ]
        read.leave_out(too_large)
        reads.append(read)
    return reads


def _too_large(x: np.ndarray, scaling: Mapping[str, Any]) -> list[int]:
    """Find the rows with values that float32 cannot hold."""
    if not len(x):
        return []
    with np.errstate(over="ignore"):
        return np.flatnonzero(~np.isfinite(normalize(x, scaling)).all(axis=1)).tolist()


def read_scaling(folder: Path) -> dict[str, Any]:
    """Read the numbers that normalize a new row for the model in the folder."""
    return json.loads((folder / "scaling.json").read_text(encoding="utf-8"))


def predict_test_rows(folder: Path, which: str) -> pd.DataFrame:
    """Predict test rows of the variant's split, of the repetition of the model, and give their labels beside.

    which: a position or a slice of them as Python writes it, such as `5`, `0:10`, `-10:`.
    Raises: ValueError if there are no such rows, or the data are not those that the model was trained on.
    """
    diverged = check_trained(folder)
    scaling, recipe = read_scaling(folder), json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    spec, name = spec_of(scaling["dataset"]), f"split {recipe['split']} of {recipe['dataset']}"
    hint = f"run `dvc repro normalize@{recipe['dataset']}`"
    try:
        splits = load_splits(recipe["dataset"], recipe["split"])
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: expected its rows in {NORMALIZED}, got none ({sentence(error)}); {hint}") from None
    split = split_of_each(splits, len(diverged))[diverged.index(None)]
    if any(split.scaling[key] != scaling[key] for key in scaling if key != "range"):
        raise ValueError(f"{name}: expected the rows that the model was trained on, got others; run `dvc repro`")
    if "test" not in split.y:
        raise ValueError(f"{name}: expected test rows, got a split of {' and '.join(split.y)} alone; predict a file")
    rows = positions(which, len(split.y["test"]))
    y = split.y["test"][rows]
    actual = np.array(spec.classes)[y] if spec.classes else y.astype(np.float64) * spec.target.report_scale
    names = pd.DataFrame({"test_row": rows, "actual": actual})
    if not spec.classes:
        names = names.rename(columns={"actual": f"actual_{column_name(spec)}"})
    return pd.concat([names, tabulate(predict_rows(folder, np.array(split.x["test"][rows])), spec)], axis=1)


def positions(which: str, count: int) -> np.ndarray:
    """Give the positions, int64 from 0, of a position or a slice in a list of `count` rows, by Python's rules.

    Raises: ValueError for another text, and if there are no such rows.
    """
    parts = [part.strip() for part in which.split(":")]
    if not all(re.fullmatch(r"([+-]?\d{1,18})?", part) for part in parts) or parts == [""] or len(parts) > 3:
        raise ValueError(f"--test: expected a position or a slice such as 0:10, got {shown(which)}")
    numbers = [int(part) if part else None for part in parts]
    if numbers[2:] == [0]:
        raise ValueError(f"--test: expected a step other than 0, got {which}")
    position = numbers[0]
    if len(numbers) == 1 and position is not None:
        numbers = [position, position + 1 or None]  # the row before the end is [-1:]
    rows = range(count)[slice(*numbers)]
    if not rows:
        raise ValueError(f"--test: expected some of the test rows 0 to {count - 1:,}, got {which}")
    return np.array(rows)


def main(arguments: list[str] | None = None) -> None:
    """Print what the variant on the command line predicts for the files or the test rows there."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variant", help="a key of `variants` in params.yaml")
    parser.add_argument("files", nargs="*", type=Path, metavar="file", help="tables, pictures, or folders of pictures")
    parser.add_argument("--test", metavar="ROWS", help="test rows instead of files: 0:10, 5, --test=-10: (the last 10)")
    parser.add_argument("--skip-bad", action="store_true", help="predict the other rows if some cannot be read")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="FOLDER", help=f"default: {MODELS}")
    options = parser.parse_args(arguments)
    if bool(options.files) == (options.test is not None):
        parser.error("expected files, or --test with rows")
    try:
        folder = folder_of(options.variant, options.models)
        if options.test is not None:
            table = predict_test_rows(folder, options.test)
        else:
            table, said = predict_files(folder, options.files, options.skip_bad)
            for line in said:
                logger.warning("%s", line)
    except ValueError as error:
        sys.exit(str(error))
    # Probabilities to a millionth, quantities to the digits that float32 has.
    digits = "%.6f" if "class" in table else "%.8g"
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        table.to_csv(sys.stdout, index=False, float_format=digits, na_rep="nan", lineterminator="\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough; Python would write the rest when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
