"""Checks that passed do not run again, as long as all that they depend on is the same."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import stages
from stages.memo import NOTHING, Memo

CODE = ("datasets/**/*.py", "normalization/*.py", "params/**/*.py", "training/*.py", "splits.py", "memo.py")
"""Files of `stages` on which checks depend."""

SETTINGS = ("KERAS_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_", "TF_", "XLA_")
"""First letters of environment variables that change what libraries compute."""
KERAS = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "keras.json")
"""Keras's own settings."""
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
        "machine": f"{platform.platform()} {_processor()}",
        "settings": json.dumps({name: os.environ[name] for name in sorted(os.environ) if name.startswith(SETTINGS)}),
        "keras": KERAS.read_text("utf-8") if KERAS.exists() else "",
    }


def _processor() -> str:
    """Describe the first processor, as far as the system tells: Linux in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted(line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
