"""Download the raw files of one data set into data/raw/<dataset>/: `python -m stages.download <dataset>`.

The data set's module names the files, their checksums and their sources. The sources are tried in order, local mirrors
first and then its URLs and paths, until one gives exactly the bytes that the module promises. Bytes are checked on
their way into a temporary folder beside the destination and moved into place whole, so a file under its final name is
always a right one.
"""

import argparse
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from stages.datasets.spec import RAW, RawFile, spec_of

DEFAULT_MIRROR = Path("../shared/mirror")  # beside the repository
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte, or with fewer than SLOWEST in each
SLOWEST = 1000  # bytes
CHUNK = 1 << 20  # bytes


def find_mirrors(environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """Give the mirror folders: those of $DATA_MIRROR, else DEFAULT_MIRROR if it exists.

    $DATA_MIRROR holds one folder or several, separated as in $PATH. Relative paths start at the root of the repository,
    see `root`. Raises: ValueError if one of $DATA_MIRROR is not a folder.
    """
    base = root(environ, cwd)
    chosen = [Path(name) for name in environ.get("DATA_MIRROR", "").split(os.pathsep) if name]
    for name in chosen:
        if not (base / name).is_dir():
            raise ValueError(f"DATA_MIRROR: expected existing folders, got {name} ({base / name})")
    return [base / name for name in chosen or [DEFAULT_MIRROR] if (base / name).is_dir()]


def root(environ: Mapping[str, str], cwd: Path) -> Path:
    """Give the root of the original repository, $DVC_ROOT, also where DVC runs an experiment in a temporary copy."""
    return cwd / environ.get("DVC_ROOT", "")


def sources_of(file: RawFile, mirrors: list[Path], place: str, base: Path) -> list[Path | str]:
    """Give the sources of a file in the order to try. place: in a mirror; base: where relative paths start."""
    sources: list[Path | str] = [mirror / place for mirror in mirrors]
    for url in file.urls:
        scheme = urlsplit(url).scheme
        if scheme in ("http", "https"):
            sources.append(url)
        elif scheme == "file":
            sources.append(Path(url2pathname(urlsplit(url).path)))
        else:
            sources.append(base / url)
    return sources


def is_right(path: Path, file: RawFile) -> bool:
    """Whether `path` holds exactly the bytes that `file` promises."""
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def open_source(source: Path | str) -> AbstractContextManager[Any]:
    """A binary stream from a local file or from a URL, redirects followed; ValueError if the HTTP status is not 200."""
    if isinstance(source, Path):
        return source.open("rb")
    # `identity` and the raw stream: the checksum is of the file as published, never of a transfer encoding.
    headers = {"Accept-Encoding": "identity"}
    response = requests.get(source, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), headers=headers)
    if response.status_code != 200:
        response.close()
        raise ValueError(f"HTTP status {response.status_code} {response.reason}")
    return response.raw


def copy_checked(source: Path | str, target: Path, file: RawFile) -> None:
    """Copy `source` to `target`, on disk when this returns; ValueError if the size (bytes) or the SHA-256 is wrong, or
    if next to nothing comes.

    Reads at most one byte more than promised. OSError and urllib3's HTTPError for all that goes wrong on the way.
    """
    digest, size = hashlib.sha256(), 0
    since, before = time.monotonic(), 0
    bar = tqdm(total=file.bytes, desc=file.name, unit="B", unit_scale=True, leave=False, disable=None)
    with bar, open_source(source) as stream, target.open("wb") as output:
        while size <= file.bytes and (chunk := stream.read1(min(CHUNK, file.bytes + 1 - size))):
            output.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
            if (seconds := time.monotonic() - since) > READ_TIMEOUT:
                if size - before < seconds * SLOWEST:
                    raise ValueError(f"too slow: got {size - before} bytes in {seconds:.0f} seconds")
                since, before = time.monotonic(), size
        if size > file.bytes:
            raise ValueError(f"got more than {file.bytes} bytes")
        if size < file.bytes:
            raise ValueError(f"got {size} bytes")
        if digest.hexdigest() != file.sha256:
            raise ValueError(f"got SHA-256 {digest.hexdigest()}")
        output.flush()
        os.fsync(output.fileno())


def fetch(file: RawFile, folder: Path, sources: list[Path | str], place: str) -> Path | str:
    """Put `file` into `folder` from the first source that is right and return that source; ValueError if none is.

    place: the file's path in a mirror, for the message.
    """
    failures = []
    with TemporaryDirectory(dir=folder, prefix=".partial-") as temporary:  # same file system: the move is atomic
        partial = Path(temporary) / "file"
        for source in sources:
            try:
                copy_checked(source, partial, file)
                partial.replace(folder / file.name)
                return source
            except (OSError, HTTPError, ValueError) as error:
                failures.append(f"  {source}: {str(error) or type(error).__name__}")
    expected = f"{file.name}: no source gave the expected {file.bytes} bytes with SHA-256 {file.sha256}"
    hint = f"To use a local copy, set DATA_MIRROR to a folder that holds it as {place}"
    raise ValueError("\n".join([expected, *(failures or ["  no source is named"]), hint]))


def remove_others(folder: Path, names: set[str]) -> None:
    """Remove what a killed download left in the folder, and files that the data set no longer has."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in names:
            path.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Fetch the data set's files from the mirrors or its sources; one message if a file fails."""
    parser = argparse.ArgumentParser(description="Download the raw files of one data set.")
    parser.add_argument("dataset", help="a key of `datasets` in params.yaml")
    dataset = parser.parse_args(arguments).dataset
    folder = RAW / dataset
    try:
        spec = spec_of(dataset)
        mirrors = find_mirrors(os.environ, Path.cwd())
        folder.mkdir(parents=True, exist_ok=True)
        for file in spec.files:
            path, place = folder / file.name, f"{spec.mirror}/{file.name}"
            origin = "already there"
            if not is_right(path, file):
                sources = sources_of(file, mirrors, place, root(os.environ, Path.cwd()))
                origin = f"from {fetch(file, folder, sources, place)}"
            print(f"{path}: {file.bytes} bytes, {origin}", flush=True)
        remove_others(folder, {file.name for file in spec.files})
    except (OSError, ValueError) as error:
        sys.exit(f"stages.download: {error}")


if __name__ == "__main__":
    main()
