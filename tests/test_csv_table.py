"""A CSV file becomes a data set by a statement of its columns; what it should not hold is named by its place."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.datasets.csv_table import Category, Number, csv_spec
from stages.datasets.spec import DatasetSpec, RawFile
from stages.prediction.tables import read_table_file

TABLE = """name,height,leaves,soil,species
a,12.5,3,clay,daisy
b,NA,4,sandy loam,tulip

"c, d",40,5,,daisy
"""
COLUMNS = (
    Number("leaves"),
    Number("height", "cm", missing=30),
    Category("soil", ("clay", "sandy loam"), missing=True),
)
CSV = "CSV", "columns, rows, cells too many or missing, text, NaN, infinity, byte order mark, NUL, quotes, huge fields"
FEATURES = ["leaves", "height", "height_missing", "soil=clay", "soil=sandy_loam"]


def spec_of(content: str = TABLE, **others: Any) -> DatasetSpec:
    packed = content.encode()
    file = RawFile("plants.csv", hashlib.sha256(packed).hexdigest(), len(packed), ("plants.csv",))
    stated: dict[str, Any] = {"rows": 3, "columns": COLUMNS, "target": "species", "classes": {"daisy": 2, "tulip": 1}}
    return csv_spec(file, **{**stated, **others})


def read(folder: Path, content: str = TABLE, **others: Any) -> Any:
    (folder / "plants.csv").write_bytes(content.encode())
    spec = spec_of(content, **others)
    assert spec.faults() == []
    raw = spec.read(folder)
    spec.check(raw, "plants")
    return raw


def test_missing_values_and_words_become_features(tmp_path: Path) -> None:
    raw = read(tmp_path)
    assert spec_of().feature_names == FEATURES
    np.testing.assert_array_equal(raw.x, [[3, 12.5, 0, 1, 0], [4, 30, 1, 0, 1], [5, 40, 0, 0, 0]])
    np.testing.assert_array_equal(raw.y, [0, 1, 0])
    assert (spec_of().ranked_by, spec_of().units) == ("accuracy", {"height": "cm"})


def test_a_quantity_is_predicted_in_its_unit(tmp_path: Path) -> None:
    spec = spec_of(target="height", classes=None, unit="cm", columns=(Number("leaves"),))
    assert (spec.target.name, spec.target.unit, spec.ranked_by) == ("height", "cm", "mse")
    others = {"target": "height", "classes": None, "rows": 2, "columns": (Number("leaves"),)}
    raw = read(tmp_path, "height;leaves\n12,5;3\n1e1;4\n", **others, delimiter=";", decimal=",")
    np.testing.assert_array_equal(raw.y, [12.5, 10])


@pytest.mark.bad_input(*CSV)
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a,12.5", "a,tall", "line 2, height: expected a finite number, got 'tall'"),
        ("a,12.5", "a,1_000", "line 2, height: expected a finite number, got '1_000'"),
        (",3,clay", ",,clay", "line 2, leaves: expected a finite number, got ''"),
        (",3,clay", ",3,gravel", "line 2, soil: expected one of clay, sandy loam, got 'gravel'"),
        ("clay,daisy", "clay,", "line 2, species: expected one of daisy, tulip, got ''"),
        ("clay,daisy", "clay", "line 2: expected 5 columns, got 4"),
        ('"c, d",40', '"c, d"x,40', "line 5: expected separated values, got: ',' expected after '\"'"),
        ("height,", "width,", "line 1: expected each of the columns leaves, height, soil, species once, got 0 called"),
        ("name,", "height,", "line 1: expected each of the columns leaves, height, soil, species once, got 2 called"),
        ("a,12.5,3,clay,daisy\n", "", ": expected 3 rows, got 2"),
    ],
)
def test_what_is_not_as_stated_is_named_by_its_place(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in TABLE
    with pytest.raises(ValueError, match="expected") as error:
        read(tmp_path, TABLE.replace(old, new, 1))
    assert str(error.value).startswith(f"{tmp_path / 'plants.csv'}{'' if said[0] == ':' else ', '}{said}")


@pytest.mark.bad_input(*CSV)
def test_another_encoding_is_named_by_its_byte(tmp_path: Path) -> None:
    (tmp_path / "plants.csv").write_bytes(TABLE.replace("sandy", "sändy").encode("latin-1"))
    with pytest.raises(ValueError, match=r"plants\.csv, byte \d+: expected UTF-8, got 0xe4"):
        spec_of().read(tmp_path)


def test_the_target_is_no_feature() -> None:
    with pytest.raises(
        ValueError, match="target: expected a column that is not among leaves, height, soil, got 'soil'"
    ):
        spec_of(target="soil")


def test_new_rows_are_read_with_the_same_words_and_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("soil,leaves,height\nClay,3,\n,4,40\nsandy loam,5,n/a\ngravel,1,2\n", encoding="utf-8")
    new = read_table_file(path, spec_of(), FEATURES)
    np.testing.assert_array_equal(new.x, [[3, 30, 1, 1, 0], [4, 40, 0, 0, 0], [5, 30, 1, 0, 1]])
    assert new.notes == [f"{path}: read an empty cell as a missing value, n/a as a missing value"]
    (fault,) = new.faults
    assert fault.startswith(f"{path}, line 5, soil: expected one of the words clay, sandy loam, NA,")


def test_a_number_for_a_word_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("soil,leaves,height\n0,3,4\nclay,NA,4\nclay,3,4\n", encoding="utf-8")
    new = read_table_file(path, spec_of(), FEATURES)
    assert new.faults[0].startswith(f"{path}, line 2, soil: expected one of the words clay, sandy loam, NA,")
    assert new.faults[1:] == [f"{path}, line 3, leaves: expected a finite number, got 'NA'"]
    np.testing.assert_array_equal(new.x, [[3, 4, 0, 1, 0]])
