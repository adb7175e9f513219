"""By what differences are judged: the block `comparison` of `params.yaml`, as `stages.configure` passes it on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

CRITERIA = Path("data/criteria.json")


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """By what differences are judged."""

    confidence: float
    """Of an interval, 0 to 1. The chance of a false verdict is at most 1 less this."""
    worth: Mapping[str, float]
    """The least difference that is worth having by metric, in the metric's unit; without one nothing is `same`."""
    looks: tuple[int, ...] = ()
    """Numbers of seeds after which a run decided whether to go on; none if their number was fixed."""

    @property
    def error(self) -> float:
        """Chance of a false verdict at one look: the looks share it (Bonferroni)."""
        return (1 - self.confidence) / max(len(self.looks), 1)


def read_criteria(path: Path = CRITERIA) -> Criteria:
    """Read what `stages.configure` wrote; the number of seeds counts as fixed. ValueError if it is not there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: expected the file that `dvc repro configure` leaves, got none") from None
    return Criteria(confidence=content["confidence"], worth=content["worth"])


def read_looks(path: Path = CRITERIA) -> Criteria:
    """Read what `stages.configure` wrote, for a run that trains until it is decided; see `read_criteria`."""
    looks = json.loads(path.read_text(encoding="utf-8"))["looks"] if path.exists() else ()
    return replace(read_criteria(path), looks=tuple(looks))
