"""Objects by the MD5 of their bytes, and records of what stages made of what: DVC's cache, or one of its remotes.

The layout is DVC's own. An object is `files/md5/<2 digits>/<30 digits>`; a folder is a JSON list of its files, under
its own MD5 with `.dir`. A record, `runs/<2 digits>/<key>/<hash>`, is what dvc.lock has of a stage; its key is the hash
of the command, the dependencies and the paths of the outputs.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from dvc.schema import COMPILED_LOCK_FILE_STAGE_SCHEMA
from dvc.stage.cache import _get_cache_hash
from dvc.utils.serialize import YAMLFileCorruptedError, dump_yaml, parse_yaml
from voluptuous import Invalid

Record = dict[str, Any]
"""An entry of dvc.lock: cmd, deps, params, outs."""


class Store(Protocol):
    """Where objects and records are kept; each is asked for by its name, so that no size of a store makes it slow."""

    def has(self, md5: str) -> bool:
        """Whether it has an object."""

    def get(self, md5: str, path: Path) -> None:
        """Copy an object to a path; FileNotFoundError if it has none of this name."""

    def put(self, path: Path, md5: str) -> None:
        """Take in the bytes at a path as an object, unless it has it. The file may be linked: it must not change."""

    def records(self, key: str) -> list[Record]:
        """The records of a key, the newest first."""

    def add_record(self, key: str, record: Record) -> None:
        """Add a record, whose objects are there."""


class CacheStore:
    """DVC's cache on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, md5: str) -> Path:
        """Where an object is, or would be."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def has(self, md5: str) -> bool:
        """See `Store`."""
        return self.path(md5).is_file()

    def get(self, md5: str, path: Path) -> None:
        """See `Store`."""
        shutil.copyfile(self.path(md5), path)

    def put(self, path: Path, md5: str) -> None:
        """See `Store`."""
        target = self.path(md5)
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._new() as new:
            link_or_copy(path, new)
            new.chmod(0o444)
            new.replace(target)

    def records(self, key: str) -> list[Record]:
        """See `Store`."""
        folder = self._records(key)
        paths = [path for path in folder.glob("*") if len(path.name) == len(key)]  # DVC leaves others when it is killed
        paths.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        found = [(path, read_record(path.read_text(encoding="utf-8", errors="replace"), str(path))) for path in paths]
        for path, record in found:
            if record is None:  # as DVC removes it
                path.unlink(missing_ok=True)
        return [record for _, record in found if record is not None]

    def add_record(self, key: str, record: Record) -> None:
        """See `Store`."""
        path = self._records(key) / hash_of_record(record)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._new() as new:
                dump_yaml(new, record)
                new.replace(path)

    @contextmanager
    def _new(self) -> Iterator[Path]:
        """A path for a file that is not whole yet: where nobody looks for an object or a record."""
        new = self.folder / f"new-{uuid.uuid4().hex}"
        try:
            yield new
        finally:
            new.unlink(missing_ok=True)

    def _records(self, key: str) -> Path:
        return self.folder / "runs" / key[:2] / key


def files_of(store: CacheStore, md5: str) -> dict[str, str]:
    """Give the MD5 of each file of an object by its path inside it; a file has the path ""."""
    if not md5.endswith(".dir"):
        return {"": md5}
    return {each["relpath"]: each["md5"] for each in json.loads(store.path(md5).read_text(encoding="utf-8"))}


def read_record(text: str, path: str) -> Record | None:
    """Read a record; None if it is damaged."""
    try:
        record: Record = COMPILED_LOCK_FILE_STAGE_SCHEMA(parse_yaml(text, path))
    except (YAMLFileCorruptedError, Invalid):
        return None
    return record if record.get("outs") else None


def hash_of_record(record: Record) -> str:
    """Give DVC's name for a record of a stage's outputs."""
    value: str = _get_cache_hash(record)
    return value


def link_or_copy(path: Path, target: Path) -> None:
    """Make the bytes at a path those of a target too: linked, unless another name has them or it is elsewhere."""
    with suppress(OSError):
        if not path.is_symlink() and path.stat().st_nlink == 1:
            os.link(path, target)
            return
    shutil.copyfile(path, target)
