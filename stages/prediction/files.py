"""Files as they come: what kind they are, and what was read of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document (EPS)"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.xls)"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
)
"""First bytes of kinds of files."""
BRANDS = dict.fromkeys((b"avif", b"avis"), "an AVIF image") | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "a HEIC image"
)
"""Kinds of images, as phones take them, by the brand in their first bytes."""
TEXTS = ((b"{", "JSON"), (b"[", "JSON"), (b"<", "HTML or XML"))
"""First characters of kinds of text."""
WARNING = "warning: "
"""How a note begins that puts a prediction in doubt."""
MAX_NAMED = 10
"""Number of faults, or of names, that a message shows."""


@dataclass
class Read:
    """Rows that were read, and what is to be said of them. `names`, `places` and `x` have an item for each row."""

    names: pd.DataFrame
    """Columns `file` and, for tables, `row` (from 1): what the output calls the row."""
    places: list[str]
    """What a message calls the row: its file and line."""
    x: np.ndarray
    """(n, ...) in the units of the source: float64 columns, or uint8 images."""
    notes: list[str] = field(default_factory=list)
    """What was read tolerantly, one line each."""
    faults: list[str] = field(default_factory=list)
    """Rows and files that could not be read, one line each."""

    def leave_out(self, rows: Iterable[int]) -> None:
        """Leave out the rows at these positions."""
        kept = np.setdiff1d(np.arange(len(self.x)), list(rows))
        self.names = self.names.iloc[kept].reset_index(drop=True)
        self.places = [self.places[row] for row in kept]
        self.x = self.x[kept]


def place_of(path: Path) -> str:
    """Write a path in one line: as it is, or quoted if it has characters that do not print."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def read_bytes(path: Path) -> bytes:
    """Read the file; ValueError with the reason if that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{place_of(path)}: expected a file to read, got: {error.strerror}") from None
    except ValueError:  # a zero byte in the name
        raise ValueError(f"{place_of(path)}: expected the name of a file, got a zero byte in it") from None


def kind_of(content: bytes) -> str | None:
    """Name the kind of a file by its first bytes; None for plain text, and for what has no known beginning."""
    if not content:
        return "an empty file"
    if content.startswith(b"PK\3\4"):
        return "an Excel workbook (.xlsx)" if b"xl/" in content else "a ZIP archive"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "a WebP image"
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], "a video (MP4, MOV) or the like")
    if content.startswith(b"BM") and content[6:10] == bytes(4):
        return "a BMP image"
    for start, kind in SIGNATURES:
        if content.startswith(start):
            return kind
    text = content[:100].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for start, kind in TEXTS if text.startswith(start)), None)


def listed(items: list[str]) -> str:
    """Name the first of the items, and say how many more there are."""
    more = f" and {len(items) - MAX_NAMED:,} more" if len(items) > MAX_NAMED else ""
    return ", ".join(items[:MAX_NAMED]) + more
