"""A DVC repository in which stages run: what is out of date there, what a stage depends on, and what came of it."""

import itertools
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dvc.env import DVC_ROOT, DVC_STAGE
from dvc.exceptions import NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage, Stage
from dvc.stage.cache import _can_hash, _get_stage_hash
from dvc.stage.loader import StageLoader
from dvc.stage.serialize import to_lockfile, to_single_stage_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml
from dvc_data.hashfile.tree import Tree

from stages.scheduling.graph import Graph
from stages.scheduling.store import CacheStore, Record
from stages.scheduling.task import Task, hash_path, hashed

FOLDER = Path(".dvc/tmp/parallel")
"""What runs leave and need: logs, inputs, scratch folders."""
ORDER = "order.json"
"""The entries of each dvc.lock before the run. A run that was killed after it wrote one leaves this file."""


class Workspace:
    """A DVC repository in a folder. Its stages are read once: it serves one run."""

    def __init__(
        self,
        root: Path,
        got: Sequence[int] = (),
        logs: Path | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Read its stages.

        got: signals so far; one ends any wait for DVC's lock, as KeyboardInterrupt. logs: folder of what the stages
        print, if it is elsewhere. variables: of the stages' commands, beside those of any.
        """
        self.root = root.resolve()
        self.folder = self.root / FOLDER
        self._logs = (logs or self.folder).resolve()
        self._variables = variables
        for folder in (self.folder, self._logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.repo = Repo(str(self.root))
        self._got = got
        self._changed: dict[str, PipelineStage] = {}
        self._as_in_lock: set[str] = set()
        """Stages whose command and dependencies are those of dvc.lock: their outputs in the cache are theirs."""
        with self.locked():
            active = get_active_graph(self.repo.index.graph)
            order = plan_repro(active)
            self._stages: dict[str, Stage] = {self._address(stage): stage for stage in order}
            self.graph: Graph = {
                self._address(stage): {self._address(each) for each in active.successors(stage)} for stage in order
            }
            self._before = self._entries_before()

    def close(self) -> None:
        """Let go of DVC's databases."""
        self.repo.close()

    @contextmanager
    def locked(self, tries: int | None = None) -> Iterator[None]:
        """Hold DVC's lock, so that no other DVC changes the workspace meanwhile, and be in its folder, as DVC expects.

        tries: go on without it after so many times three seconds; default: never, but a signal ends the wait.
        """
        for number in itertools.count(1):
            try:
                self.repo.lock.lock()  # tries for three seconds
                break
            except LockError:
                if number == tries:
                    break
                if self._got and tries is None:
                    raise KeyboardInterrupt from None
        try:
            with chdir(self.root):
                yield
        finally:
            if self.repo.lock.is_locked:
                self.repo.lock.unlock()

    @cached_property
    def store(self) -> CacheStore:
        """DVC's cache."""
        return CacheStore(Path(self.repo.cache.local.path).parent.parent)

    @cached_property
    def outputs(self) -> set[str]:
        """Paths of all outputs of all stages, from the root."""
        return outputs_of(self.repo)

    def log(self, name: str) -> Path:
        """Where goes what a stage prints."""
        return self._logs / f"{name.replace('/', '_')}.log"

    def out_of_date(self, names: Collection[str]) -> set[str]:
        """The stages that `dvc status` calls changed, of those that are named. Under DVC's lock.

        Those with outputs in a cloud are among them, without asking there: `task` refuses them.
        """
        stages = {name: self._stages[name] for name in names}
        return {
            name
            for name, stage in stages.items()
            if any(out.protocol != "local" for out in stage.outs) or stage.status()
        }

    def task(self, name: str, code: str = "") -> Task | None:
        """The stage as a function of bytes, with the dependencies that it has now. Under DVC's lock.

        code: see `Task`. Returns: None for a stage that is none: one that keeps its outputs (`persist`), always runs,
        has no dependencies or no outputs, or depends on something outside. Raises: DvcException if a dependency is
        missing; ValueError if an output is not in the repository.
        """
        stage = self._stages[name]
        for out in stage.outs:
            if out.protocol != "local" or not out.is_in_repo:
                raise ValueError(f"{stage.relpath}: expected outputs in the repository, got {out}; `dvc repro` runs it")
        if not isinstance(stage, PipelineStage) or stage.frozen:
            return None
        before = [dep.hash_info for dep in stage.deps]
        stage.save_deps()
        if before == [dep.hash_info for dep in stage.deps] and not stage.changed_stage():
            self._as_in_lock.add(name)
        hashed_ = [item for item in [*stage.deps, *stage.outs] if item not in stage.params and item.hash_info]
        legacy = any(item.hash_name != "md5" for item in hashed_)
        if legacy or not _can_hash(stage) or not all(dep.is_in_repo for dep in stage.deps):
            return None
        record = _plain(to_single_stage_lockfile(stage))
        record.pop("outs")
        return Task(
            name=name,
            key=_get_stage_hash(stage),
            record=record,
            outs=tuple(sorted(out.def_path for out in stage.outs)),
            code=code or str(self.root),
            folders={dep.obj.hash_info.value: hashed(dep.meta, dep.obj).files for dep in stage.deps if _is_folder(dep)},
            files=self._written_params(stage),
            wdir=os.path.relpath(stage.wdir, self.root),
            preload=preload_of(stage),
            variables=self.variables(name),
        )

    def _written_params(self, stage: PipelineStage) -> dict[str, str]:
        written = {dep.def_path: Path(dep.fs_path) for dep in stage.params}
        outputs = {self.root / output for output in self.outputs} if written else set()
        return {
            name: hash_path(path).md5 for name, path in written.items() if not outputs.isdisjoint([path, *path.parents])
        }

    def preload(self, names: Iterable[str]) -> list[str]:
        """The libraries that the stages' entries in dvc.yaml name for it, each once."""
        return list(dict.fromkeys(library for name in names for library in preload_of(self._stages[name])))

    def answer(self, name: str) -> str:
        """The command of `meta.answer` in dvc.yaml, which says what the stage has changed; "" if there is none."""
        return str((self._stages[name].meta or {}).get("answer", ""))

    def variables(self, name: str) -> dict[str, str]:
        """The variables that DVC sets for a stage's command."""
        return {DVC_ROOT: os.environ.get(DVC_ROOT, str(self.root)), DVC_STAGE: name, **self._variables}

    def recorded(self, name: str, key: str) -> Record | None:
        """What came of the stage before, with the same dependencies, if its outputs are still in the cache."""
        stage = self._stages[name]
        records = self.store.records(key)[:1]
        if name in self._as_in_lock and all(out.hash_info for out in stage.outs):
            records.insert(0, _plain(to_single_stage_lockfile(stage)))
        for record in records:
            cached = self.repo.stage_cache._create_stage(record, wdir=stage.wdir)
            if cached.outs_cached():
                return record
        return None

    def take_in(self, name: str, record: Record) -> None:
        """Check out the outputs of a record, and note it for dvc.lock. Under DVC's lock."""
        stage = self._stages[name]
        cached = {out.def_path: out for out in self.repo.stage_cache._create_stage(record, wdir=stage.wdir).outs}
        StageLoader.fill_from_lock(stage, record)
        stage.cmd_changed = False
        for out in stage.outs:
            out.obj = out.files = None
            if out.use_cache:
                cached[out.def_path].checkout(force=True)
            else:
                with self.repo.stage_cache._cache_type_copy():  # it is Git's
                    cached[out.def_path].checkout(force=True)
            if out.metric:
                out.verify_metric()
        self._changed[name] = stage

    def stays(self, name: str) -> bool:
        """Whether dvc.yaml says `meta: {workspace: true}` of a stage: its command needs what others have left there."""
        return bool((self._stages[name].meta or {}).get("workspace"))

    def is_command(self, name: str) -> bool:
        """Whether a command makes the stage's outputs now, instead of DVC itself."""
        stage = self._stages[name]
        return bool(stage.cmd) and not stage.frozen

    def commands(self, name: str) -> tuple[list[str], Path]:
        """The stage's commands, and the folder that they run in."""
        stage = self._stages[name]
        return stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines(), Path(stage.wdir)

    def begin(self, name: str) -> None:
        """Make way for a stage that runs in the workspace. Under DVC's lock."""
        stage = self._stages[name]
        stage.save_deps()
        stage.remove_outs(ignore_remove=False, force=False)

    def save(self, name: str) -> None:
        """Take in what a stage left in the workspace. Under DVC's lock."""
        stage = self._stages[name]
        uncached = any(not (out.use_cache or out.is_metric or out.is_plot) for out in stage.outs)
        stage.save(run_cache=not uncached)
        stage.commit()
        stage.cmd_changed = False
        self._changed[name] = stage
        self.write()  # no run cache has it

    def reproduce(self, name: str) -> None:
        """Let DVC itself bring a stage up to date: an import, a file that was added, a frozen stage."""
        stage = self._stages[name]
        if stage.reproduce():
            if isinstance(stage, PipelineStage):
                self._changed[name] = stage
            else:
                stage.dump(update_pipeline=False)

    def write(self, last: bool = False) -> None:
        """Write what has changed into dvc.lock, in the order of a serial run. Under DVC's lock.

        last: whether the run ends; until then a file keeps the order of the entries before it.
        """
        if not last:
            _write(self.folder / ORDER, json.dumps(self._before))
        locks: dict[Path, dict[str, PipelineStage]] = {}
        for name in self.graph:  # in the order of a serial run
            if name in self._changed:
                stage = self._changed[name]
                locks.setdefault(Path(stage.dvcfile._lockfile.path), {})[stage.name] = stage
        with self.repo.scm_context(quiet=True):
            for path, stages in locks.items():
                for stage in stages.values():
                    stage.ignore_outs()
                order = self._before.get(str(path), [])
                self._write_lock(path, stages, [*order, *self._names(path)])
                self.repo.scm_context.track_file(os.path.relpath(path))
        if last:
            (self.folder / ORDER).unlink(missing_ok=True)
            self._changed.clear()

    def _write_lock(self, path: Path, stages: dict[str, PipelineStage], order: Iterable[str]) -> None:
        content = parse_yaml(path.read_text(encoding="utf-8"), path, typ="rt") if path.exists() else None
        content = content or {"schema": "2.0"}
        entries = content.setdefault("stages", {})
        before = dict(entries)
        for stage in stages.values():
            entries.update(to_lockfile(stage))
        names = [name for name in dict.fromkeys([*order, *entries]) if name in entries]
        if list(before.items()) == [(name, entries[name]) for name in names]:
            return
        ordered = {name: entries.pop(name) for name in names}
        entries.update(ordered)
        _write(path, dumps_yaml(content), like=path if path.exists() else None)

    def _names(self, path: Path) -> Iterator[str]:
        for stage in self._stages.values():
            if isinstance(stage, PipelineStage) and Path(stage.dvcfile._lockfile.path) == path:
                yield stage.name

    def _entries_before(self) -> dict[str, list[str]]:
        with suppress(FileNotFoundError):
            found: dict[str, list[str]] = json.loads((self.folder / ORDER).read_text(encoding="utf-8"))
            return found
        files = {stage.dvcfile for stage in self._stages.values() if isinstance(stage, PipelineStage)}
        return {str(file._lockfile.path): list(file.lockfile_contents.get("stages", {})) for file in files}

    def _address(self, stage: Stage) -> str:
        """Its name in `dvc.yaml` at the root, else with the path of its file before it: as DVC says it at the root."""
        path: str = stage.path_in_repo
        return stage.name if isinstance(stage, PipelineStage) and path == "dvc.yaml" else self._elsewhere(stage, path)

    @staticmethod
    def _elsewhere(stage: Stage, path: str) -> str:
        return f"{path}:{stage.name}" if isinstance(stage, PipelineStage) else path


def check_root(folder: Path) -> None:
    """Raise ValueError if a folder is not the root of a DVC repository. Nothing is created there."""
    try:
        root = Repo.find_root(str(folder))
    except NotDvcRepoError:
        raise ValueError(f"expected the root of a DVC repository, got {folder}, which is in none") from None
    if not folder.samefile(root):
        raise ValueError(f"expected the root of a DVC repository, got {folder}; `cd {root}`")


def outputs_of(repo: Repo) -> set[str]:
    """Paths of all outputs of all stages of a repository, from its root."""
    return {Path(out.fs_path).relative_to(repo.root_dir).as_posix() for out in repo.index.outs if out.is_in_repo}


def preload_of(stage: Stage) -> tuple[str, ...]:
    """The libraries that `meta.preload` names in dvc.yaml."""
    return tuple((stage.meta or {}).get("preload", ()))


def _is_folder(dep: Any) -> bool:
    return isinstance(dep.obj, Tree)


def _plain(content: Any) -> Any:
    """A copy of dictionaries and lists."""
    if isinstance(content, dict):
        return {name: _plain(value) for name, value in content.items()}
    return [_plain(value) for value in content] if isinstance(content, list) else content


def _write(path: Path, text: str, like: Path | None = None) -> None:
    """Write a file whole or not at all. like: a file whose permissions it gets."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    if like:
        shutil.copymode(like, new)
    new.replace(path)
