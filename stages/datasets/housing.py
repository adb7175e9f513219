"""California housing: median house value of the 20,640 block groups of the 1990 census.

Source: Pace & Barry 1997, "Sparse Spatial Autoregressions", Statistics & Probability Letters 33, from StatLib; the
archive that scikit-learn's `fetch_california_housing` reads. License: public.

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

import gzip
import io
import reprlib
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from stages.datasets.spec import DatasetSpec, Feature, NewRows, Raw, RawFile, RowError, Target, read_table

if TYPE_CHECKING:
    import pandas as pd

ARCHIVE = "cal_housing.tgz"
MEMBER = "CaliforniaHousing/cal_housing.data"
UNPACKED_BYTES_LIMIT = 16 * 2**20  # it has 2 MB; no archive may fill the memory
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
    """The table in the archive; ValueError for a row or cell that is not as published."""
    import pandas as pd  # here, since most that ask for the data set read no table

    path = folder / ARCHIVE
    name = f"{path}:{MEMBER}"
    columns = [*RAW_COLUMNS, RAW_TARGET]
    table = pd.DataFrame(
        read_table(read_member(path, MEMBER, UNPACKED_BYTES_LIMIT), name, columns, ROWS), columns=columns
    )
    try:
        x = features_from_raw(table)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return Raw(x, table[RAW_TARGET].to_numpy() / USD)


def read_member(path: Path, member: str, limit: int) -> bytes:
    """Contents of a regular file in a gzipped tar archive of at most `limit` bytes; nothing is unpacked to disk.

    ValueError for a file that is no such archive, is cut short or larger, for a member of any name that leads out of
    the archive's folder, and for one that is missing, there twice or no regular file (a link or a device could lead
    anywhere).
    """
    try:
        with gzip.open(path) as packed:
            content = packed.read(limit + 1)  # to its end, where the checksum is
        if len(content) > limit:
            raise ValueError(f"{path}: expected at most {limit} bytes when unpacked, got more")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            names = archive.getnames()
            for name in names:
                if name.startswith("/") or ".." in PurePosixPath(name).parts:
                    raise ValueError(f"{path}: expected members inside the archive's folder, got {reprlib.repr(name)}")
            if names.count(member) != 1:
                raise ValueError(f"{path}: expected one member {member}, got {reprlib.repr(names)}")
            info = archive.getmember(member)
            file = archive.extractfile(info) if info.isreg() else None
            if file is None:
                kind = info.type.decode("latin-1")
                raise ValueError(f"{path}:{member}: expected a regular file, got tar type {kind!r}")
            return file.read()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected a whole .tar.gz archive, got: {error}") from error


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
            ARCHIVE,
            "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
            441963,
            ("https://ndownloader.figshare.com/files/5976036",),
        ),
    ),
    mirror="california-housing",
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
