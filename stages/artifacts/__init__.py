"""The files of a variant: their paths, and how they are read.

`stages.configure` writes the recipe, `stages.train` all others. `stages.training` names the folders for itself: if it
depended on this module, a change here would train every variant again.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zipfile import BadZipFile

import numpy as np

from stages.training.objects import sentence
from stages.training.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

RECIPES = Path("data/recipes")
MODELS = Path("data/models")
SWEEPS = Path("data/sweeps")

Content = TypeVar("Content")


@dataclass(frozen=True)
class Artifact(Generic[Content]):
    """A file of each variant, `<folder>/<variant><ending>`."""

    folder: Path
    ending: str
    parse: Callable[[bytes], Content]

    def path(self, variant: str) -> Path:
        """Give the variant's path."""
        return self.folder / f"{variant}{self.ending}"

    def read(self, variant: str, read_bytes: Callable[[Path], bytes] = Path.read_bytes) -> Content:
        """Read a variant's file.

        read_bytes: gives the bytes at a path, perhaps from elsewhere.
        Raises: ValueError if the file is missing or damaged.
        """
        path = self.path(variant)
        try:
            return self.parse(read_bytes(path))
        except FileNotFoundError:
            raise ValueError(f"{path}: expected the file that `dvc repro` leaves there, got none") from None
        except (ValueError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path}: expected a whole {path.suffix} file, got: {sentence(error)}") from None

    def get(self, variant: str) -> Content | None:
        """Read a variant's file; None if it is missing."""
        return self.read(variant) if self.path(variant).exists() else None

    def variants(self) -> list[str]:
        """Name the variants that have the file."""
        paths = (path.relative_to(self.folder).as_posix() for path in self.folder.glob(f"*{self.ending}"))
        return sorted(path.removesuffix(self.ending) for path in paths)

    def read_all(self) -> dict[str, Content]:
        """Read the files of all variants that have one."""
        return {variant: self.read(variant) for variant in self.variants()}


def _table(content: bytes) -> "pd.DataFrame":
    import pandas as pd  # here, since stages that read no table do without it

    return pd.read_csv(io.BytesIO(content))


RECIPE: Artifact[Recipe] = Artifact(RECIPES, ".json", json.loads)
TRAINED_RECIPE: Artifact[Recipe] = Artifact(MODELS, "/recipe.json", json.loads)
"""The recipe that the model was trained from."""
SUMMARY: Artifact[dict[str, Any]] = Artifact(MODELS, "/summary.json", json.loads)
"""Layers, shapes, parameter counts; epochs of each training."""
PREDICTIONS: Artifact[dict[str, np.ndarray]] = Artifact(
    MODELS, "/predictions.npz", lambda content: dict(np.load(io.BytesIO(content)))
)
"""Float32 (trainings, rows, outputs) by part, those of a second output as `<part>_auxiliary`."""
HISTORY: Artifact["pd.DataFrame"] = Artifact(MODELS, "/history.csv", _table)
"""One row for each epoch of each training: (split,) seed, epoch, <metric>, val_<metric>, learning_rate."""
SWEEP: Artifact[dict[str, Any]] = Artifact(SWEEPS, ".json", json.loads)
"""A sweep, with its name instead of a variant's: `variant`, `seeds`, `grid` (its keys), `keys` (all), `best_for` and
`candidates`, which have `labels` by key and the `recipe` with the first seed.
"""
