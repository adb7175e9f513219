"""Results of earlier runs, in `.dvc/tmp/memo/` of the repository, by keys that tell all that they depend on.

They only save time: one that is damaged or gone is made again, and one that cannot be written is not kept. Several runs
may use a folder at once, and a killed one leaves no half of a file under a key.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

FOLDER = Path(".dvc/tmp/memo")
DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Memo:
    """A folder with a file for each key: the SHA-256 of a result, and the result."""

    folder: Path | None = None
    """Without one, nothing is kept."""
    max_bytes: int = 200_000_000

    def get(self, key: str) -> bytes | None:
        """Give a result; None without a whole one."""
        with suppress(OSError):
            if self.folder is None:
                return None
            path = self.folder / key
            content = path.read_bytes()
            if hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]:
                with suppress(OSError):  # of another user
                    os.utime(path)  # the time of its last use
                return content[DIGEST:]
        return None

    def put(self, key: str, result: bytes) -> None:
        """Keep a result."""
        with suppress(OSError):
            if self.folder is None:
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, delete=False) as file:
                try:
                    file.write(hashlib.sha256(result).digest() + result)
                    file.flush()
                except OSError:
                    os.unlink(file.name)
                    raise
            os.replace(file.name, self.folder / key)

    def reduce(self) -> None:
        """Remove the results whose last use is longest ago, until the others have at most `max_bytes`."""
        with suppress(OSError):  # another run may remove the same
            size = 0
            files = self.folder.iterdir() if self.folder else ()
            for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
                size += path.stat().st_size
                if size > self.max_bytes:
                    path.unlink()


NOTHING = Memo()


def of_repository(name: str) -> Memo:
    """Give the memo of this name of the repository that this runs in; NOTHING where it is in none.

    Where DVC runs a stage elsewhere, $DVC_ROOT names the repository.
    """
    root = Path(os.environ.get("DVC_ROOT", ""))
    return Memo(root / FOLDER / name) if (root / ".dvc").is_dir() else NOTHING
