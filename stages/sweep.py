"""Train the members of a sweep, and tabulate them: `python -m stages.sweep <sweep>`.

    python -m stages.sweep optimizers        # as `dvc repro sweep@optimizers` does
    python -m stages.sweep optimizers -j 8   # eight trainings at once

`sweeps.yaml` declares the sweeps; see `stages.params.sweeps`. `stages.configure` leaves the recipes of the candidates
in `data/sweeps/<sweep>.json`. Each member, a candidate with one seed, is a training like that of a variant, and runs
where `stages.parallel` runs one. What is trained is in DVC's run cache: the command goes on where it was ended, and
trains new candidates alone. Writes to `reports/tables/sweeps/<sweep>/`:

    members.csv    one row per member: the values of the keys, cost, metrics on validation and test rows
    best.csv       the best candidates by validation rows, with their scores on test rows and their 95 % intervals
    best_of_k.csv  what the best of k candidates is expected to score

With any option of `stages.parallel`, such as `--cluster`, it is `python -m stages.parallel sweep@<sweep>`.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from stages.artifacts import SWEEP
from stages.artifacts.tables import BEST, SWEEP_TABLES, write_table
from stages.datasets.spec import spec_of
from stages.params.messages import unknown
from stages.scheduling.executors import Executor, LocalExecutor, add_jobs_option
from stages.scheduling.node import Code
from stages.scheduling.signals import one_at_a_time
from stages.scheduling.workspace import Workspace
from stages.sweeps.members import recorded, train, trainings
from stages.sweeps.tables import tabulate

FOLDER = Path(".dvc/tmp/sweeps")


@contextmanager
def executor_of(options: argparse.Namespace, workspace: Workspace) -> Iterator[Executor]:
    """Give what runs the members: the cores of this machine."""
    folder = FOLDER / options.sweep
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder):
        codes = {str(workspace.root): Code(workspace.root, workspace.outputs)}
        executor = LocalExecutor(options.jobs, folder, workspace.store, codes)
        try:
            yield executor
        finally:
            executor.close()


def sweep(options: argparse.Namespace) -> str:
    """Train and tabulate a sweep. options: of the command line. Returns: what came of it. Raises: ValueError."""
    name, started = options.sweep, time.monotonic()
    known = SWEEP.variants()
    if not known:
        command = f"`python -m stages.parallel sweep@{name}`"
        raise ValueError(f"{SWEEP.folder}: expected what `configure` leaves, got nothing; {command} runs it, too")
    if name not in known:
        raise ValueError(f"{unknown('sweep', known, name)} (of sweeps.yaml, after `dvc repro configure`)")
    declared, workspace = SWEEP.read(name), Workspace(Path.cwd())
    with workspace.locked():
        training = workspace.task(f"train@{declared['variant']}")
    if training is None:
        raise ValueError(f"train@{declared['variant']}: expected a stage that DVC's run cache keeps, got another")
    store = workspace.store
    members = trainings(declared, training, store)
    found = {each.task.key: recorded(each.task, store) for each in members}
    missing = [each for each in members if found[each.task.key] is None]
    print(f"{len(members)} members of {len(declared['candidates'])} candidates, {len(missing)} to train", flush=True)
    if missing:
        with executor_of(options, workspace) as executor:
            ended = train(missing, executor, FOLDER / name)
            for each, record in tqdm(ended, total=len(missing), unit="member", disable=not sys.stderr.isatty()):
                found[each.task.key] = record
    tables = tabulate(declared, [each.member(store, found[each.task.key] or {}) for each in members])
    folder = SWEEP_TABLES / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, table in tables.items():
        write_table(table, folder / file, digits=6)
    return "\n".join([*best_lines(declared, tables[BEST]), f"{time.monotonic() - started:.0f} s; see {folder}"])


def best_lines(declared: Mapping[str, Any], best: pd.DataFrame) -> Iterator[str]:
    """Say which candidates are the best."""
    metric = spec_of(declared["candidates"][0]["recipe"]["dataset"]).ranked_by
    for row in best.to_dict("records"):
        values = " ".join(
            f"{key}={row[key]:.6g}" if isinstance(row[key], float) else f"{key}={row[key]}" for key in declared["keys"]
        )
        validation, test, low, high = (
            f"{row[name]:.4g}"
            for name in (f"validation_{metric}", f"test_{metric}", f"test_{metric}_low", f"test_{metric}_high")
        )
        edge = f"; at the edge of the grid: {row['at_edge']}" if row["at_edge"] else ""
        yield f"best: {values}: validation {metric} {validation}, test {metric} {test} ({low} to {high}){edge}"


def main(arguments: list[str] | None = None) -> None:
    """Train and tabulate the sweep on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", help="a key of `sweeps` in sweeps.yaml")
    add_jobs_option(parser, "trainings")
    options, others = parser.parse_known_args(arguments)
    if others:  # of `stages.parallel`, which also brings up to date what the sweep depends on
        command = ["-m", "stages.parallel", f"sweep@{options.sweep}", "--jobs", str(options.jobs), *others]
        os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 (no shell is meant)
    if options.jobs < 1:
        parser.error(f"--jobs: expected 1 or more, got {options.jobs}")
    try:
        print(sweep(options))
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("ended; the same command goes on from here")


if __name__ == "__main__":
    main()
