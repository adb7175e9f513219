"""A machine's part: it runs tasks in scratch folders, on inputs from a store, and puts their outputs there."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dvc.env import DVC_ROOT, DVC_STAGE
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter
from dvc.utils import fix_env

from stages.scheduling.processes import Processes
from stages.scheduling.store import Store
from stages.scheduling.task import Hashed, Result, Task, hash_path

LINES_OF_A_FAILURE = 20
State = tuple[int, int, int] | None


class TaskError(Exception):
    """A task cannot run, or did not do what it should. done: how its command ended."""

    def __init__(self, reason: str, done: Result | None = None) -> None:
        super().__init__(reason)
        self.done = done or Result()


def run_commands(
    commands: Sequence[str],
    cwd: Path,
    variables: Mapping[str, str],
    log: Path,
    preload: Sequence[str],
    processes: Processes,
    wanted: Callable[[], bool],
) -> Result:
    """Run the commands of a stage, until one fails.

    variables: of the environment, beside those of this process. The other arguments: see `Processes.run`.
    """
    started = time.monotonic()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = fix_env(None) | {"PATH": path, **variables}
    for command in commands:
        with log.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"> {command}\n")
        if status := processes.run(command, cwd, env, log, preload, wanted):
            said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
            how = f"exited with {status}" if status > 0 else f"ended by signal {-status}"
            last = said[-1].strip() if said[-1] != f"> {command}" else ""
            return Result(
                failure=f"{last} ({how})" if last else f"`{command}` {how}",
                said=tuple(said[-LINES_OF_A_FAILURE:]),
                seconds=time.monotonic() - started,
            )
    return Result(seconds=time.monotonic() - started)


class Code:
    """The files that a command may need and that no stage declares: those that Git does not ignore."""

    def __init__(self, root: Path, outputs: Collection[str] = ()) -> None:
        """Look into the root of a repository. outputs: paths of all outputs of all stages: they are no code."""
        self.root, self._outputs = root, frozenset(outputs)

    @cached_property
    def files(self) -> list[str]:
        """Paths of files: without Git, of all that there are."""
        return [name for name in self._listed if not self._is_output(name) and (self.root / name).is_file()]

    @cached_property
    def _listed(self) -> list[str]:
        listed = self._git("--cached", "--others", "--exclude-standard")
        if listed is None:
            found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
            listed = [path.as_posix() for path in found if path.parts[0] not in (".dvc", ".git")]
        return list(dict.fromkeys(listed))

    @cached_property
    def links(self) -> list[str]:
        """Paths of files and whole folders that hold no output and that Git ignores, such as a virtual environment.

        And folders that Git has as one entry: submodules, links to folders.
        """
        ignored = self._git("--others", "--ignored", "--exclude-standard", "--directory") or []
        folders = [name for name in self._listed if (self.root / name).is_dir()]
        names = {name.rstrip("/") for name in [*ignored, *folders] if not name.startswith(".dvc/")}
        whole = [name for name in sorted(names) if names.isdisjoint(_parents(os.path.dirname(name)))]
        return [name for name in whole if not self._is_output(name) and name not in self._above]

    def lay(self, folder: Path) -> None:
        """Let a folder hold copies of the files, the links, and nothing else."""
        links = {name for name in self.links if (self.root / name).exists()}
        _clear(folder, {*self.files, *links})
        for name in {os.path.dirname(name) for name in [*self.files, *links]}:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in self.files:
            if _content_state(self.root / name) != _content_state(folder / name):
                (folder / name).unlink(missing_ok=True)
                shutil.copy2(self.root / name, folder / name)
        for name in links:
            link = folder / name
            if not link.is_symlink() or link.readlink() != self.root / name:  # else of another clone
                link.unlink(missing_ok=True)
                link.symlink_to(self.root / name)
        if (self.root / ".dvc").is_dir():  # so that a command finds a DVC repository, whose Git is elsewhere
            (folder / ".dvc").mkdir(exist_ok=True)
            own = {"no_scm": "true", "site_cache_dir": folder / ".dvc" / "tmp"}
            lines = ["[core]", *(f"    {name} = {value}" for name, value in own.items())]
            (folder / ".dvc" / "config.local").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")

    @cached_property
    def _above(self) -> set[str]:
        return {name for output in self._outputs for name in _parents(output)}

    def _is_output(self, name: str) -> bool:
        return not self._outputs.isdisjoint(_parents(name))

    def _git(self, *options: str) -> list[str] | None:
        done = subprocess.run(["git", "ls-files", "-z", *options], cwd=self.root, capture_output=True, check=False)
        return None if done.returncode else os.fsdecode(done.stdout).split("\0")[:-1]


class Node:
    """Runs tasks: the folder of its inputs and of its scratch folders, its store and its processes."""

    def __init__(self, folder: Path, store: Store, processes: Processes, code: Callable[[str], Code]) -> None:
        """Use the folder, which is its own. code: gives that of a task, by its `Task.code`."""
        folder = folder.resolve()
        self.folder, self.store, self.processes, self._code = folder, store, processes, code
        self._numbers = itertools.count()
        self._free: list[Path] = []
        """Scratch folders that no task has: the next one takes them over."""
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._inputs: dict[str, State] = {}
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        for name in ("objects", "scratch"):
            (folder / name).mkdir(parents=True)

    def run(self, task: Task, log: Path, wanted: Callable[[], bool] = lambda: True) -> Result:
        """Run a task.

        log: gets what the commands print; wanted: asked while they run; when it is not any more, they are ended.
        """
        started = time.monotonic()
        try:
            with self._scratch() as scratch:
                laid = self._lay(task, scratch)
                self._run_commands(task, scratch, log, wanted)
                _check_unchanged(laid, scratch)
                outs = tuple(self._take(task, path, scratch) for path in task.outs)
            self.store.add_record(task.key, {**task.record, "outs": list(outs)})
        except TaskError as error:
            return replace(error.done, failure=str(error), seconds=time.monotonic() - started)
        except OSError as error:
            return Result(failure=str(error), seconds=time.monotonic() - started)
        return Result(outs, seconds=time.monotonic() - started)

    def close(self) -> None:
        """End what runs, and leave nothing."""
        self.processes.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        folder = self._free.pop() if self._free else self.folder / "scratch" / str(next(self._numbers))
        try:
            yield folder
        finally:
            self._free.append(folder)

    def _lay(self, task: Task, scratch: Path) -> dict[Path, State]:
        """Lay out the code and the dependencies; returns the state of each file of a dependency."""
        code = self._code(task.code)
        code.lay(scratch)
        laid: dict[Path, State] = {}
        files = [{"path": path, "md5": md5} for path, md5 in task.files.items()]
        for entry in [*task.record.get("deps", []), *files]:
            laid |= self._lay_dependency(task, entry, code, scratch)
        for path in task.outs:
            (scratch / task.wdir / path).parent.mkdir(parents=True, exist_ok=True)
        return laid

    def _lay_dependency(self, task: Task, entry: dict[str, str], code: Code, scratch: Path) -> dict[Path, State]:
        path, expected = os.path.normpath(os.path.join(task.wdir, entry["path"])), entry["md5"]
        target = scratch / path
        files = task.folders.get(expected, {"": expected})
        if not files:
            target.mkdir(parents=True, exist_ok=True)
        is_there = target.exists() and hash_path(target).md5 == expected
        laid = {}
        for inner, md5 in files.items():
            file = target / inner if inner else target
            if not is_there:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.unlink(missing_ok=True)
                if self.store.has(md5):
                    self._link(md5, file, executable=bool(entry.get("isexec")))
                else:
                    self._copy_of_workspace(code.root / path / inner, file, md5)
            laid[file] = _state(file)
        return laid

    def _copy_of_workspace(self, path: Path, target: Path, md5: str) -> None:
        got = "nothing, neither there nor in the store"
        if path.is_file():
            shutil.copy(path, target)
            got = hash_path(target).md5
        if got != md5:
            raise TaskError(f"{path}: expected MD5 {md5}, as when the stage began to wait, got {got}")

    def _link(self, md5: str, target: Path, executable: bool) -> None:
        """Link an object, of which this machine makes one copy: a stage may write to what it reads."""
        path = self.folder / "objects" / md5
        with self._locks[md5]:
            if md5 not in self._inputs or _state(path) != self._inputs[md5]:  # a stage has written to it
                new = path.with_suffix(".new")
                self.store.get(md5, new)
                new.replace(path)
                self._inputs[md5] = _state(path)
            if executable:
                shutil.copyfile(path, target)
                target.chmod(0o755)
            else:
                os.link(path, target)

    def _run_commands(self, task: Task, scratch: Path, log: Path, wanted: Callable[[], bool]) -> None:
        cwd = scratch / task.wdir
        cwd.mkdir(parents=True, exist_ok=True)
        variables = {DVC_ROOT: str(scratch), DVC_STAGE: task.name, **task.variables}
        done = run_commands(task.commands, cwd, variables, log, task.preload, self.processes, wanted)
        if done.failure:
            raise TaskError(done.failure, done)

    def _take(self, task: Task, path: str, scratch: Path) -> dict[str, str]:
        """Put an output into the store: files before the list that names them."""
        place = scratch / task.wdir / path
        if not place.exists():
            raise TaskError(f"expected it to write {path}, got nothing there")
        for each in [place, *place.rglob("*")]:
            if not (each.is_file() or each.is_dir()):
                raise TaskError(f"{each.relative_to(scratch)}: expected a file or a folder, got something else")
        found = hash_path(place, self._ignore(scratch))
        for inner, md5 in found.files.items():
            self.store.put(place / inner if inner else place, md5)
        self._put_listing(found)
        return {"path": path, **found.entry}

    @staticmethod
    def _ignore(scratch: Path) -> DvcIgnoreFilter | None:
        """What `.dvcignore` leaves out of outputs."""
        has_own = (scratch / ".dvcignore").exists()
        return DvcIgnoreFilter(LocalFileSystem(), str(scratch)) if has_own else None

    def _put_listing(self, found: Hashed) -> None:
        if found.listing is not None and not self.store.has(found.md5):
            path = self.folder / f"list-{threading.get_ident()}"
            path.write_bytes(found.listing)
            self.store.put(path, found.md5)
            path.unlink()


def _parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = os.path.dirname(name)


def _state(path: Path) -> State:
    """Number, time and size of a file, one of which changes when it is written to or replaced; None without one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _content_state(path: Path) -> tuple[int, ...] | None:
    """Time and size of a file: a copy has those of its original."""
    state = _state(path)
    return state and state[1:]


def _check_unchanged(laid: Mapping[Path, State], scratch: Path) -> None:
    """TaskError if a file has changed since it was laid out: what came of it is not what came of its MD5."""
    for path, state in laid.items():
        if _state(path) != state:
            hint = "write to a copy, or give the stage `meta: {workspace: true}` in dvc.yaml"
            got = "got other bytes, written by this stage or one beside it"
            raise TaskError(f"{path.relative_to(scratch)}: expected a dependency to stay as it is, {got}; {hint}")


def _clear(folder: Path, names: Collection[str]) -> None:
    """Remove all from a folder but what has these names."""
    kept = {above for name in names for above in _parents(name)}
    for path, folders, files in os.walk(folder):
        inner = os.path.relpath(path, folder)
        for name in [*folders, *files]:
            own = name if inner == "." else f"{inner}/{name}"
            if own not in kept or (name in folders and own in names and not os.path.islink(os.path.join(path, name))):
                _remove(os.path.join(path, name))
        folders[:] = [name for name in folders if (name if inner == "." else f"{inner}/{name}") in kept]


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
