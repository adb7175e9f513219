"""California housing: median house value of the 20,640 block groups of the 1990 census.

Source: Pace & Barry 1997, "Sparse Spatial Autoregressions", Statistics & Probability Letters 33, from StatLib; the
table in the archive that scikit-learn's `fetch_california_housing` reads; of what that function keeps,
`from_scikit_learn` makes the same bytes. License: public.

x: float64 (20640, 8), scikit-learn's features in its order, derived by `features_from_raw`:

    MedInc      medianIncome                  10,000 USD a year, median of the block group
    HouseAge    housingMedianAge              years
    AveRooms    totalRooms / households       rooms per household
    AveBedrms   totalBedrooms / households    bedrooms per household
    Population  population                    people
    AveOccup    population / households       people per household
    Latitude    latitude                      degrees north
    Longitude   longitude                     degrees east, thus negative

y: float64 (20640,), medianHouseValue / 100,000, in 100,000 USD, 0.14999 to 5.00001 (the survey cuts at 500,000 USD).
"""

import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.datasets.spec import DatasetSpec, Feature, NewRows, Raw, RawFile, RowError, Target, read_table

if TYPE_CHECKING:
    import pandas as pd

FILE = "cal_housing.data"
ROWS = 20_640
RAW_COLUMNS = [
    "longitude",
    "latitude",
    "housingMedianAge",
    "totalRooms",
    "totalBedrooms",
    "population",
    "households",
    "medianIncome",
]
RAW_TARGET = "medianHouseValue"
USD = 100_000  # in the unit of y
FEATURES = (
    Feature("MedInc", "10,000 USD a year"),
    Feature("HouseAge", "years"),
    Feature("AveRooms", "rooms per household"),
    Feature("AveBedrms", "rooms per household"),
    Feature("Population", "people"),
    Feature("AveOccup", "people per household"),
    Feature("Latitude", "degrees north"),
    Feature("Longitude", "degrees east"),
)


def read(folder: Path) -> Raw:
    """The table; ValueError for a row or cell that is not as published."""
    import pandas as pd  # here, since most that ask for the data set read no table

    path = folder / FILE
    columns = [*RAW_COLUMNS, RAW_TARGET]
    table = pd.DataFrame(read_table(path.read_bytes(), str(path), columns, ROWS), columns=columns)
    try:
        x = features_from_raw(table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Raw(x, table[RAW_TARGET].to_numpy() / USD)


def from_scikit_learn(content: bytes) -> bytes:
    """The file from what scikit-learn keeps: a compressed pickle, which ends with the values and a full stop.

    It is not unpickled, since a pickle may run code. ValueError for bytes of no such form.
    """
    columns = [RAW_TARGET, "medianIncome", *RAW_COLUMNS[2:7], "latitude", "longitude"]
    size = len(columns) * ROWS * 8
    try:
        pickled = zlib.decompressobj().decompress(content, 2 * size)
    except zlib.error as error:
        raise ValueError(f"expected a compressed table, got: {error}") from error
    if len(pickled) <= size:
        raise ValueError(f"expected more than {size} bytes, got {len(pickled)}")
    values = np.frombuffer(pickled[-1 - size : -1], "<f8").reshape(len(columns), ROWS)
    table = io.BytesIO()
    order = [columns.index(name) for name in (*RAW_COLUMNS, RAW_TARGET)]
    np.savetxt(table, values[order].T, fmt="%f", delimiter=",")
    return table.getvalue()


def features_from_raw(table: "pd.DataFrame") -> np.ndarray:
    """float64 (rows, 8) of `FEATURES`, not scaled, from a table with the `RAW_COLUMNS`; other columns are ignored.

    RowError with the column and rows (from 0) of values that are no finite numbers or no number of households.
    """
    import pandas as pd

    missing = [column for column in RAW_COLUMNS if column not in table.columns]
    if missing:
        raise ValueError(f"expected the columns {', '.join(RAW_COLUMNS)}, got none called {', '.join(missing)}")
    raw = table[RAW_COLUMNS].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    for name in RAW_COLUMNS:
        if len(rows := np.flatnonzero(~np.isfinite(raw[name]))):
            raise RowError(name, "a finite number", {int(row): repr(table[name].iloc[row]) for row in rows})
    if len(rows := np.flatnonzero(raw["households"] <= 0)):
        raise RowError("households", "more than 0", {int(row): f"{raw['households'].iloc[row]:g}" for row in rows})
    return np.column_stack(
        [
            raw["medianIncome"],
            raw["housingMedianAge"],
            raw["totalRooms"] / raw["households"],
            raw["totalBedrooms"] / raw["households"],
            raw["population"],
            raw["population"] / raw["households"],
            raw["latitude"],
            raw["longitude"],
        ]
    )


SPEC = DatasetSpec(
    read=read,
    files=(
        RawFile(
            FILE,
            "a2b44dcc7e1c9091b43c4f458b25cbd1f7e8068d08edd26bc4703108d3fa6214",
            2071484,
            (
                "https://ndownloader.figshare.com/files/5976036",
                "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz",
                "https://raw.githubusercontent.com/caroljmcdonald/spark3-book/781dc6af0866541b87c99b9ab46301d44f357ddd/data/cal_housing.tgz",
            ),
            ("cal_housing.tgz", "cal_housing_py3.pkz"),
            from_scikit_learn,
        ),
    ),
    mirror="california-housing",
    caches=("~/scikit_learn_data", "$SCIKIT_LEARN_DATA"),
    rows=ROWS,
    ranked_by="mse",
    features=FEATURES,
    target=Target("median_house_value", unit="100,000 USD", report_unit="USD", report_scale=USD),
    location=("Longitude", "Latitude"),
    new_rows=NewRows(
        tuple(RAW_COLUMNS),
        # scikit-learn's name of the target; and a column that the file of "Hands-On Machine Learning" has
        ignored=(RAW_TARGET, "MedHouseVal", "ocean_proximity"),
        derive=features_from_raw,
    ),
)
