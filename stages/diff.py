"""Compare the variants of two revisions: `python -m stages.diff [a] [b]`.

    python -m stages.diff                  # HEAD and the workspace
    python -m stages.diff main thirty      # a branch and an experiment

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
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from stages.comparison.changes import Pair, changed_keys, judge
from stages.comparison.criteria import Criteria, read_criteria
from stages.comparison.scores import KNOWN
from stages.comparison.studies import Difference
from stages.comparison.trained import TrainedVariant
from stages.comparison.verdicts import Verdict
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
        lines = {after.name: _recipe_change(before, after) for before, after in pairs}
        judged, failed = judge(pairs, criteria, metric)
    changes.recipes += filter(None, lines.values())
    changes.notes += [f"{name}: not compared: {error}" for name, error in failed.items()]
    changes.rows = [_row(name, *each, criteria) for name, each in judged.items()]
    changes.notes += [
        f"{name}: diverged with {found.diverged[0]} of {found.seeds} seeds, before with {found.diverged[1]}"
        for name, (found, _) in judged.items()
        if any(found.diverged)
    ]
    if same_recipe := [name for name, line in lines.items() if not line]:
        changes.recipes.append(f"the same recipe, another result: {', '.join(same_recipe)}")
    if any(found.seeds == 1 for found, _ in judged.values()):
        changes.notes.append(ONE_SEED)
    changes.notes.append(f"the same, byte for byte: {len(common) - len(pairs) - len(unread)}")
    return changes


def _changed(before: State, after: State, names: list[str], scratch: Path) -> tuple[list[Pair], dict[str, ValueError]]:
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
    found = changed_keys(before.recipe, after.recipe)
    parts = [f"{place} {_value(was)} -> {_value(now)}" for place, (was, now) in found.items()]
    return f"{after.name}: {'; '.join(parts)}" if parts else ""


def _value(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else shown(value)


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
