"""A stage as a function of bytes: from the MD5 of each dependency to the MD5 of each output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc_data.hashfile.build import build
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_data.hashfile.state import StateNoop
from dvc_data.hashfile.tree import Tree
from dvc_objects.fs import LocalFileSystem

from stages.scheduling.store import Record


@dataclass(frozen=True)
class Task:
    """All that a stage's result depends on, and where it goes: plain data, for any machine."""

    name: str
    """The stage's address, such as `train@relu_100`."""
    key: str
    """DVC's hash of the record below and the outputs' paths."""
    record: Record
    """What dvc.lock will have of the stage, but its outputs: cmd, deps, params."""
    outs: tuple[str, ...]
    """Paths of the outputs, from `wdir`."""
    code: str
    """Where files come from that no stage declares: the folder of the repository, or a list in the store."""
    folders: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The files of dependencies that are folders: the MD5 of each by its path inside, by the MD5 of the folder."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The MD5 of each file of parameters that another stage writes, by its path from `wdir`."""
    wdir: str = "."
    """Where the command runs, from the root of the repository."""
    preload: tuple[str, ...] = ()
    """Libraries that the command imports; see `stages.scheduling.zygote`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of the environment that are the stage's own: DVC_STAGE, DVC_ROOT."""

    @property
    def commands(self) -> list[str]:
        """The commands, as `dvc.yaml` gives them."""
        commands = self.record["cmd"]
        return commands if isinstance(commands, list) else commands.splitlines()


@dataclass(frozen=True)
class Result:
    """What came of a task."""

    outs: tuple[dict[str, Any], ...] = ()
    """As dvc.lock has them: path, hash, md5, size, nfiles."""
    failure: str | None = None
    """Why there are no outputs."""
    said: tuple[str, ...] = ()
    """The last lines that a command that failed printed."""
    seconds: float = 0


@dataclass(frozen=True)
class Hashed:
    """A file or a folder by its bytes."""

    entry: dict[str, Any]
    """As in dvc.lock, without its path."""
    files: dict[str, str]
    """The MD5 of each file by its path inside; a file's own is ""."""
    listing: bytes | None = None
    """The JSON list of a folder's files, whose MD5 is in `entry`."""

    @property
    def md5(self) -> str:
        """Its name in a store."""
        found: str = self.entry["md5"]
        return found


def hash_path(path: Path, ignore: Any = None) -> Hashed:
    """Hash a file or a folder as DVC does. ignore: DVC's filter of `.dvcignore`, if there is one."""
    fs = LocalFileSystem()
    odb = LocalHashFileDB(fs, str(path.parent), state=StateNoop())
    _, meta, built = build(odb, str(path), fs, "md5", dry_run=True, ignore=ignore)
    return hashed(meta, built)


def hashed(meta: Any, built: Any) -> Hashed:
    """Give what DVC found out about a file or a folder. meta: DVC's Meta; built: its HashFile or Tree."""
    attributes = {name: value for name, value in meta.to_dict().items() if name in ("size", "nfiles", "isexec")}
    entry = {"hash": "md5", "md5": built.hash_info.value, **attributes}
    if not isinstance(built, Tree):
        return Hashed(entry, {"": built.hash_info.value})
    return Hashed(entry, {"/".join(name): found.value for name, _, found in built}, built.as_bytes())
