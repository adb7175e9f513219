"""Ask whether this machine gives the bytes that `dvc.lock` states: `python -m stages.verify [stage …] [--all]`.

    python -m stages.verify                              # what takes a minute or two and covers the most
    python -m stages.verify train@relu_100 normalize     # one stage, and all of a kind
    python -m stages.verify --all                        # everything but the downloads

Each stage runs again in a temporary copy of the workspace, on the inputs that `dvc.lock` states for it. They come from
DVC's cache; the workspace, its `dvc.lock` and the cache are only read. What the stage leaves is compared with what
`dvc.lock` states:

    same bytes      as stated
    same numbers    other bytes, but every number in them is equal
    differs         with the largest difference, and where

An input that is not in the cache is made again in the copy, unless that takes a training. Without recorded outputs the
bytes are still compared, by their hash, and the figures of a training with those in `reports/metrics.json`.

A difference is explained if this machine is not that of `reports/environment.json` and it is within these tolerances:

- A training: 0.02 of accuracy and 5 % of a loss or an error, measured again on the predicted rows. Another processor
  rounds the last bits of a sum differently, and training amplifies that until the weights have two or three digits in
  common; what has to stay is what the model is worth. The few trainings that we could compare between two machines
  differed by 0.0013 of accuracy and 0.5 % of a loss at most. Ranks (the area under the curve) on 14 deaths say less.
- A figure: one grey level of 255, on average over its pixels.
- All else: 0.000002 of the largest value in the same column or array, or of 1. That is some units in the last place of
  a float32, and one or two in the last of the six digits that the tables are written with.

Status 1: a difference that is not explained, or a stage that was asked for and could not be run. With `--same-bytes`
nothing is explained: every stage has to leave the bytes that are stated.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stages.artifacts import MODELS, NORMALIZED
from stages.artifacts.tables import METRICS
from stages.environment import ENVIRONMENT, differences, environment
from stages.training.recipe import Recipe, recipes
from stages.params.schema import read_params, unknown
from stages.scheduling.graph import with_upstream
from stages.verification.differences import compare_figures, differences_in, figures
from stages.verification.recorded import Recorded, hash_of, overlap, read_lock, remove

LOCK = Path("dvc.lock")
NOT_IN_ALL = ("download", "environment")
"""Every download is checked by its SHA-256, and the environment is the record itself."""
TRAINING = "train"
QUICK = ("normalize", "configure", "evaluate", "compare", "plot")
QUICK_BYTES = 100_000_000
"""A quick stage writes less."""


def group(stage: str) -> str:
    """The key of dvc.yaml that a stage belongs to: `train` of `train@relu_100`."""
    return stage.partition("@")[0]


def output_of(command: list[str], folder: Path) -> str:
    """What a command prints; ValueError with the last line of its errors if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{folder}: expected `{' '.join(command)}` to succeed, got: {last_line(done)}")
    return done.stdout


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of a failed command's errors, or of what it printed."""
    return (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]


def dvc(*arguments: str) -> list[str]:
    """A command of the DVC in this environment."""
    return [sys.executable, "-m", "dvc", *arguments]


def copy_workspace(root: Path, copy: Path) -> None:
    """Copy what Git does not ignore, as it is in the workspace, and make the copy one that DVC takes without Git."""
    listed = output_of(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], root)
    for name in listed.split("\0"):
        if name and (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy / name)
    local = copy / ".dvc" / "config.local"
    local.parent.mkdir(exist_ok=True)
    local.write_text(f"[core]\n    no_scm = true\n    site_cache_dir = {copy / '.dvc' / 'tmp'}\n", encoding="utf-8")


def changes(status: list[Any], outputs: set[str]) -> Iterator[str]:
    """What `dvc status` calls changed about a stage, in code, parameters or dvc.yaml; the copy has no data."""
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
    """What a variant can show that another cannot: the kinds of arithmetic that it takes."""
    if "estimator" in recipe:
        return {f"estimator {name}" for name in recipe["estimator"]}
    layers = {key.partition("_")[2] for key in recipe.get("layers", {})}
    found = {recipe["dataset"]} | layers & {"Dropout", "AlphaDropout", "BatchNormalization"}
    return found | {key for key in ("graph", "inputs", "loss_weights") if key in recipe}


def representative(recorded: Recorded, recipes: Mapping[str, Recipe]) -> list[str]:
    """The cheapest trainings that together have all traits, and the other stages that take seconds.

    recipes: that of each variant by its name.
    """
    costs: dict[str, tuple[int, str]] = {}
    having: dict[str, set[str]] = {}
    for stage, entry in recorded.stages.items():
        recipe = recipes.get(stage.partition("@")[2])
        if group(stage) == TRAINING and recipe and "cross_validation" not in recipe:
            size = max(dependency["size"] for dependency in entry["deps"])
            costs[stage] = (size * recipe.get("epochs", 1), stage)
            having[stage] = traits(recipe)
    # Rare traits first: what has them often has the common ones too.
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
    """The stages to run, each after those that it reads from, and what the others lack.

    Added are those that write an input which is nowhere to be found, except trainings.
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


def rerun(stage: str, entry: Mapping[str, Any], copy: Path, root: Path) -> None:
    """Run the stage's command in the copy as DVC would; ValueError if it fails or leaves out an output."""
    for output in entry["outs"]:
        remove(copy / output["path"])
        (copy / output["path"]).parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    variables = os.environ | {"PATH": path, "DVC_ROOT": str(root), "DVC_STAGE": stage}
    commands = entry["cmd"] if isinstance(entry["cmd"], list) else [entry["cmd"]]
    for command in commands:
        done = subprocess.run(  # noqa: S602 (the command of dvc.yaml)
            command, shell=True, cwd=copy, env=variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ValueError(f"`{command}` ended with status {done.returncode}: {last_line(done)}")
    for output in entry["outs"]:
        if not (copy / output["path"]).exists():
            raise ValueError(f"expected it to write {output['path']}, got nothing there")


@dataclass(frozen=True)
class Result:
    """What became of one stage."""

    verdict: str
    detail: str = ""
    is_tolerable: bool = True
    """Whether another environment may explain it."""


def compare(stage: str, recorded: Recorded, copy: Path) -> Result:
    """Compare what a stage left in the copy with what dvc.lock states."""
    outputs = recorded.stages[stage]["outs"]
    other = [output for output in outputs if hash_of(copy / output["path"]) != output["md5"]]
    if not other:
        return Result("same bytes")
    variant = stage.partition("@")[2]
    normalized = copy / NORMALIZED
    if any(recorded.files(output) is None for output in outputs):
        absent = "the recorded files are not in the cache"
        known = recorded_metrics(recorded, variant) if group(stage) == TRAINING else None
        if known is None:
            paths = ", ".join(output["path"] for output in other)
            return Result("differs", f"{paths}, compared by the hash in {LOCK} alone ({absent})", is_tolerable=False)
        within, said = compare_figures(known, figures(variant, copy, normalized))
        return Result("differs", f"compared with {METRICS} ({absent}): {said}", within)
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        for output in outputs:
            recorded.lay(output, Path(scratch))
        found = [gap for output in other for gap in differences_in(output["path"], Path(scratch), copy)]
        if not found:
            return Result("same numbers", ", ".join(output["path"] for output in other))
        worst = max(found, key=lambda gap: (gap.largest / gap.scale, gap.largest))
        by = f"by {worst.largest:.3g}" if math.isfinite(worst.largest) else "which is of another kind or size"
        detail = f"most in {worst.place}, {by}"
        if group(stage) != TRAINING:
            is_record = [output["path"] for output in outputs] == [ENVIRONMENT.as_posix()]
            return Result("differs", detail, is_record or all(gap.is_tolerable for gap in found))
        within, said = compare_figures(figures(variant, Path(scratch), normalized), figures(variant, copy, normalized))
        # A model of another form is never a matter of rounding; a history may end an epoch earlier.
        has_form = all(math.isfinite(gap.largest) for gap in found if gap.place.startswith(MODELS.as_posix()))
        return Result("differs", f"{detail}; {said}", within and has_form)


def recorded_metrics(recorded: Recorded, variant: str) -> dict[str, Any] | None:
    """The variant's figures in the `reports/metrics.json` that dvc.lock states; None if that is not here."""
    measured = recorded.read_json(METRICS) or {}
    return next((variants[variant] for variants in measured.values() if variant in variants), None)


def other_environment(recorded: Recorded) -> list[str] | None:
    """In what this machine differs from the record that dvc.lock states; None if there is no such record."""
    record = recorded.read_json(ENVIRONMENT)
    return None if record is None else differences(record, environment())


def verify_stage(stage: str, recorded: Recorded, copy: Path) -> Result:
    """Lay out a stage's inputs, run it, compare what it left, and clear that away if it is recorded."""
    entry = recorded.stages[stage]
    for _, output in recorded.inputs(stage):
        if recorded.files(output) is not None and not (copy / output["path"]).exists():
            recorded.lay(output, copy)
    try:
        rerun(stage, entry, copy, recorded.root)
        return compare(stage, recorded, copy)
    except ValueError as error:
        return Result("failed", str(error), is_tolerable=False)
    finally:
        for output in entry["outs"]:
            if recorded.files(output) is not None:
                remove(copy / output["path"])


def tell(result: Result, is_elsewhere: bool) -> str:
    """Say what became of a stage."""
    said = f"{result.verdict}: {result.detail}" if result.detail else result.verdict
    if result.verdict == "differs" and is_elsewhere:
        said += f" ({'within' if result.is_tolerable else 'beyond'} the tolerance)"
    return said


def verify(names: list[str], everything: bool, root: Path, same_bytes: bool = False) -> bool:
    """Run the stages again and print a line about each; whether nothing is left to explain."""
    started = time.monotonic()
    stages = read_lock(root / LOCK)
    recorded = Recorded(root, Path(output_of(dvc("cache", "dir"), root).strip()), stages)
    with TemporaryDirectory(prefix="verify-", ignore_cleanup_errors=True) as scratch:
        copy = Path(scratch)
        copy_workspace(root, copy)
        status = json.loads(output_of(dvc("status", "--json"), copy))
        drop_removed(recorded, status, copy)
        asked = named(names, recorded, status)
        if everything:
            asked += [stage for stage in recorded.stages if group(stage) not in NOT_IN_ALL]
        asked = asked or representative(recorded, dict(recipes(read_params(root / "params.yaml"))))
        check_lock(recorded, asked, status)
        elsewhere = other_environment(recorded)
        if elsewhere is None:
            print(f"{ENVIRONMENT}: expected the one that {LOCK} states, got none: it can explain no difference")
        elif elsewhere:
            print("\n  ".join([f"This machine is not that of {ENVIRONMENT}:", *elsewhere]), flush=True)
        runnable, lacking = plan(recorded, asked)
        results = {}
        for number, stage in enumerate(runnable, start=1):
            start = time.monotonic()
            results[stage] = verify_stage(stage, recorded, copy)
            took = f"{time.monotonic() - start:.0f} s"
            print(f"{stage} ({number} of {len(runnable)}, {took}): {tell(results[stage], bool(elsewhere))}", flush=True)
    for stage, reason in lacking.items():
        print(f"{stage}: not verified: {reason}")
    verdicts = [result.verdict for result in results.values()] + ["not verified"] * len(lacking)
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    print(f"{len(verdicts)} stages in {time.monotonic() - started:.0f} s: {counts}")
    unexplained = [
        stage
        for stage, result in results.items()
        if result.verdict != "same bytes" and (same_bytes or not (elsewhere and result.is_tolerable))
    ]
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
    except ValueError as error:
        sys.exit(str(error))
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
