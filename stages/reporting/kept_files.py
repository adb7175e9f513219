"""What former runs have made, in `.dvc/tmp/` of the repository, by keys that tell all that it depends on.

It only saves time: what is damaged or gone is made again, and what cannot be written is not kept. Several runs may use
the folder at once, and a killed one leaves no half of a file under a key.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

FOLDER = Path(".dvc/tmp/reports")
DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class KeptFiles:
    """A folder with a file for each key: the SHA-256 of what is kept, and that."""

    folder: Path | None
    """Without one, nothing is kept."""
    max_bytes: int = 200_000_000

    def get(self, key: str) -> bytes | None:
        """Give what is kept; None without a whole file."""
        with suppress(OSError):
            if self.folder is None:
                return None
            path = self.folder / key
            content = path.read_bytes()
            if hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]:
                os.utime(path)  # the time of its last use
                return content[DIGEST:]
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep it."""
        with suppress(OSError):
            if self.folder is None:
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(file.name, self.folder / key)

    def reduce(self) -> None:
        """Remove the files whose last use is longest ago, until the others have at most `max_bytes`."""
        with suppress(OSError):  # another run may remove the same
            size = 0
            files = self.folder.iterdir() if self.folder else ()
            for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
                size += path.stat().st_size
                if size > self.max_bytes:
                    path.unlink()


NOTHING = KeptFiles(None)


def kept_files(environ: Mapping[str, str]) -> KeptFiles:
    """Give those of the repository that DVC names to a stage; a run by hand keeps nothing."""
    root = environ.get("DVC_ROOT")
    return KeptFiles(Path(root) / FOLDER) if root else NOTHING
