"""The members of a sweep as tasks: trainings of its variant with other recipes.

A member depends on what a training depends on: the code of the trainings, its recipe and the data. DVC's run cache
keeps what came of it under their hash, and while it does, the member is not trained again. The model is not kept: the
tables are made of the other files.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.stage.cache import _get_cache_hash

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, SUMMARY, SWEEP
from stages.params.differences import NOT_COMPARED
from stages.scheduling.executors import Executor
from stages.scheduling.store import Record, Store
from stages.scheduling.task import Result, Task, hash_path
from stages.scheduling.workspace import Workspace
from stages.sweeps.tables import Member
from stages.training.recipe import Recipe

FILES = (HISTORY, PREDICTIONS, SUMMARY)
"""The files of a training that are kept of a member."""


@dataclass(frozen=True)
class Training:
    """A member to be trained."""

    candidate: int
    name: str
    recipe: Recipe
    task: Task

    def member(self, store: Store, record: Record) -> Member:
        """Give the trained member. record: what came of the task."""
        md5s = {out["path"]: out["md5"] for out in record["outs"]}
        return Member(self.candidate, self.name, self.recipe, partial(self._read_bytes, store, md5s))

    def _read_bytes(self, store: Store, md5s: Mapping[str, str], path: Path) -> bytes:
        return _bytes_of(self.recipe) if path == RECIPE.path(self.name) else read_object(store, md5s[path.as_posix()])


def read_object(store: Store, md5: str) -> bytes:
    """Read an object of a store."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "object")
        store.get(md5, path)
        return path.read_bytes()


def trainings(sweep: Mapping[str, Any], training: Task, store: Store) -> list[Training]:
    """Give the members of a sweep, and put their recipes into the store.

    sweep: as `stages.configure` writes it; training: the task of its variant.
    """
    found = []
    for number, candidate in enumerate(sweep["candidates"]):
        name = name_of(candidate["recipe"])
        for seed in range(sweep["seeds"]):
            recipe: Recipe = {**candidate["recipe"], "seed": candidate["recipe"]["seed"] + seed, "seeds": 1}
            task = task_of(name, recipe, sweep["variant"], training, store)
            found.append(Training(number, name, recipe, task))
    return found


def name_of(recipe: Recipe) -> str:
    """Name a candidate by its recipe without seeds, so that another sweep with the same one finds its members."""
    content = {key: value for key, value in recipe.items() if key not in NOT_COMPARED}
    return f"candidate_{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]}"


def task_of(name: str, recipe: Recipe, variant: str, training: Task, store: Store) -> Task:
    """Make the task of a member from that of the variant's training: another command, recipe and outputs."""
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.json")
        path.write_bytes(_bytes_of(recipe))
        hashed = hash_path(path)
        store.put(path, hashed.md5)
    own = {"path": RECIPE.path(name).as_posix(), **hashed.entry}
    others = [entry for entry in training.record["deps"] if entry["path"] != RECIPE.path(variant).as_posix()]
    record = {"cmd": f"python -m stages.train {name}", "deps": sorted([own, *others], key=lambda entry: entry["path"])}
    outs = tuple(sorted(file.path(name).as_posix() for file in FILES))
    key = _get_cache_hash({**record, "outs": [{"path": path} for path in outs]}, key=True)
    return replace(training, name=f"{name}, seed {recipe['seed']}", key=key, record=record, outs=outs)


def _bytes_of(recipe: Recipe) -> bytes:
    return (json.dumps(recipe, indent=1) + "\n").encode()


def recorded(task: Task, store: Store) -> Record | None:
    """What came of a task before, if the store still has all of it."""
    return next((each for each in store.records(task.key) if all(store.has(out["md5"]) for out in each["outs"])), None)


def missing(workspace: Workspace, name: str) -> list[Task]:
    """Give the members of a sweep that are not trained yet; none if it is none of `sweeps.yaml`."""
    if not (workspace.root / SWEEP.path(name)).exists():
        return []
    declared = SWEEP.read(name, lambda path: (workspace.root / path).read_bytes())
    training = workspace.task(f"train@{declared['variant']}")
    members = trainings(declared, training, workspace.store) if training else []
    return [each.task for each in members if recorded(each.task, workspace.store) is None]


def train(wanted: list[Training], executor: Executor, logs: Path) -> Iterator[tuple[Training, Record]]:
    """Train members, and yield each with what came of it as soon as it ends.

    logs: folder for what they print. Raises: ValueError if one fails.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[Future[Result], Training] = {}
    waiting = list(reversed(wanted))
    while waiting or running:
        while waiting and len(running) < 2 * executor.slots:
            member = waiting.pop()
            running[executor.submit(member.task, logs / f"{member.task.key[:16]}.log")] = member
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            member, result = running.pop(future), future.result()
            if result.failure:
                raise ValueError("\n    ".join([f"{member.task.name}: {result.failure}", *result.said]))
            yield member, {**member.task.record, "outs": list(result.outs)}
