"""Sweeps: many candidates for the values of some keys of a variant, as `sweeps.yaml` declares them.

    sweeps:
      optimizers:
        dataset: my_data                   # that of the variant
        variant: my_network                # the candidates differ from it in the keys below
        seeds: 3                           # each is trained with seed, seed + 1, … of params.yaml
        grid:                              # every combination of these values
          optimizer:                       # objects have names
            sgd: SGD
            nesterov: {class: SGD, momentum: 0.9, nesterov: true}
          optimizer.learning_rate: [0.01, 0.1]
        best_for: optimizer                # the best candidate for each of its values; without it, the best of all
        distributions:                     # and with each combination so many draws of these
          batch_size: {choice: [16, 32, 64]}
          layers.hidden.units: {integer: [10, 200]}
        draws: 5
        random_state: 0

Keys are those of `dvc exp run -S variants.<variant>.<key>=<value>`. A distribution is `uniform` or `log_uniform`
between two numbers, `integer` from one to another, or a `choice`.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    model_validator,
)

from stages.params.messages import shown, unknown
from stages.params.overrides import recipe
from stages.params.schema import Count, Name, Params, Seed, explain, mistake
from stages.params.yaml_file import read_yaml
from stages.training.recipe import Recipe

SWEEPS = Path("sweeps.yaml")
MAX_CANDIDATES = 10_000
DIGITS = 6
"""Significant digits of a drawn number."""
FIXED = ("title", "base", "dataset", "split")
"""Keys of a variant that all candidates share: their scores are those of the same rows."""
OVERRIDES = {
    "dropout": ("layers", "graph"),
    "epochs": ("epochs",),
    "learning_rate": ("optimizer",),
    "batch_size": ("batch_size",),
    "optimizer": ("optimizer",),
}
"""Top-level overrides of `params.yaml`, and the keys of a variant in which they set a value."""

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[A-Za-z0-9_]+)*$")]
Plain = str | int | float | bool
Labels = dict[str, Plain]
"""What stands for the values of a candidate in tables, by key: a number or a text itself, or the name of a value."""


def _by_label(values: Any) -> dict[Plain, Any]:
    if isinstance(values, dict) and values:
        if wrong := [name for name in values if not re.fullmatch("[a-z0-9_]+", str(name))]:
            raise mistake("names that match ^[a-z0-9_]+$", shown(wrong[0]))
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, list) or not values:
        raise mistake("a list of numbers or texts, or {<name>: <value>, …}", shown(values))
    for number, value in enumerate(values):
        if not isinstance(value, Plain):
            raise mistake("names for values that are no numbers or texts, {<name>: <value>, …}", shown(value))
        if value in values[:number]:
            raise mistake("each value once", f"{shown(value)} twice")
    return {value: value for value in values}


Values = Annotated[dict[Plain, Any], PlainValidator(_by_label)]
"""The values of a key by their labels."""
Range = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=2, max_length=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Distribution(_Strict):
    """From where the values of a key are drawn: one of these."""

    uniform: Range | None = None
    log_uniform: Range | None = None
    integer: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None
    choice: Values | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Distribution":
        given = [name for name in Distribution.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise mistake(f"one of {', '.join(Distribution.model_fields)}", " and ".join(given) or "none of them")
        ends = getattr(self, given[0])
        if given[0] != "choice" and not ends[0] < ends[1]:
            raise mistake("two rising numbers", shown(ends))
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise mistake("numbers greater than 0 beside log_uniform", shown(self.log_uniform))
        return self

    def at(self, share: float) -> tuple[Plain, Any]:
        """Give the label and the value below which this share of the draws lies. share: from 0 to less than 1."""
        if self.choice is not None:
            return list(self.choice.items())[int(share * len(self.choice))]
        if self.integer is not None:
            first, last = self.integer
            return (value := first + int(share * (last - first + 1))), value
        if self.log_uniform is not None:
            low, high = map(math.log, self.log_uniform)
            drawn = math.exp(low + share * (high - low))
        else:
            low, high = self.uniform or (0.0, 1.0)
            drawn = low + share * (high - low)
        return (rounded := float(f"{drawn:.{DIGITS}g}")), rounded


class Sweep(_Strict):
    """One sweep of `sweeps.yaml`."""

    dataset: Name
    """That of the variant: DVC reads it here."""
    variant: Name
    seeds: Count = 1
    grid: dict[Key, Values] = {}
    distributions: dict[Key, Distribution] = {}
    draws: Count | None = None
    """So many for each combination of the grid."""
    random_state: Seed = 0
    best_for: Key | None = None
    """A key of the grid: there is a best candidate for each of its values."""

    @model_validator(mode="after")
    def _fits(self) -> "Sweep":
        if not self.keys:
            raise mistake("a grid or distributions", "neither")
        if fixed := [key for key in self.keys if key.partition(".")[0] in FIXED]:
            raise mistake("keys that may differ between candidates", shown(fixed[0]))
        if twice := [key for key in self.grid if key in self.distributions]:
            raise mistake("each key once, in the grid or in distributions", f"{twice[0]} in both")
        if self.best_for is not None and self.best_for not in self.grid:
            raise mistake("a key of the grid as best_for", shown(self.best_for))
        if (self.draws is None) != (not self.distributions):
            raise mistake("distributions and draws", "one without the other")
        if (count := math.prod(map(len, self.grid.values())) * (self.draws or 1)) > MAX_CANDIDATES:
            raise mistake(f"at most {MAX_CANDIDATES:,} candidates", f"{count:,}")
        return self

    @property
    def keys(self) -> list[str]:
        """The keys in which candidates differ."""
        return [*self.grid, *self.distributions]

    def points(self) -> Iterator[dict[str, tuple[Plain, Any]]]:
        """Yield each candidate: the label and the value of each key.

        With more draws the first ones stay as they are, and with more keys the values of the others.
        """
        shares = {
            key: np.random.default_rng([self.random_state, *key.encode()]).random(self.draws or 1)
            for key in self.distributions
        }
        for combination in product(*(values.items() for values in self.grid.values())):
            for number in range(self.draws or 1):
                drawn = {key: each.at(shares[key][number]) for key, each in self.distributions.items()}
                yield dict(zip(self.grid, combination, strict=True)) | drawn


class _File(_Strict):
    sweeps: dict[Name, Sweep]


def read_sweeps(path: Path = SWEEPS) -> dict[str, Sweep]:
    """Read the sweeps by name; a missing file counts as one without any.

    Raises: ValueError with one line per mistake: its place in the file, what was expected and what came.
    """
    if not path.exists():
        return {}
    try:
        return _File.model_validate(read_yaml(path)).sweeps
    except ValidationError as error:
        lines = explain(error).splitlines()
        raise ValueError("\n".join(f"{path}, {line.removeprefix('sweeps.')}" for line in lines)) from None


@dataclass(frozen=True)
class Candidate:
    """A variant with one of the values of each key of a sweep."""

    labels: Labels
    recipe: Recipe
    """With the first of its seeds."""


def candidates(
    name: str, sweep: Sweep, params: Params, complete: Callable[[Recipe, str], Recipe]
) -> Iterator[Candidate]:
    """Yield the candidates of a sweep.

    What the top of `params.yaml` sets in every variant does not concern the keys that the sweep sets.
    complete: checks a recipe at a place and gives it complete, or raises ValueError.
    Raises: ValueError with one line per mistake: the first candidate that has it, the key, what was expected and came.
    """
    if sweep.variant not in params.variants:
        raise ValueError(unknown(f"{SWEEPS}, {name}.variant", params.variants, sweep.variant))
    if (dataset := params.variants[sweep.variant].dataset) != sweep.dataset:
        raise ValueError(f"{SWEEPS}, {name}.dataset: expected {dataset}, that of {sweep.variant}, got {sweep.dataset}")
    set_here = {key.partition(".")[0] for key in sweep.keys}
    free = {override: None for override, keys in OVERRIDES.items() if set_here & {*keys}}
    prefix = "_" * (1 + max(map(len, params.variants)))  # no variant is called so
    points = {f"{prefix}{number}": point for number, point in enumerate(sweep.points())}
    places = {each: f"{SWEEPS}, {name}, {_shown(_labels(point))}" for each, point in points.items()}
    blocks = {each: _block(params.block(sweep.variant), point) for each, point in points.items()}
    mistakes: list[str] = []
    try:
        params = params.with_variants(blocks).model_copy(update=free)
    except ValueError as error:
        raise ValueError(_named(str(error).splitlines(), places)) from None
    for each, point in points.items():
        place = f"variants.{each}"
        try:
            yield Candidate(_labels(point), complete(recipe(params, params.variants[each], place), place))
        except ValueError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise ValueError(_named(mistakes, places))


def _labels(point: Mapping[str, tuple[Plain, Any]]) -> Labels:
    return {key: label for key, (label, _) in point.items()}


def _shown(labels: Labels) -> str:
    return " ".join(f"{key}={label}" for key, label in labels.items())


def _block(block: dict[str, Any], point: Mapping[str, tuple[Plain, Any]]) -> dict[str, Any]:
    """Set the values in the block of a variant, which is changed; a key after those that hold it."""
    for key in sorted(point, key=lambda key: key.count(".")):
        *parents, last = key.split(".")
        inner = block
        for parent in parents:
            own = inner.get(parent)
            inner[parent] = {"class": own} if isinstance(own, str) else own if isinstance(own, dict) else {}
            inner = inner[parent]
        inner[last] = deepcopy(point[key][1])
    return block


def _named(mistakes: Iterable[str], places: Mapping[str, str]) -> str:
    """Write each mistake once, at the first candidate that has it."""
    first: dict[str, str] = {}
    for line in mistakes:
        candidate, _, rest = line.removeprefix("variants.").partition(":")
        candidate, _, key = candidate.partition(".")
        mistake = f"{key}:{rest}" if key else rest.lstrip()
        first.setdefault(mistake, f"{places[candidate]}: {mistake}" if candidate in places else line)
    return "\n".join(first.values())
