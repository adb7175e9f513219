"""The input of the report page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import LEADERBOARD, TRAININGS
from stages.comparison.changes import Changes
from stages.comparison.criteria import Criteria
from stages.documents import Described, Source, Study
from stages.params.catalogue import Catalogue
from stages.presentation.determinism import Cost
from stages.presentation.kept import Tables
from stages.presentation.words import Text, title_text
from stages.reporting.pictured import Pictured
from stages.training.recipe import Recipe

SHRINKS = ("regularizer", "constraint")
"""Parts of the names of arguments that keep weights small."""


@dataclass(frozen=True, eq=False)
class Tested:
    """The test rows of a variant as its first training predicts them; of a repeated split those of the first."""

    rows: np.ndarray
    """int32 (rows,) row numbers in the raw data."""
    y: np.ndarray
    """(rows,) int32 class or float32 quantity."""
    predicted: np.ndarray
    """float32 (rows, outputs) of the main output."""
    overlap: float = 0.0
    """Of a split that is repeated, the number of test rows for each training row."""


@dataclass(frozen=True, kw_only=True)
class Reports:
    """Everything that the page shows. Missing files have no entry, missing tables no rows."""

    catalogue: Catalogue
    studies: Mapping[str, Study]
    sources: Mapping[str, Source]
    described: Mapping[str, Described]
    """Documents that describe a variant, and its settings that are ours."""
    recipes: Mapping[str, bytes]
    """`data/models/<variant>/recipe.json`, from which the model was trained, by variant."""
    columns: Mapping[str, Sequence[str]]
    """Names of the columns of each variant's split; none for images."""
    summaries: Mapping[str, Mapping[str, Any]]
    """`data/models/<variant>/summary.json` by variant."""
    histories: Mapping[str, pd.DataFrame]
    tables: Tables
    """Tables of this run."""
    several: Tables | None
    """Tables of a kept run with several seeds, if they belong to this run."""
    notes: Sequence[Text]
    """Notes on the run."""
    changes: Changes = field(default_factory=Changes)
    """What changed since the run that is kept in Git."""
    kept_answers: Mapping[str, str] = field(default_factory=dict)
    """Answers of the kept run with several seeds by study; none if this run has several seeds."""
    confusion: pd.DataFrame
    classes: pd.DataFrame
    reliability: pd.DataFrame
    tested: Mapping[str, Tested]
    """Test rows and their predictions by variant."""
    images: Mapping[str, np.ndarray]
    """uint8 (rows, height, width), the first images of the test rows, by data set."""
    near_zero: Mapping[str, Mapping[str, float]]
    """Share of the weights near zero by layer, of the variants whose recipe `keeps_small`."""
    criteria: Criteria
    """By which any two variants are compared."""
    environment: Mapping[str, Any]
    costs: Sequence[Cost]
    """Costs of determinism; without any, the page has no such claim."""
    pictured: Pictured

    def rows(self, table: str, name: str) -> pd.DataFrame:
        """Rows of a variant in confusion, classes, reliability, worst, leaderboard, trainings or those that decide."""
        rows = self._by_variant[table].get(name)
        return self._tables[table][:0] if rows is None else rows

    @property
    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {
            "confusion": self.confusion,
            "classes": self.classes,
            "reliability": self.reliability,
            "worst": self.pictured.worst,
            "leaderboard": self.tables[LEADERBOARD],
            "trainings": self.tables[TRAININGS],
            "deciding": self.deciding[TRAININGS],
        }

    @cached_property
    def _by_variant(self) -> Mapping[str, Mapping[str, pd.DataFrame]]:
        groups = {key: table.groupby("variant", sort=False) for key, table in self._tables.items()}
        return {key: {str(name): rows for name, rows in group} for key, group in groups.items()}

    @property
    def deciding(self) -> Tables:
        """Tables whose answers count."""
        return self.several or self.tables

    @cached_property
    def names(self) -> list[str]:
        """Names of all variants in any of the files, those of the catalogue first."""
        return list(dict.fromkeys([*self.catalogue.variants, *self.recipes, *self.tables[LEADERBOARD]["variant"]]))

    @cached_property
    def parsed_recipes(self) -> Mapping[str, Recipe]:
        """Complete recipes by variant."""
        return {name: json.loads(content) for name, content in self.recipes.items()}

    def recipe(self, name: str) -> Recipe:
        """Complete recipe of a variant; empty if it has none."""
        return self.parsed_recipes.get(name, Recipe())

    def dataset(self, name: str) -> str:
        """Data set of a variant; empty if it is unknown."""
        entry = self.catalogue.variants.get(name)
        return self.recipe(name).get("dataset") or (entry.dataset if entry else "")

    def title(self, name: str) -> Text:
        """Title of a variant; its name if it is unknown."""
        entry = self.catalogue.variants.get(name)
        return title_text(name, entry.title if entry else None)

    @cached_property
    def seeds(self) -> list[int]:
        """Seeds of this run, ascending."""
        return sorted(int(seed) for seed in self.tables[TRAININGS]["seed"].unique())


def leaves(content: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Give the values in nested mappings by their place; an empty mapping has none."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            found |= leaves(value, f"{place}{key}.")
        elif value is not None:
            found[f"{place}{key}"] = value
    return found


def keeps_small(recipe: Mapping[str, Any]) -> bool:
    """Whether a layer of a recipe has a regularizer or a constraint."""
    return any(word in place for place in leaves(recipe.get("layers", {})) for word in SHRINKS)
