"""The claim that deterministic runs are expensive, which a benchmark answers and not a study."""

from pathlib import Path
from typing import Any

from stages.presentation.words import Text, text

BENCHMARKS = Path("benchmarks/results.json")
NAME = "cost-of-determinism"
"""On the page. No study is called so: their names have no hyphen."""
DOCUMENT = "E"
EXPENSIVE = 1.1
"""So many times as long: what document E may mean by it, which names no figure."""

Costs = list[dict[str, Any]]
"""As `benchmarks.report.determinism_costs` gives them."""


def comparable(costs: Costs) -> Costs:
    """The costs of what did the same work with and without."""
    return [cost for cost in costs if cost["same_work"]]


def answer(costs: Costs) -> str:
    """Say by the intervals whether deterministic runs are expensive: each net answers, and they need not agree."""
    peers = comparable(costs)
    dear, cheap = ([cost["low"] > EXPENSIVE for cost in peers], [cost["high"] < EXPENSIVE for cost in peers])
    if not peers:
        return "not measured"
    if any(dear) and any(cheap):
        return "depends on the net"
    return "confirmed" if all(dear) else "refuted" if all(cheap) else "not decided"


def question() -> Text:
    """What is asked."""
    return text("determinism", "question")


def claim() -> Text:
    """What the document claims."""
    return text("determinism", "claim", times=EXPENSIVE)


def way(cost: dict[str, Any]) -> Text:
    """What trained."""
    return text("determinism", "ways", cost["way"])


def interval(cost: dict[str, Any]) -> Text:
    """The 95 % interval of how many times as long."""
    return text("table", "range", low=f"{cost['low']:.2f}", high=f"{cost['high']:.2f}")
