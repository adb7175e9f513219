"""Plants: a made-up table to start from, in `local_data/`. Replace it by your own; `csv_table.py` has all options."""

from stages.datasets.csv_table import Category, Number, csv_spec
from stages.datasets.spec import RawFile

SPEC = csv_spec(
    RawFile(
        "plants.csv",
        "7287cf25f3d2aa5e61f03e12e48ab2dfe3319ad3848c042147aeae670b288b96",  # by `sha256sum`
        5995,  # bytes, by `wc -c`
        ("local_data/plants.csv",),
    ),
    rows=300,
    target="species",
    classes={"aster": 101, "lily": 91, "poppy": 108},
    columns=(
        Number("height", unit="cm", missing=60),
        Number("petals"),
        Category("soil", ("clay", "loam", "sand"), missing=True),
    ),
)
