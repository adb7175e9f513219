"""Checks that passed do not run again, as long as all that they depend on is the same."""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import stages
from stages.memo import NOTHING, Memo

CODE = ("datasets/*.py", "normalization/*.py", "params/**/*.py", "training/*.py", "splits.py", "memo.py")
"""Files of `stages` on which checks depend."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Checked:
    """The results of earlier runs."""

    memo: Memo = NOTHING

    def once(self, inputs: Mapping[str, Any], find: Callable[[], Found]) -> Found:
        """Give what `find` gives: what it gave before for these inputs, or what it gives now.

        inputs: all that it depends on, but for our code, the libraries and the machine. They and the result are values
        of JSON. Nothing is kept of a call that raises.
        """
        key = _hash(json.dumps([environment(), inputs])) if self.memo.folder else ""
        if known := self.memo.get(key):
            earlier: Found = json.loads(known)
            return earlier
        found = find()
        self.memo.put(key, json.dumps(found).encode())
        return found


NOTHING_CHECKED = Checked()


@cache
def environment() -> dict[str, str]:
    """Describe what a result depends on beside its inputs: our code, all installed libraries, Python, the machine."""
    package = Path(stages.__path__[0])
    files = sorted({path for pattern in CODE for path in package.glob(pattern)})
    code = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in files}
    libraries = sorted(path.name for entry in sys.path for path in Path(entry).glob("*.dist-info"))
    return {
        "code": _hash(json.dumps(code)),
        "libraries": " ".join(libraries),
        "python": sys.version,
        "machine": platform.platform(),
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
