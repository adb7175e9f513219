"""The claim that deterministic runs are expensive, which a benchmark answers instead of a study.

`bash benchmarks/run` leaves the table of its measurements. Without that table there is no such claim.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.comparison.verdicts import Answer
from stages.presentation.words import Text, text

COSTS = Path("reports/several_seeds/determinism.csv")
"""Written by `benchmarks.report.determinism_table`; its columns are the fields of `Cost`."""
NAME = "cost-of-determinism"
"""Name on the page. No study has it: their names have no hyphen."""
DOCUMENT = "E"
EXPENSIVE = 1.1
"""Ratio of times that we take for expensive; document E gives no number."""


@dataclass(frozen=True)
class Cost:
    """Time of a deterministic epoch relative to one that is not, of one variant."""

    variant: str
    way: str
    """Key of `determinism.ways` in the words: what trained."""
    ratio: float
    """Geometric mean of the ratios of seconds."""
    low: float
    high: float
    """Limits of its 95 % interval."""
    same_work: bool
    """Whether both have the same number of parameters and about the same loss."""


def costs_of(table: pd.DataFrame) -> list[Cost]:
    """Read the costs from the table at `COSTS`."""
    return [Cost(**{str(column): value for column, value in row.items()}) for row in table.to_dict("records")]


def read_costs(variants: Container[str]) -> list[Cost]:
    """Read the costs of these variants from the table at `COSTS`, if there is one."""
    costs = costs_of(pd.read_csv(COSTS)) if COSTS.exists() else []
    return [cost for cost in costs if cost.variant in variants]


def comparable(costs: Sequence[Cost]) -> list[Cost]:
    """Select the costs of deterministic trainings that did the same work as the others."""
    return [cost for cost in costs if cost.same_work]


def answer(costs: Sequence[Cost]) -> Answer:
    """Answer the claim by the intervals of all variants, which may disagree."""
    peers = comparable(costs)
    if not peers:
        return Answer.NOT_MEASURED
    expensive, cheap = [cost.low > EXPENSIVE for cost in peers], [cost.high < EXPENSIVE for cost in peers]
    if any(expensive) and any(cheap):
        return Answer.IN_PART
    return Answer.YES if all(expensive) else Answer.NO if all(cheap) else Answer.OPEN


def question() -> Text:
    """Question of the claim."""
    return text("determinism", "question")


def claim() -> Text:
    """Claim of the document."""
    return text("determinism", "claim", times=EXPENSIVE)


def way(cost: Cost) -> Text:
    """Name of what trained."""
    return text("determinism", "ways", cost.way)


def interval(cost: Cost) -> Text:
    """95 % interval of the ratio."""
    return text("table", "range", low=f"{cost.low:.2f}", high=f"{cost.high:.2f}")
