"""Compare the variants of two revisions: `python -m stages.diff [a] [b]`.

`dvc metrics diff` shows how far metrics moved; this tells whether by more than noise. A revision is anything that Git
or DVC knows by a name: a commit, a branch, an experiment. The default is HEAD and the workspace, so after
`dvc exp run -S dropout=0.3` it shows the effect. The predictions are read through DVC from its cache (or remote);
nothing is checked out.

Every variant whose recipe, predictions, history or evaluation differ gets a line: its metric in both, the difference,
its 95 % interval (see `stages.comparison.statistics`), and the verdict on b: better, worse, same, open, or no interval
for a metric with one value per training. The verdicts of all lines share the chance of an error (Holm's procedure), so
a line may be open though its own interval excludes 0. Below stands what changed in its recipe.

It needs recipes, targets and what trainings leave, and no table of another stage.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from stages.comparison.criteria import Criteria, read_criteria
from stages.comparison.scores import KNOWN, RANKING
from stages.comparison.studies import Difference, difference
from stages.comparison.trained import TrainedVariant
from stages.comparison.verdicts import Verdict
from stages.datasets.spec import spec_of
from stages.params.differences import recipe_differences
from stages.params.messages import shown, unknown
from stages.revisions import WORKSPACE, State, state_of

DIFF_COLUMNS = ["variant", "metric", "a", "b", "difference", "low", "high", "verdict"]
ONE_SEED = "one seed: these verdicts are about the trained models; with another seed they may be reversed"


@dataclass
class Changes:
    """The differences between two states."""

    before: str
    """Name of the state."""
    after: str
    rows: list[list[Any]] = field(default_factory=list)
    """One for each variant that could be compared, with DIFF_COLUMNS."""
    recipes: list[str] = field(default_factory=list)
    """One line for each changed recipe."""
    notes: list[str] = field(default_factory=list)
    """Variants that could not be compared and why, and what to know of the rows."""

    def text(self) -> str:
        """Write them as a table, with lines below it."""
        found = []
        if self.rows:
            names = {"a": self.before, "b": self.after}
            table = pd.DataFrame(self.rows, columns=DIFF_COLUMNS).rename(columns=names)
            found.append(table.to_string(index=False, float_format="{:.4f}".format))
            found.append(", ".join(f"{count} {name}" for name, count in table["verdict"].value_counts().items()))
        return "\n".join([*found, *self.recipes, *self.notes])


def pair_seeds(one: TrainedVariant, other: TrainedVariant) -> tuple[TrainedVariant, TrainedVariant]:
    """Keep the common seeds; if there are none but equally many, pair them in order.

    Raises: ValueError if there are neither.
    """
    seeds = [sorted(set(each.history["seed"])) for each in (one, other)]
    common = sorted(set(seeds[0]) & set(seeds[1]))
    if not common and len(seeds[0]) == len(seeds[1]):
        renamed = other.history.assign(seed=other.history["seed"].map(dict(zip(seeds[1], seeds[0], strict=True))))
        return one, replace(other, history=renamed)
    if not common:
        raise ValueError(f"expected seeds in common, got {seeds[0]} and {seeds[1]}")
    return one.with_seeds(common), other.with_seeds(common)


def differences(before: State, after: State, metric: str | None = None, criteria: Criteria | None = None) -> Changes:
    """Compare the variants that both states have. Of those that did not change, no more than the MD5s are read.

    metric: by default that which ranks the data set; criteria: by default those of the workspace.
    Raises: ValueError if a state has no recipes, or not the files of a single variant.
    """
    criteria = criteria or read_criteria()
    names = [state.variants() for state in (before, after)]
    common = [name for name in names[0] if name in names[1]]
    changes = Changes(before.name, after.name)
    changes.notes += [
        f"{name}: in {state.name} only"
        for state, own in zip((before, after), names, strict=True)
        for name in own
        if name not in common
    ]
    with TemporaryDirectory() as scratch:
        pairs, unread = _changed(before, after, common, Path(scratch))
        changes.notes += [f"{name}: not compared: {error}" for name, error in unread.items()]
        same_recipe, compared = [], dict[str, Difference]()
        for one, other in pairs:
            if line := _recipe_change(one, other):
                changes.recipes.append(line)
            else:
                same_recipe.append(one.name)
            try:
                compared[other.name] = _difference(one, other, metric or spec_of(other.recipe["dataset"]).ranked_by)
            except ValueError as error:
                changes.notes.append(f"{one.name}: not compared: {error}")
    judged = verdicts([*compared.values()], criteria)
    changes.rows = [_row(*row, criteria) for row in zip(compared, compared.values(), judged, strict=True)]
    changes.notes += [
        f"{name}: diverged with {found.diverged[0]} of {found.seeds} seeds, before with {found.diverged[1]}"
        for name, found in compared.items()
        if any(found.diverged)
    ]
    if same_recipe:
        changes.recipes.append(f"the same recipe, another result: {', '.join(same_recipe)}")
    if any(found.seeds == 1 for found in compared.values()):
        changes.notes.append(ONE_SEED)
    changes.notes.append(f"the same, byte for byte: {len(common) - len(pairs) - len(unread)}")
    return changes


def _changed(
    before: State, after: State, names: list[str], scratch: Path
) -> tuple[list[tuple[TrainedVariant, TrainedVariant]], dict[str, ValueError]]:
    """Read the variants that changed, and give the error of each that could not be read.

    Raises: the first of the errors if no variant could be read.
    """
    pairs, unread = [], {}
    for name in names:
        try:
            if before.version(name) != after.version(name):
                pairs.append((before.trained(name, scratch), after.trained(name, scratch)))
        except ValueError as error:
            unread[name] = error
    if names and len(unread) == len(names):
        raise next(iter(unread.values()))
    return pairs, unread


def _recipe_change(before: TrainedVariant, after: TrainedVariant) -> str:
    found = recipe_differences(before.recipe, after.recipe)
    for key in ("seed", "seeds"):
        values = before.recipe.get(key), after.recipe.get(key)
        if values[0] != values[1]:
            found[key] = values
    parts = [f"{place} {_value(was)} -> {_value(now)}" for place, (was, now) in found.items()]
    return f"{after.name}: {'; '.join(parts)}" if parts else ""


def _value(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else shown(value)


def _difference(before: TrainedVariant, after: TrainedVariant, metric: str) -> Difference:
    if metric in RANKING and "test" not in after.predictions:
        raise ValueError("it has no test rows")
    before, after = pair_seeds(before, after)
    return difference(after, before, metric)


def verdicts(differences: Sequence[Difference], criteria: Criteria) -> list[Verdict]:
    """Judge differences that share the chance of an error.

    The chance that any of them is wrongly called better or worse is at most `criteria.error`, and so is that of one
    that is wrongly called the same.
    """
    differ = holm([each.p_value() for each in differences], criteria.error)
    same = holm([each.p_value_of_same(criteria) for each in differences], criteria.error)
    of_any_size = replace(criteria, worth={})
    found = []
    for number, each in enumerate(differences):
        alone = each.judge(criteria)
        if same[number]:
            found.append(Verdict.SAME)
        elif differ[number]:
            found.append(each.judge(of_any_size))
        else:
            found.append(Verdict.OPEN if alone in (Verdict.BETTER, Verdict.WORSE, Verdict.SAME) else alone)
    return found


def holm(p_values: Sequence[float], error: float) -> list[bool]:
    """Tell which hypotheses are rejected (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure",
    Scandinavian Journal of Statistics 6): the clearest has the least share of the error, and the first that is not
    rejected ends it. One without a p-value is none.
    """
    order = sorted((p, number) for number, p in enumerate(p_values) if not isnan(p))
    rejected = set()
    for rank, (p, number) in enumerate(order):
        if p > error / (len(order) - rank):
            break
        rejected.add(number)
    return [number in rejected for number in range(len(p_values))]


def _row(name: str, found: Difference, judged: Verdict, criteria: Criteria) -> list[Any]:
    return [name, found.metric, found.of_baseline, found.ours, *found.interval(criteria.error), judged]


def main(arguments: list[str] | None = None) -> None:
    """Compare the revisions on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.diff", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a", nargs="?", default="HEAD", help="the old one, default: HEAD")
    parser.add_argument("b", nargs="?", default=WORKSPACE, help="the new one, default: the workspace")
    parser.add_argument("--metric", help=f"{', '.join(KNOWN)}; default: the one that ranks the data set")
    options = parser.parse_args(arguments)
    try:
        if options.metric is not None and options.metric not in KNOWN:
            raise ValueError(unknown("--metric", KNOWN, options.metric))
        print(differences(state_of(options.a), state_of(options.b), options.metric).text())
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
