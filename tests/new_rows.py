"""Files to predict: small tables and pictures, and a data set of two columns that reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.datasets.spec import DatasetSpec, Feature, NewRows, RawFile, spec_of

FASHION_MNIST, HOUSING, THORACIC = (spec_of(name) for name in ("fashion_mnist", "housing", "thoracic"))
assert HOUSING.new_rows is not None
TWO_COLUMNS = DatasetSpec(
    read=lambda _: HOUSING.blank(),
    files=(RawFile("a.csv", "0" * 64, 1),),
    mirror="mine",
    rows=4,
    ranked_by="mse",
    features=(Feature("age", "years"), Feature("beds")),
    new_rows=NewRows(("age", "beds"), ignored=("label",), other_names={"rooms": "beds"}, codes={"beds": {"none": 0}}),
)
BLOCK_GROUPS = pd.DataFrame(
    [[-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252], [-118.5, 34.1, 20, 2000, 400, 900, 350, 3.5]],
    columns=list(HOUSING.new_rows.columns),
)
GRAY = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


def png(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def table(path: Path, content: pd.DataFrame | str) -> Path:
    path.write_text(content if isinstance(content, str) else content.to_csv(index=False), encoding="utf-8")
    return path


def images_of_fashion_mnist() -> np.ndarray:
    """uint8 (70000, 28, 28), the training rows first; skips where the raw files are not."""
    folder = Path(__file__).resolve().parents[1] / "data/raw/fashion_mnist"
    if not folder.is_dir():
        pytest.skip("no raw files of fashion_mnist here")
    return FASHION_MNIST.read(folder).x
