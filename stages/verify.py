"""Ask whether this machine gives the bytes that `dvc.lock` states: `python -m stages.verify [stage …] [--all]`.

    python -m stages.verify                              # the cheapest stages that cover the most, in a minute or two
    python -m stages.verify train@relu_100 normalize     # one stage, and all of a kind
    python -m stages.verify --all                        # everything but the downloads

Each stage runs again as `stages.parallel` runs it, in a scratch folder, on the inputs that `dvc.lock` states for it.
They come from DVC's cache; the workspace, its `dvc.lock` and the cache are only read. What stages keep of former runs
in `.dvc/tmp/` is not used. The outputs are compared with those that `dvc.lock` states:

    same bytes      as stated
    same numbers    other bytes, but every number in them is equal
    differs         with the largest difference, and its place

An input that is not in the cache is made again in the copy, unless that takes a training. Outputs that are not in the
cache are compared by their hash, and a training also by its metrics in `reports/tables/evaluation/metrics.json`. A
fresh clone has copies of the metrics and of the environment in `reports/one_seed/` and `reports/several_seeds/`.

A difference is explained if this machine is not that of `reports/tables/environment.json` and it is within these
tolerances:

- A training: 0.02 of accuracy and 5 % of a loss or an error, measured again on the predicted rows. Another processor
  rounds the last bits of a sum differently, and training amplifies that until the weights agree in two or three digits
  only; the metrics have to stay. The few trainings that we could compare between two machines differed by 0.0013 of
  accuracy and 0.5 % of a loss at most. Ranks (the area under the curve) on 14 deaths are too coarse to compare.
- A figure: one gray level of 255, on average over its pixels.
- All else: 0.000002 of the largest value in the same column or array, or of 1. That is some units in the last place of
  a float32, and one or two in the last of the six digits of a table.

Status 1: a difference that is not explained, or a stage that was asked for and could not be run. With `--same-bytes`
nothing is explained: every stage has to leave the bytes that are stated.
"""

import argparse
import hashlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.artifacts.tables import ENVIRONMENT
from stages.environment import environment, environment_differences
from stages.params.messages import unknown
from stages.params.overrides import recipes
from stages.params.schema import read_params
from stages.scheduling.graph import with_upstream
from stages.scheduling.node import Code, Node
from stages.scheduling.processes import Processes
from stages.scheduling.store import CacheStore, files_of
from stages.scheduling.task import Task
from stages.scheduling.workspace import outputs_of, preload_of
from stages.training.recipe import Recipe, layers_of
from stages.verification.findings import TRAINING, Finding, Outcome, compare, group, read_record
from stages.verification.recorded import Output, Recorded, hash_of, overlap, read_lock, remove

LOCK = Path("dvc.lock")
NOT_IN_ALL = ("download", "environment")
"""Every download is checked by its SHA-256, and the environment is the record itself."""
QUICK = ("normalize", "configure", "evaluate", "compare", "plot")
QUICK_BYTES = 100_000_000
"""Most bytes that a quick stage writes."""


class Inputs(CacheStore):
    """A store that has the recorded files and takes in others: DVC's cache is only read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.recorded: dict[str, Path] = {}
        """Where the files are, by their MD5."""

    def has(self, md5: str) -> bool:
        """See `Store`."""
        return md5 in self.recorded or super().has(md5)

    def get(self, md5: str, path: Path) -> None:
        """See `Store`. Raises: ValueError if a recorded file is damaged."""
        if md5 not in self.recorded:
            super().get(md5, path)
            return
        shutil.copyfile(self.recorded[md5], path)
        if (got := hash_of(path)) != md5:
            raise ValueError(f"{self.recorded[md5]}: expected MD5 {md5}, got {got}")


def status_of(folder: Path) -> dict[str, list[Any]]:
    """The changes by stage of the DVC project in the folder, as `dvc status --json` lists them."""
    with chdir(folder), Repo() as repo:  # DVC names stages and files from the current folder
        status: dict[str, list[Any]] = repo.status()
        return status


def changes(status: list[Any], outputs: set[str]) -> Iterator[str]:
    """Yield the changes of a stage's code, parameters or dvc.yaml by `dvc status`; the copy has no data."""
    for entry in status:
        if isinstance(entry, str):
            yield entry
            continue
        for path, change in entry.get("changed deps", {}).items():
            if isinstance(change, dict):
                yield from (f"{key} in {path} is {how}" for key, how in change.items())
            elif not any(overlap(path, output) for output in outputs):
                yield f"{path} is {change}"
        yield from (f"{path} is new" for path in entry.get("changed outs", {}) if path not in outputs)


def check_lock(recorded: Recorded, stages: list[str], status: Mapping[str, list[Any]]) -> None:
    """ValueError with a line for each of the stages, and of those they depend on, that changed since dvc.lock."""
    outputs = {output["path"] for entry in recorded.stages.values() for output in entry["outs"]}
    mistakes = []
    for stage in sorted(with_upstream(set(stages), recorded.graph())):
        changed = list(changes(status.get(stage, []), outputs))
        if changed:
            mistakes.append(f"{stage}: expected the workspace of {LOCK}, got a later one ({', '.join(changed)})")
    if mistakes:
        raise ValueError("\n".join([*mistakes, "see `dvc status`; run `dvc repro`, or go back to what was committed"]))


def drop_removed(recorded: Recorded, status: Mapping[str, list[Any]], copy: Path) -> None:
    """Forget the stages that dvc.yaml no longer has: DVC leaves them in dvc.lock.

    Without data, `dvc status` lists every stage of dvc.yaml that has an output which is not there.
    """
    for stage in recorded.stages.keys() - status.keys():
        if not all((copy / output["path"]).exists() for output in recorded.stages[stage]["outs"]):
            del recorded.stages[stage]


def named(names: list[str], recorded: Recorded, status: Mapping[str, list[Any]]) -> list[str]:
    """The stages that are named, by themselves or by their group; ValueError for one that is unknown or never ran."""
    known = recorded.stages.keys() | status.keys()
    stages: list[str] = []
    for name in names:
        found = [stage for stage in sorted(known) if name in (stage, group(stage))]
        if not found:
            raise ValueError(unknown("dvc.yaml", known | {group(stage) for stage in known}, name))
        for stage in found:
            if stage not in recorded.stages:
                raise ValueError(f"{LOCK}: expected an entry of {stage}, got none; run `dvc repro {stage}`")
        stages += found
    return stages


def traits(recipe: Mapping[str, Any]) -> set[str]:
    """The kinds of arithmetic of a variant: its estimator, or its data set, special layers and inputs."""
    if "estimator" in recipe:
        return {f"estimator {recipe['estimator']['class']}"}
    layers = {layer["class"] for _, layer in layers_of(cast(Recipe, recipe))}
    found = {recipe["dataset"]} | layers & {"Dropout", "AlphaDropout", "BatchNormalization"}
    special = ("graph", "inputs", "loss_weights", "class_weight", "initial_weights", "custom_objects")
    return found | {key for key in special if key in recipe}


def representative(recorded: Recorded, recipes: Mapping[str, Recipe]) -> list[str]:
    """List the cheapest trainings that together have all traits, and the other stages that take seconds.

    recipes: by variant.
    """
    costs: dict[str, tuple[int, str]] = {}
    having: dict[str, set[str]] = {}
    for stage, entry in recorded.stages.items():
        recipe = recipes.get(stage.partition("@")[2])
        if group(stage) == TRAINING and recipe and "cross_validation" not in recipe:
            size = max(dependency["size"] for dependency in entry["deps"])
            costs[stage] = (size * recipe.get("epochs", 1), stage)
            having[stage] = traits(recipe)
    # Rare traits first: a variant with one of them often has the common ones too.
    every = [trait for stage in having for trait in having[stage]]
    chosen: list[str] = []
    for trait in sorted(set(every), key=lambda trait: (every.count(trait), trait)):
        if not any(trait in having[stage] for stage in chosen):
            chosen.append(min((stage for stage in having if trait in having[stage]), key=lambda stage: costs[stage]))
    small = [
        stage
        for stage, entry in recorded.stages.items()
        if group(stage) in QUICK and sum(output["size"] for output in entry["outs"]) < QUICK_BYTES
    ]
    return [*small, *chosen]


def plan(recorded: Recorded, asked: list[str]) -> tuple[list[str], dict[str, str]]:
    """List the stages to run, each after those that it reads from, and why the others cannot run.

    A stage whose output is missing as an input of another is added, unless it is a training.
    """
    order = list(recorded.graph())
    wanted = set(asked)
    for stage in reversed(order):
        for writer, output in recorded.inputs(stage) if stage in wanted else ():
            if group(writer) != TRAINING and recorded.files(output) is None:
                wanted.add(writer)
    runnable: list[str] = []
    lacking = {}
    for stage in [stage for stage in order if stage in wanted]:
        absent = [o["path"] for w, o in recorded.inputs(stage) if w not in runnable and recorded.files(o) is None]
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            lacking[stage] = f"neither cache nor workspace holds {absent[0]}{more}; run `dvc repro` or `dvc pull`"
        else:
            runnable.append(stage)
    return runnable, lacking


def print_machine(recorded: Recorded) -> bool:
    """Print in what this machine differs from the recorded one; whether it does. Without a record it does not."""
    record, path = read_record(ENVIRONMENT, recorded)
    if record is None:
        print(f"{path}: expected the one that {LOCK} states, got none: it can explain no difference")
        return False
    found = environment_differences(record, environment())
    if found:
        print("\n  ".join([f"This machine is not that of {path}:", *found]), flush=True)
    return bool(found)


@dataclass
class Verifier:
    """Runs recorded stages again. copy: a folder for their outputs, and for what these are compared with."""

    recorded: Recorded
    node: Node
    inputs: Inputs
    copy: Path
    preloads: Mapping[str, tuple[str, ...]]
    made: dict[str, Output] = field(default_factory=dict)
    """What stages left that ran again, by its path."""

    def verify(self, stage: str) -> Finding:
        """Run a stage again on its recorded inputs, and compare its outputs with those that are recorded."""
        log = self.copy / "log"
        log.write_bytes(b"")
        result = self.node.run(self._task(stage), log)
        if result.failure:
            return Finding(Outcome.FAILED, result.failure, is_tolerable=False)
        self.made |= {output["path"]: output for output in result.outs}
        stated = {output["path"]: output["md5"] for output in self.recorded.stages[stage]["outs"]}
        if all(output["md5"] == stated[output["path"]] for output in result.outs):
            return Finding(Outcome.SAME_BYTES)
        files = {output["path"]: self._files(output) for _, output in self.recorded.inputs(stage)}
        files |= {output["path"]: files_of(self.inputs, output["md5"]) for output in result.outs}
        try:
            for path, listed in files.items():
                self._lay(path, listed)
            return compare(stage, self.recorded, self.copy)
        except ValueError as error:
            return Finding(Outcome.FAILED, str(error), is_tolerable=False)
        finally:
            for path in files:
                remove(self.copy / path)

    def _task(self, stage: str) -> Task:
        entry = self.recorded.stages[stage]
        inputs = {output["path"]: self._files(output) for _, output in self.recorded.inputs(stage)}
        return Task(
            name=stage,
            key=hashlib.sha256(stage.encode()).hexdigest(),
            # Named by their paths: what was made again may have other bytes than dvc.lock states.
            record={"cmd": entry["cmd"], "deps": [{"path": path, "md5": path} for path in inputs]},
            outs=tuple(output["path"] for output in entry["outs"]),
            code=str(self.recorded.root),
            folders=inputs,
            preload=self.preloads.get(stage, ()),
            # A download finds the repository's mirrors; all others know nothing of it, and of nothing that it keeps.
            variables={"DVC_ROOT": str(self.recorded.root)} if group(stage) == "download" else {},
        )

    def _files(self, output: Output) -> dict[str, str]:
        """The MD5 of each file of an input: as recorded, or as it was made again."""
        files = self.recorded.files(output)
        if files is None:
            return files_of(self.inputs, self.made[output["path"]]["md5"])
        found = {name: self.recorded.md5_of(path) for name, path in files.items()}
        self.inputs.recorded |= {md5: files[name] for name, md5 in found.items()}
        return found

    def _lay(self, path: str, files: Mapping[str, str]) -> None:
        for name, md5 in files.items():
            target = self.copy / path / name if name else self.copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            self.inputs.get(md5, target)


def select(names: list[str], everything: bool, recorded: Recorded, copy: Path) -> list[str]:
    """List the stages to verify; ValueError for an unknown one, and for a workspace that is later than dvc.lock.

    copy: a copy of the workspace without data.
    """
    status = status_of(copy)
    drop_removed(recorded, status, copy)
    asked = named(names, recorded, status)
    if everything:
        asked += [stage for stage in recorded.stages if group(stage) not in NOT_IN_ALL]
    asked = asked or representative(recorded, dict(recipes(read_params(copy / "params.yaml"))))
    check_lock(recorded, asked, status)
    return asked


def verify(names: list[str], everything: bool, root: Path, same_bytes: bool = False) -> bool:
    """Run the stages again and print a line about each; whether nothing is left to explain."""
    started = time.monotonic()
    stages = read_lock(root / LOCK)
    with Repo(str(root)) as repo:
        recorded = Recorded(root, Path(repo.cache.local_cache_dir), stages)
        code = Code(root, outputs_of(repo))
        preloads = {stage.addressing: preload_of(stage) for stage in repo.index.stages}
    findings = {}
    with TemporaryDirectory(prefix="verify-", ignore_cleanup_errors=True) as scratch:
        copy, inputs = Path(scratch, "copy"), Inputs(Path(scratch, "store"))
        code.lay(copy)
        asked = select(names, everything, recorded, copy)
        node = Node(Path(scratch, "node"), inputs, Processes(), lambda _: code)
        verifier = Verifier(recorded, node, inputs, copy, preloads)
        is_elsewhere = print_machine(recorded)
        runnable, lacking = plan(recorded, asked)
        for number, stage in enumerate(runnable, start=1):
            start = time.monotonic()
            findings[stage] = verifier.verify(stage)
            took = f"{number} of {len(runnable)}, {time.monotonic() - start:.0f} s"
            print(f"{stage} ({took}): {findings[stage].describe(is_elsewhere)}", flush=True)
        node.close()
    for stage, reason in lacking.items():
        print(f"{stage}: {Outcome.NOT_VERIFIED}: {reason}")
    counts = Counter([finding.outcome for finding in findings.values()] + [Outcome.NOT_VERIFIED] * len(lacking))
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print(f"{counts.total()} stages in {time.monotonic() - started:.0f} s: {said}")
    unexplained = [stage for stage, finding in findings.items() if not finding.is_explained(is_elsewhere, same_bytes)]
    if unexplained:
        print(f"not explained: {', '.join(unexplained)}")
    return not unexplained and not (lacking and (names or everything))


def main(arguments: list[str] | None = None) -> None:
    """Verify the stages on the command line in the workspace that this is run in."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "stages", nargs="*", metavar="stage", help="as in dvc.yaml; default: a quick few that cover most"
    )
    parser.add_argument("--all", action="store_true", help="every stage but the downloads")
    parser.add_argument("--same-bytes", action="store_true", help="explain no difference by another machine")
    options = parser.parse_args(arguments)
    try:
        is_right = verify(options.stages, options.all, Path.cwd(), options.same_bytes)
    except (ValueError, DvcException) as error:
        sys.exit(str(error))
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
