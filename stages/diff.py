"""Say which variants differ between two revisions, and whether by more than noise: `python -m stages.diff [a] [b]`.

`dvc metrics diff` shows how far figures moved; this says whether they did. A revision is what Git or DVC knows by a
name: a commit, a branch, an experiment; by default HEAD and the workspace are compared, so after
`dvc exp run -S dropout=0.3` it says what that did. The predictions are read through DVC from its cache (or remote);
nothing is checked out.

Every variant whose recipe, predictions or history differ gets a line: its figure in both, the difference, its 95 %
interval (they hold together for all lines, see `stages.comparison.statistics`), and the verdict on b: better, worse,
within noise, or no interval for what one training gives one number of.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from dvc_data.index import DataIndexDirError

from stages.artifacts import HISTORY, NORMALIZED, PREDICTIONS, RECIPE, RECIPES
from stages.comparison.scores import HISTORY_SCORES, KNOWN, LESS_IS_BETTER
from stages.comparison.statistics import verdict
from stages.comparison.studies import Result, difference, result_of
from stages.datasets import module_of
from stages.params.schema import unknown

WORKSPACE = "workspace"
COLUMNS = ["variant", "metric", "a", "b", "difference", "low", "high", "verdict"]


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
        if self._files is None:
            return RECIPE.variants()
        try:
            return sorted(Path(path).stem for path in self._files.ls(f"/{RECIPES.as_posix()}", detail=False))
        except FileNotFoundError:
            raise ValueError(f"{self.name}: expected {RECIPES}, got a revision without it") from None
        except DataIndexDirError:
            raise self._absent(RECIPES) from None

    def _absent(self, path: Path) -> ValueError:
        where = "`dvc repro`" if self._files is None else f"`dvc pull`, or `dvc repro` where {self.name} is checked out"
        return ValueError(f"{self.name}: expected {path}, got none; it comes with {where}")

    def left(self, variant: str) -> dict[Path, bytes]:
        """The files that tell whether anything of a variant changed, by their path."""
        paths = [artifact.path(variant) for artifact in (RECIPE, PREDICTIONS, HISTORY)]
        return {path: self.read(path) for path in paths}

    def result(self, variant: str, left: dict[Path, bytes], scratch: Path) -> Result:
        """Open what a variant left, with the targets of its split."""
        if self._files is None:
            return result_of(variant, left.__getitem__)
        dataset, folder = RECIPE.read(variant, left.__getitem__)["dataset"], scratch / self.name.replace("/", "_")
        if not (folder / dataset).exists():
            self._copy_targets(dataset, folder)
        return result_of(variant, left.__getitem__, folder)

    def _copy_targets(self, dataset: str, folder: Path) -> None:
        index = self.read(NORMALIZED / dataset / "splits.json")
        names = {"splits.json"}
        for split in json.loads(index).values():
            names |= {f"{split['arrays']}/{name}" for name in ("y.npy", "rows.npy", "scaling.json")}
        for name in names:
            target = folder / dataset / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(NORMALIZED / dataset / name))


def in_common(one: Result, other: Result) -> tuple[Result, Result]:
    """Both with the seeds that both have; where they have as many but other seeds, one by one in their order.

    Raises: ValueError if they have nothing in common.
    """
    seeds = [sorted(set(each.history["seed"])) for each in (one, other)]
    common = sorted(set(seeds[0]) & set(seeds[1]))
    if not common and len(seeds[0]) == len(seeds[1]):
        renamed = other.history.assign(seed=other.history["seed"].map(dict(zip(seeds[1], seeds[0], strict=True))))
        return one, replace(other, history=renamed)
    if not common:
        raise ValueError(f"expected seeds in common, got {seeds[0]} and {seeds[1]}")
    return one.of_seeds(common), other.of_seeds(common)


def compare(a: Revision, b: Revision, metric_of: Callable[[str], str]) -> tuple[pd.DataFrame, list[str]]:
    """Compare the variants that both revisions have; a table with COLUMNS, and what could not be compared and why.

    metric_of: the metric by data set.
    """
    names = {revision.name: revision.variants() for revision in (a, b)}
    remarks = [
        f"{name}: in {revision.name} only"
        for revision, other in ((a, b), (b, a))
        for name in names[revision.name]
        if name not in names[other.name]
    ]
    changed = []
    with TemporaryDirectory() as scratch:
        for name in (name for name in names[a.name] if name in names[b.name]):
            left = a.left(name), b.left(name)
            if left[0] != left[1]:
                changed.append(
                    [revision.result(name, each, Path(scratch)) for revision, each in zip((a, b), left, strict=True)]
                )
        rows, of_one_seed = [], 0
        for baseline, member in changed:
            metric = metric_of(member.recipe["dataset"])
            try:
                if metric not in HISTORY_SCORES and "test" not in member.predictions:
                    raise ValueError("it has no test rows")
                before, after = in_common(baseline, member)
                found = difference(after, before, metric, len(changed))
            except ValueError as error:
                remarks.append(f"{member.name}: not compared: {error}")
                continue
            if before.seeds == 1:
                of_one_seed += 1
            rows.append(
                [
                    member.name,
                    metric,
                    before.scores(metric).mean(),
                    after.scores(metric).mean(),
                    *found,
                    verdict(found, metric in LESS_IS_BETTER),
                ]
            )
    unchanged = len(set(names[a.name]) & set(names[b.name])) - len(changed)
    if of_one_seed:
        remarks.append("one seed: these verdicts are about the trained nets; another seed may turn them round")
    remarks.append(f"the same, byte for byte: {unchanged}")
    return pd.DataFrame(rows, columns=COLUMNS), remarks


def main(arguments: list[str] | None = None) -> None:
    """Compare the revisions on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.diff", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a", nargs="?", default="HEAD", help="the old one, default: HEAD")
    parser.add_argument("b", nargs="?", default=WORKSPACE, help="the new one, default: the workspace")
    parser.add_argument("--metric", help=f"{', '.join(KNOWN)}; default: what ranks the data set")
    options = parser.parse_args(arguments)
    try:
        if options.metric is not None and options.metric not in KNOWN:
            raise ValueError(unknown("--metric", KNOWN, options.metric))
        a, b = Revision(options.a), Revision(options.b)
        table, remarks = compare(a, b, lambda dataset: options.metric or module_of(dataset).RANKED_BY)
    except ValueError as error:
        sys.exit(str(error))
    if len(table):
        shown = table.rename(columns={"a": options.a, "b": options.b})
        print(shown.to_string(index=False, float_format="{:.4f}".format))
        print(", ".join(f"{count} {name}" for name, count in table["verdict"].value_counts().items()))
    print("\n".join(remarks))


if __name__ == "__main__":
    main()
