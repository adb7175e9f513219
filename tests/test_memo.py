"""Results of earlier runs save time, and change nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.memo import DIGEST, NOTHING, Memo, of_repository


def test_a_result_is_there_until_it_is_damaged(tmp_path: Path) -> None:
    memo = Memo(tmp_path / "new")
    assert memo.get("key") is None
    memo.put("key", b"result")
    assert memo.get("key") == b"result"
    assert NOTHING.get("key") is None
    NOTHING.put("key", b"result")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: bytes(DIGEST) + content[DIGEST:],
        lambda content: b"\xff" + content,
    ],
)
def test_a_damaged_result_is_none(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    memo = Memo(tmp_path)
    memo.put("key", b"result")
    (tmp_path / "key").write_bytes(damage((tmp_path / "key").read_bytes()))
    assert memo.get("key") is None
    memo.put("key", b"another")
    assert memo.get("key") == b"another"


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    memo = Memo(tmp_path / "file")
    memo.put("key", b"result")
    assert memo.get("key") is None
    memo.reduce()


def test_a_killed_run_leaves_no_half_of_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", lambda *_: None)  # as if it was killed before
    Memo(tmp_path).put("key", b"result")
    assert Memo(tmp_path).get("key") is None
    assert len([*tmp_path.iterdir()]) == 1


def test_those_that_were_not_used_for_longest_go_first(tmp_path: Path) -> None:
    memo = Memo(tmp_path, max_bytes=2 * (DIGEST + 10))
    for number, name in enumerate("abc"):
        memo.put(name, bytes(10))
        long_ago = time.time() - 1000 + number
        os.utime(tmp_path / name, (long_ago, long_ago))
    assert memo.get("a") == bytes(10)
    memo.reduce()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_the_folder_is_the_repositorys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert of_repository("it") == NOTHING
    (tmp_path / "project/.dvc").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))  # of a stage that runs in a folder of its own
    assert of_repository("it") == Memo(tmp_path / "project/.dvc/tmp/memo/it")
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir("project")
    assert of_repository("it") == Memo(Path(".dvc/tmp/memo/it"))
