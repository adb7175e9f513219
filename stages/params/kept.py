"""What earlier runs have found, as long as all that it depends on is the same: a check that passed does not run again.

`.dvc/tmp/checks/` of the repository has a file for each result, whose name is the hash of what it depends on. They only
save time: what is damaged or gone is found again. Where DVC runs a stage elsewhere, $DVC_ROOT names the repository.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import stages

FOLDER = Path(".dvc/tmp/checks")
MAX_FILES = 5000
"""A run of the repository's own variants leaves 150, of about a kilobyte."""
DIGITS = 64
"""Of a SHA-256."""
CODE = ("datasets/*.py", "normalization/*.py", "params/**/*.py", "training/*.py", "splits.py")
"""Files of `stages` on which checks depend."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Kept:
    """The results of earlier runs."""

    folder: Path | None = None
    """Without one, nothing is kept."""

    def once(self, inputs: Mapping[str, Any], find: Callable[[], Found]) -> Found:
        """Give what `find` gives: what it gave before for these inputs, or what it gives now.

        inputs: all that it depends on, but for our code, the libraries and the machine. They and the result are values
        of JSON. Nothing is kept of a call that raises.
        """
        if self.folder is None:
            return find()
        path = self.folder / _hash(json.dumps([environment(), inputs]))
        with suppress(OSError, ValueError):
            content = path.read_text(encoding="utf-8")
            if _hash(content[DIGITS:]) == content[:DIGITS]:
                os.utime(path)  # the time of its last use
                found: Found = json.loads(content[DIGITS:])
                return found
        found = find()
        self._put(path, json.dumps(found))
        return found

    def _put(self, path: Path, text: str) -> None:
        with suppress(OSError):  # a full disk, a folder that cannot be written to
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
                file.write(_hash(text) + text)
            os.replace(file.name, path)

    def reduce(self) -> None:
        """Remove the results whose last use is longest ago, but for MAX_FILES."""
        with suppress(OSError):  # another run may remove the same
            files = sorted(self.folder.iterdir() if self.folder else (), key=lambda path: -path.stat().st_mtime)
            for path in files[MAX_FILES:]:
                path.unlink()


NOTHING = Kept()


def of_repository() -> Kept:
    """Give what is kept in the repository that this runs in; nothing where it is in none."""
    root = Path(os.environ.get("DVC_ROOT", ""))
    return Kept(root / FOLDER if (root / ".dvc").is_dir() else None)


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
