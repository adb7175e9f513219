"""Broken raw files by the hundred: the readers answer each with a message that names the file, or read what it says."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from new_rows import FASHION_MNIST, TWO_COLUMNS
from PIL import Image

from stages import download
from stages.datasets import fashion_mnist
from stages.datasets.spec import RawFile, read_table
from stages.prediction.images import read_picture
from stages.prediction.tables import read_table_file

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
IDX = bytes([0, 0, 8, 3]) + np.array(IMAGES.shape, dtype=">u4").tobytes() + IMAGES.tobytes()
CSV = b"1,2.5\r\n-3,4e2\r\n5,6\r\n"
HEADED = b'age,beds\r\n1,"2.5"\r\n\r\n-3,4e2\r\n5,6\r\n'
ODD = st.sampled_from(
    [
        *(b"nan", b"inf", b"-inf", b"1e999", b"1_0", b"0x1", b"x", b"9" * 400, b"9" * 140_000),
        *(b"", b" ", b",", b";", b"\t", b'"', b'"1"', b"\n", b"\r", b"\r\n", b"\n\n"),
        *(b"\0", b"\xff", b"\x1a", b"\xef\xbb\xbf", b"\xff\xfe", "٣".encode(), "½".encode(), b"\x1f\x8b"),
    ]
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "change", "put in", "leave out", "repeat"]),
        st.integers(0, 2**20),
        ODD | st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)
QUICK, LONG = 200, 2000


def edited(content: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """The content with bytes cut off, changed, put in, left out or repeated."""
    for way, number, odd in edits:
        at = number % (len(content) + 1)
        before, after = content[:at], content[at:]
        content = {
            "cut": before,
            "change": before + odd + after[len(odd) :],
            "put in": before + odd + after,
            "leave out": before + after[len(odd) :],
            "repeat": before + before[-20:] + after,
        }[way]
    return content


def tar_of(*members: tuple[str, bytes]) -> bytes:
    """A tar archive of members, each a name and its content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zip_of(*members: tuple[str, bytes]) -> bytes:
    """A zip archive of members, each a name and its content."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


TAR = tar_of(("other", b"5"), ("data", CSV))
ZIP = zip_of(("other", b"5"), ("data", CSV))
CSV_FILE = RawFile("data", hashlib.sha256(CSV).hexdigest(), len(CSV))
ARFF = b"% it\n@relation x\n@attribute age real\n@attribute beds {1, 2}\n@data\n1,2.5\n'3',none\n"


def read_csv(path: Path) -> np.ndarray:
    return read_table(path.read_bytes(), str(path), ["a", "b"], 3)


def read_idx(path: Path) -> np.ndarray:
    return fashion_mnist.read_idx(path, IMAGES.shape)


def unpack(path: Path) -> bytes:
    try:
        download.unpack(path, CSV_FILE)
    except download.WrongContentError as error:
        raise ValueError(f"{path}: expected a table, {error}") from error  # the stage names the source
    return path.read_bytes()


def picture(kind: str, **options: Any) -> bytes:
    """A picture of 4 x 3 pixels, in colors."""
    content = io.BytesIO()
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
    Image.fromarray(pixels).save(content, kind, **options)
    return content.getvalue()


def read_headed(path: Path) -> np.ndarray:
    read = read_table_file(path, TWO_COLUMNS, ["age", "beds"])
    for line in (*read.faults, *read.notes):
        assert line.startswith(str(path))
        assert "\n" not in line
    assert len(read.names) == len(read.places) == len(read.x)
    return read.x


def read_prepared(path: Path) -> np.ndarray:
    """Read a picture of any size as Fashion-MNIST's; a data set of 3 x 4 pixels reads it as it is."""
    image, _ = read_picture(path, replace(FASHION_MNIST, image_shape=(3, 4), prepare=prepared))
    return image


def prepared(pixels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    image, doubts = fashion_mnist.prepare(pixels)
    return image[:3, :4], doubts


def is_image(image: Any) -> bool:
    return image.shape == (3, 4) and image.dtype == np.uint8


def is_table(table: Any) -> bool:
    return table.dtype == np.float64 and table.ndim == 2 and table.shape[1] == 2 and np.isfinite(table).all()


# What is broken, how it is read, how it is packed after it was broken, and what must hold of all that is read.
READERS: dict[str, tuple[bytes, Callable[[Path], Any], Callable[[bytes], bytes], Callable[[Any], bool]]] = {
    "IDX": (IDX, read_idx, bytes, lambda x: x.shape == IMAGES.shape),
    "CSV": (CSV, read_csv, bytes, lambda table: is_table(table) and len(table) == 3),
    "gzip": (gzip.compress(CSV, mtime=0), unpack, bytes, lambda content: content == CSV),
    "tar": (TAR, unpack, bytes, lambda content: content == CSV),
    "gzip of a tar": (gzip.compress(TAR, mtime=0), unpack, bytes, lambda content: content == CSV),
    "zip": (ZIP, unpack, bytes, lambda content: content == CSV),
    "table to predict (CSV)": (HEADED, read_headed, bytes, is_table),
    "table to predict (semicolons)": (HEADED.replace(b",", b";").replace(b".", b","), read_headed, bytes, is_table),
    "table to predict (UTF-16)": (HEADED.decode().encode("utf-16"), read_headed, bytes, is_table),
    "table to predict (ARFF)": (ARFF, read_headed, bytes, is_table),
    **{
        f"picture to predict ({kind})": (picture(kind), read_prepared, bytes, is_image)
        for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")
    },
}


def break_files(kind: str, path: Path, times: int) -> int:
    """Break a file in so many ways; each is refused with a ValueError that names it, or read as what it is."""
    content, read, pack, holds = READERS[kind]
    tried = 0

    @settings(
        max_examples=times, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(EDITS)
    def run(edits: list[tuple[str, int, bytes]]) -> None:
        nonlocal tried
        tried += 1
        path.write_bytes(pack(edited(content, edits)))
        try:
            got = read(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            assert "expected" in str(error)  # noqa: PT017
        else:
            assert holds(got)

    run()
    return tried


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.bad_input(f"{kind}", "bytes changed at random")) for kind in READERS]
)
@pytest.mark.parametrize("times", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def test_broken_bytes_are_refused_by_the_files_name_or_read_as_what_they_are(
    tmp_path: Path, kind: str, times: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("times", break_files(kind, tmp_path / "broken", times))
