"""Pictures of former runs by the keys of their drawings; see `stages.reporting.drawings`.

They only save time: one that is damaged or gone is drawn again, and one that cannot be written is not kept. Several
runs may use the folder at once, and a killed one leaves no half of a picture under a key.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class KeptPictures:
    """A folder with a file for each picture, whose name is the key: the SHA-256 of a PNG, and the PNG."""

    folder: Path
    max_bytes: int = 200_000_000

    def get(self, key: str) -> bytes | None:
        """Give a picture; None without a whole one."""
        with suppress(OSError):
            path = self.folder / key
            content = path.read_bytes()
            if hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]:
                os.utime(path)  # the time of its last use
                return content[DIGEST:]
        return None

    def put(self, key: str, picture: bytes) -> None:
        """Keep a picture."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(hashlib.sha256(picture).digest() + picture)
            os.replace(file.name, self.folder / key)

    def reduce(self) -> None:
        """Remove the files whose last use is longest ago, until the others have at most `max_bytes`."""
        with suppress(OSError):  # another run may remove the same
            size = 0
            for path in sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
                size += path.stat().st_size
                if size > self.max_bytes:
                    path.unlink()
