"""Compare the variants of two revisions: `python -m stages.diff [a] [b]`.

`dvc metrics diff` shows how far metrics moved; this tells whether by more than noise. A revision is anything that Git
or DVC knows by a name: a commit, a branch, an experiment. The default is HEAD and the workspace, so after
`dvc exp run -S dropout=0.3` it shows the effect. The predictions are read through DVC from its cache (or remote);
nothing is checked out.

Every variant whose recipe, predictions, history or evaluation differ gets a line: its metric in both, the difference,
its 95 % interval (see `stages.comparison.statistics`), and the verdict on b: better, worse, same, open, or no interval
for a metric with one value per training. The verdicts of all lines share the chance of an error (Holm's procedure), so
a line may be open though its own interval excludes 0. Below stands what changed in its recipe.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from dvc_data.index import DataIndexDirError

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, RECIPES, SUMMARY, SWEEP, Artifact
from stages.comparison.criteria import Criteria, read_criteria
from stages.comparison.scores import KNOWN, RANKING
from stages.comparison.studies import Difference, difference
from stages.comparison.trained import TrainedVariant, read_trained
from stages.comparison.verdicts import Verdict
from stages.datasets.spec import spec_of
from stages.params.differences import recipe_differences
from stages.params.messages import shown, unknown
from stages.splits import NORMALIZED

WORKSPACE = "workspace"
DIFF_COLUMNS = ["variant", "metric", "a", "b", "difference", "low", "high", "verdict"]
ONE_SEED = "one seed: these verdicts are about the trained models; with another seed they may be reversed"


class Revision:
    """The files of a revision, or of the workspace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._files: Any = None
        if name != WORKSPACE:
            try:
                self._files = DVCFileSystem(rev=name)
                self._files.ls("/")
            except (DvcException, SCMError) as error:
                raise ValueError(f"{name}: expected a revision or an experiment, got: {error}") from None

    def read(self, path: Path) -> bytes:
        """Read a file. Raises: ValueError if the revision has none, or none that can be had."""
        try:
            return path.read_bytes() if self._files is None else self._files.cat_file(f"/{path.as_posix()}")
        except (OSError, DataIndexDirError):
            raise self._absent(path) from None

    def variants(self) -> list[str]:
        """Name the variants that have a recipe."""
        if (found := self._names(RECIPE)) is None:
            raise ValueError(f"{self.name}: expected {RECIPES}, got a revision without it")
        return found

    def sweeps(self) -> list[str]:
        """Name the sweeps that are configured; none in a revision of before there were any."""
        return self._names(SWEEP) or []

    def _names(self, artifact: Artifact[Any]) -> list[str] | None:
        if self._files is None:
            return artifact.variants()
        try:
            return sorted(Path(path).stem for path in self._files.ls(f"/{artifact.folder.as_posix()}", detail=False))
        except FileNotFoundError:
            return None
        except DataIndexDirError:
            raise self._absent(artifact.folder) from None

    def _absent(self, path: Path) -> ValueError:
        where = "`dvc repro`" if self._files is None else f"`dvc pull`, or `dvc repro` where {self.name} is checked out"
        return ValueError(f"{self.name}: expected {path}, got none; it comes with {where}")

    def files_of(self, variant: str) -> dict[Path, bytes]:
        """Read the files that show whether a variant changed: their contents by path."""
        paths = [artifact.path(variant) for artifact in (RECIPE, PREDICTIONS, HISTORY, SUMMARY)]
        return {path: self.read(path) for path in paths}

    def trained(self, variant: str, files: dict[Path, bytes], scratch: Path) -> TrainedVariant:
        """Read a trained variant from its files, with the targets of its split. scratch: a folder for those.

        Raises: ValueError if a file is damaged, or the targets are missing.
        """
        if self._files is None:
            try:
                return read_trained(variant, files.__getitem__)
            except FileNotFoundError as error:
                raise self._absent(Path(error.filename)) from None
        dataset, folder = RECIPE.read(variant, files.__getitem__)["dataset"], scratch / self.name.replace("/", "_")
        if not (folder / dataset).exists():
            self._copy_targets(dataset, folder)
        return read_trained(variant, files.__getitem__, folder)

    def _copy_targets(self, dataset: str, folder: Path) -> None:
        index = self.read(NORMALIZED / dataset / "splits.json")
        names = {"splits.json"}
        for split in json.loads(index).values():
            names |= {f"{split['arrays']}/{name}" for name in ("y.npy", "rows.npy", "scaling.json")}
        contents = {name: self.read(NORMALIZED / dataset / name) for name in sorted(names)}  # all of them, or none
        for name, content in contents.items():
            target = folder / dataset / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


@dataclass
class Changes:
    """The differences between two revisions."""

    rows: list[list[Any]] = field(default_factory=list)
    """One for each variant that could be compared, with DIFF_COLUMNS."""
    recipes: list[str] = field(default_factory=list)
    """One line for each changed recipe."""
    notes: list[str] = field(default_factory=list)
    """Variants that could not be compared and why, and what to know of the rows."""


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


def compare_revisions(a: Revision, b: Revision, metric_of: Callable[[str], str], criteria: Criteria) -> Changes:
    """Compare the variants that both revisions have. metric_of: the metric by data set.

    Raises: ValueError if a revision has no recipes, or not the files of a single variant.
    """
    names = {revision.name: revision.variants() for revision in (a, b)}
    changes = Changes()
    changes.notes += [
        f"{name}: in {revision.name} only"
        for revision, other in ((a, b), (b, a))
        for name in names[revision.name]
        if name not in names[other.name]
    ]
    common = [name for name in names[a.name] if name in names[b.name]]
    with TemporaryDirectory() as scratch:
        pairs, unread = _changed(a, b, common, Path(scratch))
        changes.notes += [f"{name}: not compared: {error}" for name, error in unread.items()]
        same_recipe, compared = [], dict[str, Difference]()
        for before, after in pairs:
            if line := _recipe_change(before, after):
                changes.recipes.append(line)
            else:
                same_recipe.append(before.name)
            try:
                compared[after.name] = _difference(before, after, metric_of(after.recipe["dataset"]))
            except ValueError as error:
                changes.notes.append(f"{before.name}: not compared: {error}")
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
    a: Revision, b: Revision, names: list[str], scratch: Path
) -> tuple[list[tuple[TrainedVariant, TrainedVariant]], dict[str, ValueError]]:
    """Read the variants that changed, and give the error of each that could not be read.

    Raises: the first of the errors if no variant could be read.
    """
    pairs, unread = [], {}
    for name in names:
        try:
            files = a.files_of(name), b.files_of(name)
            if files[0] != files[1]:
                pairs.append((a.trained(name, files[0], scratch), b.trained(name, files[1], scratch)))
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
        a, b = Revision(options.a), Revision(options.b)
        metric = options.metric
        changes = compare_revisions(a, b, lambda dataset: metric or spec_of(dataset).ranked_by, read_criteria())
    except ValueError as error:
        sys.exit(str(error))
    if changes.rows:
        table = pd.DataFrame(changes.rows, columns=DIFF_COLUMNS).rename(columns={"a": options.a, "b": options.b})
        print(table.to_string(index=False, float_format="{:.4f}".format))
        print(", ".join(f"{count} {name}" for name, count in table["verdict"].value_counts().items()))
    print("\n".join(changes.recipes + changes.notes))


if __name__ == "__main__":
    main()
