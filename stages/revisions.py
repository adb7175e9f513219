"""The files of the project in one of its states: in the workspace, in a revision, or as a run has recorded them.

Outputs of a revision are read through DVC from its cache (or remote); nothing is checked out.
"""

import hashlib
import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError
from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
from dvc_data.index import DataIndexDirError

from stages.artifacts import HISTORY, PREDICTIONS, RECIPE, RECIPES, SUMMARY, SWEEP, Artifact
from stages.comparison.trained import TrainedVariant, read_trained
from stages.scheduling.store import CacheStore, files_of
from stages.splits import NORMALIZED

WORKSPACE = "workspace"
TOLD_APART_BY = (RECIPE, PREDICTIONS, HISTORY, SUMMARY)
"""The files that show whether a variant changed."""


class State(ABC):
    """A state of the project's files."""

    comes_with = "`dvc repro`"
    """What brings a file that is missing."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def _content(self, path: Path) -> bytes:
        """Give the content of a file; OSError without one."""

    @abstractmethod
    def _names(self, folder: Path) -> list[str]:
        """Name the files in a folder; OSError without one."""

    def read(self, path: Path) -> bytes:
        """Read a file. Raises: ValueError if the state has none, or none that can be had."""
        try:
            return self._content(path)
        except OSError:
            raise self._absent(path) from None

    def md5(self, path: Path) -> str:
        """Give the MD5 of a file; see `read`."""
        return hashlib.md5(self.read(path), usedforsecurity=False).hexdigest()

    def variants(self) -> list[str]:
        """Name the variants that have a recipe. Raises: ValueError if there are no recipes."""
        if (found := self._with(RECIPE)) is None:
            raise ValueError(f"{self.name}: expected {RECIPES}, got a revision without it")
        return found

    def sweeps(self) -> list[str]:
        """Name the sweeps that are configured; none in a state of before there were any."""
        return self._with(SWEEP) or []

    def version(self, variant: str) -> list[str]:
        """Give what tells whether a variant changed: the MD5 of each of its files; see `read`."""
        return [self.md5(artifact.path(variant)) for artifact in TOLD_APART_BY]

    def trained(self, variant: str, scratch: Path) -> TrainedVariant:
        """Read a trained variant with the targets of its split. scratch: a folder for those.

        Raises: ValueError if a file is damaged, or missing.
        """
        files = {path: self.read(path) for path in (artifact.path(variant) for artifact in TOLD_APART_BY)}
        dataset = RECIPE.read(variant, files.__getitem__)["dataset"]
        try:
            return read_trained(variant, files.__getitem__, self._targets(dataset, scratch))
        except FileNotFoundError as error:
            raise self._absent(Path(error.filename)) from None

    def _with(self, artifact: Artifact[Any]) -> list[str] | None:
        try:
            return sorted(Path(name).stem for name in self._names(artifact.folder))
        except OSError:
            return None

    def _absent(self, path: Path) -> ValueError:
        return ValueError(f"{self.name}: expected {path}, got none; it comes with {self.comes_with}")

    def _targets(self, dataset: str, scratch: Path) -> Path:
        """Give a folder with the targets of a data set, as `data/normalized` has them."""
        folder = scratch / hashlib.sha256(self.name.encode()).hexdigest()
        if not (folder / dataset).exists():
            index = self.read(NORMALIZED / dataset / "splits.json")
            names = {"splits.json"}
            for split in json.loads(index).values():
                names |= {f"{split['arrays']}/{name}" for name in ("y.npy", "rows.npy", "scaling.json")}
            contents = {name: self.read(NORMALIZED / dataset / name) for name in sorted(names)}  # all of them, or none
            for name, content in contents.items():
                target = folder / dataset / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        return folder


class Workspace(State):
    """The files that are in the workspace, or in that of a clone."""

    def __init__(self, folder: Path = Path(), name: str = WORKSPACE) -> None:
        super().__init__(name)
        self._folder = folder

    def _content(self, path: Path) -> bytes:
        return (self._folder / path).read_bytes()

    def _names(self, folder: Path) -> list[str]:
        return [path.name for path in (self._folder / folder).glob("*.json")]

    def _targets(self, dataset: str, scratch: Path) -> Path:
        del dataset, scratch
        return self._folder / NORMALIZED


class Recorded(State):
    """Outputs by the MD5s that DVC records of them, as far as its cache has them: nothing is read to tell them apart.

    md5s: by the path of each output; of a folder that of the list of its files, which ends with `.dir`.
    """

    comes_with = "`dvc pull`"

    def __init__(self, name: str, md5s: Mapping[str, str], store: CacheStore) -> None:
        super().__init__(name)
        self._md5s, self._store = md5s, store
        self._listed: dict[str, dict[str, str]] = {}

    def md5(self, path: Path) -> str:
        """Give the MD5 of a file, as it is recorded; see `read`."""
        try:
            return self._recorded(path)
        except OSError:
            raise self._absent(path) from None

    def _content(self, path: Path) -> bytes:
        return self._store.path(self._recorded(path)).read_bytes()

    def _names(self, folder: Path) -> list[str]:
        return [*self._files(folder)]

    def _recorded(self, path: Path) -> str:
        for output in (path, *path.parents):
            if output.as_posix() in self._md5s:
                inner = path.relative_to(output).as_posix()
                if (md5 := self._files(output).get("" if inner == "." else inner)) is not None:
                    return md5
        raise FileNotFoundError(path)

    def _files(self, output: Path) -> dict[str, str]:
        if (md5 := self._md5s.get(output.as_posix())) is None:
            raise FileNotFoundError(output)
        if md5 not in self._listed:
            self._listed[md5] = files_of(self._store, md5)
        return self._listed[md5]


class Revision(Recorded):
    """The files of a revision: anything that Git or DVC knows by a name.

    What its dvc.lock and the cache do not have is read through DVC, which takes a second to look, perhaps elsewhere.
    """

    def __init__(self, name: str) -> None:
        """Look for it. Raises: ValueError if there is none."""
        with Repo() as repo:
            store = CacheStore(Path(repo.cache.local.path).parent.parent)
        lock = _lock_of(name)
        super().__init__(name, md5s_in(lock or ""), store)
        self.comes_with = f"`dvc pull`, or `dvc repro` where {name} is checked out"
        if lock is None:
            try:
                self._through_dvc.ls("/")
            except (DvcException, SCMError) as error:
                raise ValueError(f"{name}: expected a revision or an experiment, got: {error}") from None

    @cached_property
    def _through_dvc(self) -> DVCFileSystem:
        return DVCFileSystem(rev=self.name)

    def md5(self, path: Path) -> str:
        """Give the MD5 of a file; see `read`."""
        try:
            return self._recorded(path)
        except OSError:
            return State.md5(self, path)

    def _content(self, path: Path) -> bytes:
        with suppress(OSError):
            return super()._content(path)
        try:
            content: bytes = self._through_dvc.cat_file(f"/{path.as_posix()}")
        except DataIndexDirError:
            raise self._absent(path) from None
        return content

    def _names(self, folder: Path) -> list[str]:
        with suppress(OSError):
            return super()._names(folder)
        try:
            return [Path(path).name for path in self._through_dvc.ls(f"/{folder.as_posix()}", detail=False)]
        except DataIndexDirError:
            raise self._absent(folder) from None


def _lock_of(revision: str) -> str | None:
    """Give the text of dvc.lock in a revision that Git knows; None without one."""
    found = subprocess.run(["git", "show", f"{revision}:./dvc.lock"], capture_output=True, check=False)
    return None if found.returncode else found.stdout.decode("utf-8", errors="replace")


def md5s_in(lock: str) -> dict[str, str]:
    """Give the MD5s of the outputs by their paths; none if it is damaged. lock: the text of a dvc.lock at the root."""
    try:
        stages = (parse_yaml(lock, "dvc.lock") or {}).get("stages", {})
        outs = [out for stage in stages.values() for out in stage.get("outs", [])]
        return {out["path"]: out["md5"] for out in outs if "md5" in out}
    except (YAMLFileCorruptedError, AttributeError, KeyError, TypeError):
        return {}


def state_of(name: str) -> State:
    """Give the state of this name: the workspace, or a revision. Raises: ValueError if there is none."""
    return Workspace() if name == WORKSPACE else Revision(name)
