"""Download the raw files of one data set into data/raw/<dataset>/: `python -m stages.download fashion_mnist`.

Each file's sources are tried in order, a local mirror first and then its URLs, until one gives exactly the bytes that
params.yaml promises. Bytes are checked on their way into a temporary folder beside the destination and moved into
place whole, so a file under its final name is always a right one.
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

import requests
import yaml
from tqdm import tqdm
from urllib3.exceptions import HTTPError

RAW = Path("data/raw")
DEFAULT_MIRROR = Path("../shared/mirror")  # beside the repository
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte, or with fewer than SLOWEST in each
SLOWEST = 1000  # bytes
CHUNK = 1 << 20  # bytes


def find_dataset(params: Any, dataset: str) -> dict[str, Any]:
    """The data set's entry in params.yaml.

    ValueError for an unknown one, one without what is read here, a name that is a path, and a URL not of HTTP. The rest
    is for `stages.configure`, whose modules this one does not import: each change of them would download anew.
    """
    datasets = params.get("datasets") if isinstance(params, dict) else None
    if not isinstance(datasets, dict) or dataset not in datasets:
        known = ", ".join(map(str, datasets)) if isinstance(datasets, dict) else "none"
        raise ValueError(f"unknown data set. Expected one of: {known}. Received: {dataset}")
    entry = datasets[dataset]
    of_type(entry, {"mirror": str, "files": list}, f"datasets.{dataset}")
    for index, file in enumerate(entry["files"]):
        place = f"datasets.{dataset}.files[{index}]"
        of_type(file, {"name": str, "sha256": str, "bytes": int, "urls": list}, place)
        for name in (dataset, entry["mirror"], file["name"]):
            if name in ("", ".", "..") or set(name) & set("/\\:\0"):
                raise ValueError(f"{place}: expected a name without a path. Received: {name!r}")
        for url in file["urls"]:
            if not str(url).lower().startswith(("http://", "https://")):
                raise ValueError(f"{place}: expected an http or https URL. Received: {url!r}")
    return entry


def of_type(entry: Any, types: dict[str, type], place: str) -> None:
    """ValueError if the entry is no mapping or one of these keys is missing or holds another type."""
    for key, expected in types.items():
        value = entry.get(key) if isinstance(entry, dict) else None
        if type(value) is not expected:
            raise ValueError(f"{place}.{key}: expected a value of type {expected.__name__}. Received: {value!r}")


def find_mirror(environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The mirror folder: $DATA_MIRROR, else DEFAULT_MIRROR if it exists, else None.

    Relative paths start at $DVC_ROOT, which is the original repository even where DVC runs an experiment in a temporary
    copy, else at `cwd`. ValueError if $DATA_MIRROR is not a folder.
    """
    chosen = environ.get("DATA_MIRROR")
    mirror = cwd / environ.get("DVC_ROOT", "") / (chosen or DEFAULT_MIRROR)
    if chosen and not mirror.is_dir():
        raise ValueError(f"DATA_MIRROR: expected an existing folder. Received: {chosen} ({mirror})")
    return mirror if mirror.is_dir() else None


def is_right(path: Path, file: dict[str, Any]) -> bool:
    """Whether `path` holds exactly the bytes that `file` promises."""
    if not path.is_file() or path.stat().st_size != file["bytes"]:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file["sha256"]


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


def copy_checked(source: Path | str, target: Path, file: dict[str, Any]) -> None:
    """Copy `source` to `target`, on disk when this returns; ValueError if the size (bytes) or the SHA-256 is wrong, or
    if next to nothing comes.

    Reads at most one byte more than promised. OSError and urllib3's HTTPError for all that goes wrong on the way.
    """
    digest, size = hashlib.sha256(), 0
    since, before = time.monotonic(), 0
    bar = tqdm(total=file["bytes"], desc=file["name"], unit="B", unit_scale=True, leave=False, disable=None)
    with bar, open_source(source) as stream, target.open("wb") as output:
        while size <= file["bytes"] and (chunk := stream.read1(min(CHUNK, file["bytes"] + 1 - size))):
            output.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
            if (seconds := time.monotonic() - since) > READ_TIMEOUT:
                if size - before < seconds * SLOWEST:
                    raise ValueError(f"too slow: got {size - before} bytes in {seconds:.0f} seconds")
                since, before = time.monotonic(), size
        if size > file["bytes"]:
            raise ValueError(f"got more than {file['bytes']} bytes")
        if size < file["bytes"]:
            raise ValueError(f"got {size} bytes")
        if digest.hexdigest() != file["sha256"]:
            raise ValueError(f"got SHA-256 {digest.hexdigest()}")
        output.flush()
        os.fsync(output.fileno())


def fetch(file: dict[str, Any], folder: Path, mirror: Path | None, place: str) -> Path | str:
    """Put `file` into `folder` from the first source that is right and return that source; ValueError if none is.

    `place` is where a mirror holds the file: fashion-mnist/train-images-idx3-ubyte.gz.
    """
    failures = []
    with TemporaryDirectory(dir=folder, prefix=".partial-") as temporary:  # same file system: the move is atomic
        partial = Path(temporary) / "file"
        for source in [*([mirror / place] if mirror else []), *file["urls"]]:
            try:
                copy_checked(source, partial, file)
                partial.replace(folder / file["name"])
                return source
            except (OSError, HTTPError, ValueError) as error:
                failures.append(f"  {source}: {str(error) or type(error).__name__}")
    expected = f"{file['name']}: no source gave the expected {file['bytes']} bytes with SHA-256 {file['sha256']}"
    hint = f"To use a local copy, set DATA_MIRROR to a folder that holds it as {place}"
    raise ValueError("\n".join([expected, *failures, hint]))


def remove_others(folder: Path, names: set[str]) -> None:
    """Remove what a killed download left in the folder, and files that params.yaml no longer has."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in names:
            path.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Read the data set's files from params.yaml and the mirror from the environment; one message if a file fails."""
    parser = argparse.ArgumentParser(description="Download the raw files of one data set.")
    parser.add_argument("dataset", help="a key of `datasets` in params.yaml")
    dataset = parser.parse_args(arguments).dataset
    folder = RAW / dataset
    try:
        entry = find_dataset(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")), dataset)
        mirror = find_mirror(os.environ, Path.cwd())
        folder.mkdir(parents=True, exist_ok=True)
        for file in entry["files"]:
            path, place = folder / file["name"], f"{entry['mirror']}/{file['name']}"
            origin = "already there" if is_right(path, file) else f"from {fetch(file, folder, mirror, place)}"
            print(f"{path}: {file['bytes']} bytes, {origin}", flush=True)
        remove_others(folder, {file["name"] for file in entry["files"]})
    except (OSError, ValueError, yaml.YAMLError) as error:
        sys.exit(f"stages.download: {error}")


if __name__ == "__main__":
    main()
