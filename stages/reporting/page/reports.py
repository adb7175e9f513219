"""What the report page is made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.artifacts.tables import LEADERBOARD
from stages.params.schema import Params
from stages.presentation.determinism import Costs
from stages.presentation.kept import Tables
from stages.presentation.words import Text

Context = dict[str, Any]


@dataclass(frozen=True)
class Reports:
    """What the page is made of. What is not there has no entry, or no rows."""

    params: Params
    recipes: Mapping[str, bytes]
    """`data/recipes/<variant>.json`, by variant."""
    summaries: Mapping[str, Context]
    """`data/models/<variant>/summary.json`, by variant."""
    histories: Mapping[str, pd.DataFrame]
    tables: Tables
    """Of this run."""
    several: Tables | None
    """Of a run with several seeds of the same trainings, if one is kept."""
    remarks: list[Text]
    """What else is to be said of the run."""
    confusion: pd.DataFrame
    classes: pd.DataFrame
    environment: Context
    costs: Costs
    """What a benchmark says of deterministic runs."""
    pictures: Mapping[str, Mapping[str, bytes]]
    """PNG files under `reports/figures/`, by folder and by the variant, the study or what else the file is called."""

    def names(self) -> list[str]:
        """Every variant that something is known of, those of `params.yaml` first."""
        return list(dict.fromkeys([*self.params.variants, *self.recipes, *self.tables[LEADERBOARD]["variant"]]))

    def recipe(self, name: str) -> Context:
        """The complete recipe of a variant; empty if it has none."""
        return json.loads(self.recipes[name]) if name in self.recipes else {}

    def dataset(self, name: str) -> str:
        """The data set of a variant."""
        declared = self.params.variants.get(name)
        return str(self.recipe(name).get("dataset") or (declared.dataset if declared else ""))
