"""Tables to predict, as people have them: each is read as what it says, with a word, or refused in words."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from new_rows import BLOCK_GROUPS, GRAY, HOUSING, THORACIC, TWO_COLUMNS, png, table

from stages.prediction.files import Read
from stages.prediction.tables import read_table_file

assert HOUSING.new_rows is not None
assert HOUSING.new_rows.derive is not None
FEATURES = HOUSING.new_rows.derive(BLOCK_GROUPS)
PATIENTS = THORACIC.feature_names[1:]  # without the patient's number, as in the clean split
PATIENT = [2, 2.88, 2.16, 1, 0, 0, 0, 1, 1, 14, 0, 0, 0, 1, 0, 60]
CSV = BLOCK_GROUPS.to_csv(index=False)
LETTERS = "DGN2,2.88,2.16,PRZ1,F,F,F,T,T,OC14,F,F,F,T,F,60"
ARFF = "% UCI\n@relation prognosis\n\n" + "".join(
    f"@attribute {name} {kind}\n"
    for name, kind in [
        *((name, "numeric" if name in ("PRE4", "AGE") else "{T, F}") for name in PATIENTS),
        ("Risk1Yr", "x"),
    ]
)
OF_TWO = ["age", "beds"]


def read(path: Path, content: str | bytes, encoding: str = "utf-8") -> Read:
    """Read two columns, `age` and `beds`."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return read_table_file(path, TWO_COLUMNS, OF_TWO)


def comma_decimals() -> str:
    return BLOCK_GROUPS.to_csv(index=False, sep=";", decimal=",")


def renamed(change: dict[str, str]) -> str:
    return BLOCK_GROUPS.rename(columns=change).to_csv(index=False)


SNAKE = {"housingMedianAge": "housing_median_age", "totalRooms": "Total rooms", "medianIncome": "MEDIAN_INCOME"}


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (CSV.encode(), []),
        (CSV.replace("\n", "\r\n").encode("utf-8-sig"), []),
        (("\n\n" + CSV).encode(), []),
        (CSV.replace(",", ";").encode(), ["read columns separated by semicolons"]),
        (CSV.replace(",", "\t").encode(), ["read columns separated by tabs"]),
        (CSV.replace(",", " | ").encode(), ["read columns separated by vertical bars"]),
        (("sep=;\r\n" + CSV.replace(",", ";")).encode(), ["read columns separated by semicolons"]),
        (CSV.encode("utf-16"), ["read UTF-16"]),
        (b"\xfe\xff" + CSV.encode("utf-16-be"), ["read UTF-16"]),
        (CSV.encode("utf-32"), ["read UTF-32"]),
        (CSV.replace(",", "\t").encode("utf-16"), ["read UTF-16", "read columns separated by tabs"]),
        (
            comma_decimals().encode(),
            ["read columns separated by semicolons", "read commas in numbers as decimal points"],
        ),
        ((CSV + ",,,,,,,\n,,,,,,,\n").encode(), ["left out 2 empty rows"]),
        (
            (";;;;;;;\r" + CSV.replace(",", ";").replace("\n", "\r")).encode(),
            ["read columns separated by semicolons", "left out 1 empty row"],
        ),
        (
            CSV.replace("\n", ",,\n").encode(),
            ["ignored the columns number 9, which has no name, number 10, which has no name"],
        ),
        (BLOCK_GROUPS.to_csv().encode(), ["ignored the column number 1, which has no name"]),
        (
            BLOCK_GROUPS.set_axis([7, 3]).reset_index(names="Unnamed: 0").to_csv(index=False).encode(),
            ["ignored the column number 1, which has no name"],
        ),
        (
            renamed(SNAKE).encode(),
            ["read housing_median_age as housingMedianAge, Total rooms as totalRooms, MEDIAN_INCOME as medianIncome"],
        ),
        (
            BLOCK_GROUPS.assign(median_house_value=1.0, ocean_proximity="NEAR BAY", note="x, y").to_csv().encode(),
            ["ignored the columns number 1, which has no name, median_house_value, ocean_proximity, note"],
        ),
        (BLOCK_GROUPS[BLOCK_GROUPS.columns[::-1]].to_csv(index=False).encode(), []),
    ],
)
def test_a_table_is_read_as_the_plain_one_with_a_word(content: bytes, notes: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    got = read_table_file(path, HOUSING, HOUSING.feature_names)
    np.testing.assert_array_equal(got.x, FEATURES)
    assert list(got.names["row"]) == [1, 2]
    assert got.notes == [f"{path}: {note}" for note in notes]
    assert got.faults == []


def test_features_by_scikit_learns_names_are_not_derived_again(tmp_path: Path) -> None:
    frame = pd.DataFrame(FEATURES, columns=HOUSING.feature_names).assign(MedHouseVal=[4.5, 2])
    got = read_table_file(table(tmp_path / "x.csv", frame), HOUSING, HOUSING.feature_names)
    np.testing.assert_allclose(got.x, FEATURES, rtol=1e-12)
    assert [note.partition("csv: ")[2] for note in got.notes] == [
        "read the features MedInc, HouseAge, AveRooms, AveBedrms, Population, AveOccup, Latitude, Longitude; "
        "nothing is derived",
        "ignored the column MedHouseVal",
    ]


def test_raw_columns_win_over_features_beside_them(tmp_path: Path) -> None:
    frame = BLOCK_GROUPS.assign(MedInc=0, HouseAge=0, AveRooms=0, AveBedrms=0, AveOccup=0)
    got = read_table_file(table(tmp_path / "x.csv", frame), HOUSING, HOUSING.feature_names)
    np.testing.assert_array_equal(got.x, FEATURES)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (f"id,{','.join(PATIENTS)},Risk1Yr\n1,{','.join(map(str, PATIENT))},0\n", "ignored the columns id, Risk1Yr"),
        (f"{','.join(PATIENTS)},Risk1Yr\n{LETTERS},F\n", "read DGN2 as 2, PRZ1 as 1, F as 0, T as 1, OC14 as 14"),
        (f"{','.join(PATIENTS)}\n{LETTERS.replace('T', 'TRUE').replace('F', 'False')}\n", "False as 0, TRUE as 1"),
        (f"{ARFF}@DATA\n{LETTERS},F\n% the end\n", "read ARFF"),
        (f"{ARFF}@data\n{LETTERS.replace('DGN2', chr(39) + 'DGN2' + chr(39))}, F", "read ARFF"),
    ],
    ids=["id", "letters", "words of truth", "ARFF", "ARFF with quotes"],
)
def test_the_usual_files_of_the_thoracic_patients_are_read(content: str, note: str, tmp_path: Path) -> None:
    got = read_table_file(table(tmp_path / "x.csv", content), THORACIC, PATIENTS)
    assert got.faults == []
    assert got.x.tolist() == [PATIENT]
    assert note in "\n".join(got.notes)


def test_the_id_is_the_patients_number_for_a_model_that_reads_it(tmp_path: Path) -> None:
    content = f"id,{','.join(PATIENTS)}\n17,{','.join(map(str, PATIENT))}\n"
    got = read_table_file(table(tmp_path / "x.csv", content), THORACIC, THORACIC.feature_names)
    assert got.x.tolist() == [[17, *PATIENT]]
    assert got.notes == [f"{tmp_path / 'x.csv'}: read id as patient"]


def test_quotes_spaces_and_empty_lines_are_read_without_a_word(tmp_path: Path) -> None:
    got = read(tmp_path / "x.csv", b'\xef\xbb\xbfbeds, age\r\n1,"2.5"\r\n\r\n 3 ,-4e0\r\n')
    assert got.x.tolist() == [[2.5, 1], [-4, 3]]
    assert got.places == [f"{tmp_path / 'x.csv'}, line {line}" for line in (2, 4)]
    assert got.notes == []


@pytest.mark.bad_input("table to predict", "header, columns, rows or cells that are not as they should be")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2\n", r"line 1: expected a header with the columns age, beds, got \['1', '2'\]"),
        ("age beds\n1 2\n", r"line 1: expected a header with the columns age, beds, got \['age beds'\]"),
        ("age,label\n1,2\n", "line 1: expected the columns age, beds, got none called beds$"),
        ("age,bed\n1,2\n", r"line 1: expected the columns age, beds, got none called beds; is 'bed' beds\?"),
        ("age,beds,bed\n1,2,3\n", "line 1: expected columns whose names differ more, got 'bed' beside 'beds'; remove"),
        ("age,beds,beds.1\n1,2,3\n", "line 1: expected columns whose names differ more, got 'beds.1' beside 'beds'"),
        ("age,beds,Age\n1,2,3\n", "line 1: expected one column age, got 'age' and 'Age'; remove or rename one"),
        ("age,beds,Rooms\n1,2,3\n", "line 1: expected one column beds, got 'beds' and 'Rooms'"),
        ('age,beds\n1,"2\n', "line 2: expected separated values, got: "),
        ("age,beds\n", "expected rows below the header, got none"),
        ("age,beds\n , \n", "expected rows below the header, got none"),
        ("@relation x\n@attribute age real\n@attribute beds real\n", "expected rows below a line `@data`, got none"),
        ("@relation x\nage real\n@data\n", "line 2: expected `@attribute name type` or `@data`, got 'age real'"),
    ],
)
def test_mistake_in_a_header_is_named_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"x\.csv(, |: ){message}"):
        read(tmp_path / "x.csv", content)


@pytest.mark.bad_input("table to predict", "header, columns, rows or cells that are not as they should be")
def test_a_name_that_is_nearly_a_columns_is_taken_for_the_nearest(tmp_path: Path) -> None:
    more = table(tmp_path / "x.csv", BLOCK_GROUPS.assign(totalBedroom=1))
    with pytest.raises(ValueError, match=r"got 'totalBedroom' beside 'totalBedrooms'; remove or rename 'totalBedroom'"):
        read_table_file(more, HOUSING, HOUSING.feature_names)
    patient = pd.DataFrame([PATIENT], columns=PATIENTS)
    path = table(tmp_path / "y.csv", patient.assign(PRE1=1))
    with pytest.raises(ValueError, match=r"got 'PRE1' beside 'PRE10', 'PRE11', 'PRE14', 'PRE17', 'PRE19'; remove"):
        read_table_file(path, THORACIC, PATIENTS)
    path = table(tmp_path / "z.csv", patient.rename(columns={"PRE17": "PRE1"}))
    with pytest.raises(ValueError, match=r"got none called PRE17; is 'PRE1' PRE17\?"):
        read_table_file(path, THORACIC, PATIENTS)


@pytest.mark.bad_input("table to predict", "header, columns, rows or cells that are not as they should be")
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("3", "line 4: expected 2 columns, got 1"),
        ("3,4,", "line 4: expected 2 columns, got 3"),
        ("3,many", "line 4, beds: expected a finite number or one of the words none, got 'many'"),
        ("none,3", "line 4, age: expected a finite number, got 'none'"),
        ("1_000,2", "line 4, age: expected a finite number, got '1_000'"),
        *(
            (f"{missing},2", f"line 4, age: expected a finite number, got {missing!r}")
            for missing in ("", "?", "NA", "NaN")
        ),
    ],
)
def test_a_bad_row_is_a_fault_and_the_others_are_read(row: str, message: str, tmp_path: Path) -> None:
    got = read(tmp_path / "x.csv", f"age,beds\n1,2\n\n{row}\n5,none\n")
    assert got.faults == [f"{tmp_path / 'x.csv'}, {message}"]
    assert got.x.tolist() == [[1, 2], [5, 0]]
    assert list(got.names["row"]) == [1, 3]


def test_a_typesetters_minus_is_read_with_a_word(tmp_path: Path) -> None:
    got = read(tmp_path / "x.csv", "age;beds\n\u22121,5;2\n")
    assert got.x.tolist() == [[-1.5, 2]]
    assert got.notes[-1] == f"{tmp_path / 'x.csv'}: read the minus sign U+2212 as a hyphen"


@pytest.mark.bad_input("table to predict", "header, columns, rows or cells that are not as they should be")
def test_an_unknown_word_is_answered_with_those_of_the_column(tmp_path: Path) -> None:
    frame = pd.DataFrame([PATIENT] * 2, columns=PATIENTS).astype({"DGN": object, "PRE7": object})
    frame.loc[0, "DGN"], frame.loc[1, "PRE7"] = "DGN9", "FALSCH"
    faults = read_table_file(table(tmp_path / "x.csv", frame), THORACIC, PATIENTS).faults
    words = "DGN1, DGN2, DGN3, DGN4, DGN5, DGN6, DGN7, DGN8"
    assert [fault.partition(": ")[2] for fault in faults] == [
        f"expected a finite number or one of the words {words}, got 'DGN9'",
        "expected a finite number or one of the words F, T, false, true, got 'FALSCH'",
    ]


@pytest.mark.bad_input("table to predict", "values that give no features")
def test_block_groups_without_households_are_faults_and_the_others_are_read(tmp_path: Path) -> None:
    frame = pd.concat([BLOCK_GROUPS] * 50, ignore_index=True)
    frame.loc[[1, 3], "households"] = [0, -2]
    path = table(tmp_path / "x.csv", frame)
    got = read_table_file(path, HOUSING, HOUSING.feature_names)
    assert got.faults == [
        f"{path}, line {line}, households: expected more than 0, got {value}" for line, value in ((3, 0), (5, -2))
    ]
    np.testing.assert_array_equal(got.x, np.delete(np.tile(FEATURES, (50, 1)), [1, 3], axis=0))
    assert list(got.names["row"])[:3] == [1, 3, 5]
    frame["households"] = 0
    assert len(read_table_file(table(path, frame), HOUSING, HOUSING.feature_names).faults) == 100


@pytest.mark.bad_input("table to predict", "commas that may be decimal or stand between thousands")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("age;beds\n1,234;2\n", "line 2, age: expected a decimal comma or a thousands separator, got '1,234', whose "),
        ('age,beds\n"1,234,567",2\n', "line 2, age: expected a decimal comma or a thousands separator, got '1,234,5"),
        ("age;beds\n1.234;2\n", "line 2, age: expected a decimal point or a thousands separator, got '1.234', whose "),
        ("age\tbeds\n1.234.567\t2\n", "line 2, age: expected a decimal point or a thousands separator, got '1.234.5"),
        ("age;beds\n1,5;2.5\n", "line 2, age: expected decimals written in one way, got '1,5', and '2.5' in line 2, b"),
        ("age;beds\n1.234,5;2\n", r"line 2, age: expected decimals written in one way, got '1\.234,5'"),
        ('age,beds\n1.5,2\n3,"1,000"\n', r"line 3, beds: expected decimals written in one way, got '1,000', and '1\.5"),
        # other columns decide nothing: a spreadsheet may show large numbers alone in thousands
        (
            "age;beds\n322;8.3014\n7.099;2.5\n",
            "line 3, age: expected a decimal point or a thousands separator, got '7.",
        ),
        (
            "age;beds\n1,234;0,5\n",
            "line 2, age: expected a decimal comma or a thousands separator, got '1,234', whose ",
        ),
    ],
)
def test_numbers_whose_commas_are_ambiguous_are_refused(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"x\.csv, {message}.*; write [\d.,]+ for (decimals|thousands)"):
        read(tmp_path / "x.csv", content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("age;beds\n1,5;2\n", [1.5, 2]),
        ("age;beds\n0,125;2\n", [0.125, 2]),
        ("age;beds\n1,2340;0,5\n", [1.234, 0.5]),
        ("age;beds\n-1234,567;2e3\n", [-1234.567, 2000]),
        ('age,beds\n"1,5",2\n', [1.5, 2]),
        ("age;beds;label\n1.2;2;1,5\n", [1.2, 2]),  # a comma in a column that is not read decides nothing
        ("age;beds\n1.2340;0.5\n", [1.234, 0.5]),
        ("age;beds\n0.234;5.5\n", [0.234, 5.5]),
        ("age,beds\n1.234,2\n", [1.234, 2]),  # between commas a point is decimal
    ],
)
def test_commas_that_can_only_be_decimal_are_read(content: str, expected: list[float], tmp_path: Path) -> None:
    assert read(tmp_path / "x.csv", content).x.tolist() == [expected]


def written(number: float, decimal: str, thousands: str, digits: int) -> str:
    return f"{number:,.{digits}f}".translate({ord(","): thousands, ord("."): decimal})


LABELS = {"age": ["age", "Age", "AGE ", "a_ge"], "beds": ["beds", "Beds", "rooms", '"beds"']}


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, list[list[float]]]:
    """A table of two columns in one of the ways in which people write them, and its numbers."""
    delimiter, decimal = draw(st.sampled_from([",", ";", "\t", "|"])), draw(st.sampled_from(".,"))
    # Between commas a point is decimal: nobody writes it between thousands there.
    signs = [sign for sign in ("", ",", ".", "'") if sign != decimal and (sign, delimiter) != (".", ",")]
    thousands = draw(st.sampled_from(signs))
    digits = draw(st.integers(0, 4))
    numbers = st.floats(-1e7, 1e7).map(lambda number: round(number, digits))
    rows = draw(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=4))
    cells = [[written(number, decimal, thousands, digits) for number in row] for row in rows]
    if delimiter == ",":
        cells = [[f'"{cell}"' for cell in row] for row in cells]
    lines = [[draw(st.sampled_from(LABELS[name])) for name in OF_TWO], *cells]
    if draw(st.booleans()):  # pandas's index
        lines = [[str(row or ""), *line] for row, line in enumerate(lines)]
    if draw(st.booleans()):
        lines = [[*line, "" if row else "a note"] for row, line in enumerate(lines)]
    lines += draw(st.sampled_from([[], [[""] * len(lines[0])] * 2]))
    text = draw(st.sampled_from(["\n", "\r\n"])).join(delimiter.join(line) for line in lines)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))), rows


@pytest.mark.bad_input("table to predict", "ways to write it: delimiters, encodings, decimals, thousands, names")
@pytest.mark.parametrize("times", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_tables_in_any_way_of_writing_are_read_right_or_refused(
    times: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    outcomes = []

    @settings(max_examples=times, deadline=None, derandomize=True, database=None)
    @given(tables())
    def run(written: tuple[bytes, list[list[float]]]) -> None:
        content, rows = written
        try:
            got = read(tmp_path / "x.csv", content)
        except ValueError as error:
            assert "expected" in str(error)  # noqa: PT017
            outcomes.append("refused")
        else:
            kept = [rows[row - 1] for row in got.names["row"]]
            np.testing.assert_array_equal(got.x, np.array(kept).reshape(-1, 2))
            assert len(got.faults) == len(rows) - len(kept)
            outcomes.append("faults" if got.faults else "read")

    run()
    record_property("times", len(outcomes))
    assert outcomes.count("read") > 0.3 * len(outcomes)


def zipped(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "age,beds")
    return packed.getvalue()


@pytest.mark.bad_input("table to predict", "another kind of file, or of encoding")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": expected a table, .*, got an empty file"),
        (zipped("xl/workbook.xml"), r": expected a table, .*, got an Excel workbook \(\.xlsx\); save it as CSV"),
        (zipped("x.csv"), ": expected a table, .*, got a ZIP archive; save it as CSV"),
        (b"%PDF-1.7", ": expected a table, .*, got a PDF document; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", r": expected a table, .*, got an old Office document \(\.xls\); save it as CSV"),
        (b'\n[{"age": 1}]', ": expected a table, .*, got JSON; save it as CSV"),
        (b"\xef\xbb\xbf<html>", ": expected a table, .*, got HTML or XML; save it as CSV"),
        ("나이,beds\n".encode("cp949"), ", byte 0: expected a table in UTF-8, got 0xb3; save it as CSV in UTF-8"),
        ("âge,beds\n".encode("latin-1"), ", byte 0: expected a table in UTF-8, got 0xe2; save it as CSV in UTF-8"),
        ("age,beds\n".encode("utf-16-le"), r", byte 1: expected .* UTF-8, got a zero byte; .*needs a byte order mark"),
        (b"\xff\xfea", ", byte 2: expected a table in UTF-16, got 0x61"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"x\.csv{message}"):
        read(tmp_path / "x.csv", content)


@pytest.mark.bad_input("table to predict", "another kind of file, or of encoding")
def test_pictures_folders_and_missing_files_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.png: expected a table, .*, got a PNG image"):
        read_table_file(png(tmp_path / "x.png", GRAY), TWO_COLUMNS, OF_TWO)
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none.csv", "No such file")):
        with pytest.raises(ValueError, match=f"{path.name}: expected a file to read, got: {reason}"):
            read_table_file(path, TWO_COLUMNS, OF_TWO)
    with pytest.raises(ValueError, match="expected the name of a file, got a zero byte"):
        read_table_file(tmp_path / "a\0b", TWO_COLUMNS, OF_TWO)
