"""A DVC remote as a store: objects and records are found by name, and the remote is never listed."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from dvc.cachemgr import CacheManager
from dvc.exceptions import DvcException
from dvc.fs import get_cloud_fs, get_fs_config
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml
from dvc_objects.fs.utils import tmp_fname

from stages.scheduling.store import Record, hash_of_record, read_record

T = TypeVar("T")

WRITES_ARE_ATOMIC = ("s3", "gs", "azure", "oss")
"""Protocols that show a file when it is complete. Elsewhere it is written under another name and moved."""
TRIES = 3
SECONDS_BETWEEN_TRIES = 2


class RemoteError(ValueError):
    """A remote does not answer, or not as it should: no fault of a stage."""


def remote_config(repo: Repo, name: str | None = None) -> dict[str, Any]:
    """Give the settings of a remote, by default of `core.remote`: plain data, with which a node finds it.

    Raises: ValueError if there is none, or if it is no store of objects.
    """
    name = name or repo.config["core"].get("remote")
    if not name:
        raise ValueError("core.remote: expected a DVC remote that nodes reach, got none: `dvc remote add --default`")
    try:
        config = {key: _plain(value) for key, value in get_fs_config(repo.config, name=name).items()}
    except DvcException as error:
        raise ValueError(str(error)) from None
    if config.get("version_aware") or config.get("worktree"):
        raise ValueError(f"remote.{name}: expected objects by their hash, got a remote with versions of files")
    return config


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value  # DVC marks paths by classes of its own


class RemoteStore:
    """The objects and the records of a DVC remote; see `stages.scheduling.store.Store`.

    Each method takes a number of remote operations that does not depend on how much the remote holds. An operation
    that fails is tried again; then it is a RemoteError. Threads may share a store.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        cls, settings, root = get_cloud_fs({}, **config)
        self.url = str(config["url"])
        self._fs = cls(**settings)
        self._root = root

    def check(self, name: str) -> None:
        """Write a small file, read it and remove it. name: of the remote. Raises: RemoteError if that fails."""
        path, content = self._fs.join(self._root, tmp_fname()), b"of a run that began"
        try:
            with self._whole(path) as target:
                self._try(lambda: self._fs.pipe_file(target, content))
            got: object = self._read(path)
        except (FileNotFoundError, RemoteError) as error:
            got = error.__cause__ or error
        with suppress(Exception):
            self._fs.rm_file(path)
        if got != content:
            raise RemoteError(f"remote.{name}: {self.url}: expected a folder to write to and to read, got {got!r}")

    def has(self, md5: str) -> bool:
        """Whether it holds the object."""
        try:
            self._try(lambda: self._fs.info(self._object(md5)))  # `exists` takes any error for a no
        except FileNotFoundError:
            return False
        return True

    def get(self, md5: str, path: Path) -> None:
        """Copy an object to a path. Raises: FileNotFoundError without it, OSError if it has other bytes."""
        source = self._object(md5)
        self._try(lambda: self._fs.get_file(source, str(path)))
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != md5.removesuffix(".dir"):
            path.unlink()
            hint = "remove it there; the next run puts it again"
            raise OSError(f"{self._shown(source)}: expected bytes with the MD5 {md5}, got {found}: {hint}")

    def put(self, path: Path, md5: str) -> None:
        """Copy a file to the object of that name, unless there is one: it is there as a whole or not at all."""
        if self.has(md5):
            return
        with self._whole(self._object(md5)) as target:
            self._try(lambda: self._fs.put_file(str(path), target))

    def records(self, key: str) -> list[Record]:
        """Give the records of a key, in no order: more than one tell of different bytes. Damaged ones are left out."""
        folder = self._records(key)
        self._fs.fs.invalidate_cache(folder)  # others write there, too
        try:
            names = self._try(lambda: [self._fs.name(path) for path in self._fs.ls(folder, detail=False)])
        except FileNotFoundError:
            return []
        paths = [self._fs.join(folder, name) for name in sorted(names) if len(name) == len(key)]
        found = [read_record(self._read(path).decode(errors="replace"), path) for path in paths]
        return [record for record in found if record and all("md5" in out for out in record["outs"])]

    def _read(self, path: str) -> bytes:
        content: bytes = self._try(lambda: self._fs.cat_file(path))
        return content

    def add_record(self, key: str, record: Record) -> None:
        """Add a record, whose objects are there."""
        content = dumps_yaml(record).encode()
        with self._whole(self._fs.join(self._records(key), hash_of_record(record))) as target:
            self._try(lambda: self._fs.pipe_file(target, content))

    def _object(self, md5: str) -> str:
        return self._fs.join(self._root, CacheManager.FILES_DIR, "md5", md5[:2], md5[2:])

    def _records(self, key: str) -> str:
        return self._fs.join(self._root, "runs", key[:2], key)

    def _shown(self, path: str) -> str:
        return f"{self.url}{path.removeprefix(self._root)}"

    @contextmanager
    def _whole(self, path: str) -> Iterator[str]:
        """Give the path to write to, and move what is written to its place."""
        folder = self._fs.parent(path)
        self._try(lambda: self._fs.makedirs(folder, exist_ok=True))
        if self._fs.protocol in WRITES_ARE_ATOMIC:
            yield path
            return
        target = self._fs.join(folder, tmp_fname())
        try:
            yield target
            self._try(lambda: self._fs.mv(target, path))
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(target)
            raise

    def _try(self, operation: Callable[[], T]) -> T:
        for left in reversed(range(TRIES)):
            try:
                return operation()
            except FileNotFoundError:
                raise
            except Exception as error:
                if not left:
                    raise RemoteError(f"{self.url}: expected a remote that answers, got {error!r}") from error
            time.sleep(SECONDS_BETWEEN_TRIES)
        raise AssertionError
