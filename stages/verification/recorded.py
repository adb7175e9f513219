"""The contents of `dvc.lock`, and its outputs as far as DVC's cache or the workspace has them.

DVC documents both formats: an output is named by the MD5 of its bytes, a folder by that of a JSON list of its files,
which the cache holds under this name with `.dir`.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from stages.scheduling.store import CacheStore, files_of
from stages.scheduling.task import hash_path

Output = dict[str, Any]
"""An entry of a stage's `outs` in dvc.lock: path, md5, size."""


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same or one lies in the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def hash_of(path: Path) -> str:
    """Compute the MD5 of a file or of a folder as dvc.lock states it."""
    return hash_path(path).md5


@dataclass
class Recorded:
    """The stages of `dvc.lock`, and their outputs as far as the cache or the workspace has them."""

    root: Path
    cache: Path
    stages: dict[str, dict[str, Any]]
    """The stages of dvc.lock by name: cmd, deps, params, outs."""
    _found: dict[str, dict[str, Path] | None] = field(default_factory=dict)

    def inputs(self, stage: str) -> Iterator[tuple[str, Output]]:
        """Yield each output of another stage that this one reads, with the stage that writes it."""
        entry = self.stages[stage]
        read = [dependency["path"] for dependency in entry["deps"]] + list(entry["params"])
        for writer, other in self.stages.items():
            for output in other["outs"] if writer != stage else []:
                if any(overlap(output["path"], path) for path in read):
                    yield writer, output

    def graph(self) -> dict[str, set[str]]:
        """Map each stage to the stages that it reads from; in topological order, as `stages.scheduling.graph`."""
        reads = {stage: [writer for writer, _ in self.inputs(stage)] for stage in sorted(self.stages)}
        return {stage: set(reads[stage]) for stage in TopologicalSorter(reads).static_order()}

    def files(self, output: Output) -> dict[str, Path] | None:
        """Find the output's files by their path inside it ("" for a file); None if one of them is missing."""
        if output["path"] not in self._found:
            self._found[output["path"]] = self._files(output)
        return self._found[output["path"]]

    def read_json(self, path: Path) -> Any:
        """Read the recorded state of a JSON file, an output or one inside a folder; None if there is no copy of it."""
        for entry in self.stages.values():
            for output in entry["outs"]:
                if path.is_relative_to(output["path"]) and (files := self.files(output)) is not None:
                    inner = path.relative_to(output["path"]).as_posix()
                    file = files.get("" if inner == "." else inner)
                    return None if file is None else json.loads(file.read_text(encoding="utf-8"))
        return None

    def _files(self, output: Output) -> dict[str, Path] | None:
        store = CacheStore(self.cache)
        if store.has(output["md5"]):
            files = {name: store.path(md5) for name, md5 in files_of(store, output["md5"]).items()}
            if all(file.is_file() for file in files.values()):
                return files
        path = self.root / output["path"]
        if path.is_file() and hash_of(path) == output["md5"]:
            return {"": path}
        if path.is_dir() and hash_of(path) == output["md5"]:
            return {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        return None

    def md5_of(self, path: Path) -> str:
        """The MD5 that a file of an output is recorded by."""
        return path.parent.name + path.name if path.is_relative_to(self.cache) else hash_of(path)

    def lay(self, output: Output, folder: Path) -> None:
        """Copy the output's files to its path in the folder: copies, because a stage may write to what it reads."""
        path = folder / output["path"]
        remove(path)
        if output["md5"].endswith(".dir"):
            path.mkdir(parents=True)
        for name, file in (self.files(output) or {}).items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        if hash_of(path) != output["md5"]:
            raise ValueError(f"{output['path']}: expected MD5 {output['md5']} in the cache, got {hash_of(path)}")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_lock(path: Path) -> dict[str, dict[str, Any]]:
    """The stages of a dvc.lock by name: cmd, deps, params, outs; ValueError if it is none."""
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        return {name: {"deps": [], "params": {}, "outs": [], **entry} for name, entry in stages.items()}
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        got = " ".join(str(error).split())
        raise ValueError(f"{path}: expected the lock file of a pipeline that was run, got: {got}") from None
