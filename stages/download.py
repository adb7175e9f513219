"""Download the raw files of one data set into data/raw/<dataset>/: `python -m stages.download <dataset>`.

    python -m stages.download my_data                    # as `dvc repro download@my_data` does
    python -m stages.download --check-sources my_data    # what every source gives; without a name, of all

The data set's module names the files, their checksums and their sources. The sources are tried in order, local mirrors
first, then the caches of other programs, then URLs and paths, until one gives exactly the bytes that the module
promises: as they are, in a gzip, tar or zip file, or in another form that the module converts. They are checked in a
temporary folder beside the destination and moved into place whole, so a file under its final name is always right.
"""

import argparse
import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from stages.datasets.spec import RAW, DatasetSpec, RawFile, names, spec_of

DEFAULT_MIRROR = Path("../shared/mirror")  # beside the repository
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds without a byte, or with fewer than SLOWEST in each
SLOWEST = 1000  # bytes
CHUNK = 1 << 20  # bytes
AROUND = 1 << 20  # bytes that a source may have around a file's content, packed or not
UNREADABLE = (
    *(ValueError, OSError, EOFError, RuntimeError, NotImplementedError),
    *(zlib.error, zipfile.BadZipFile, tarfile.TarError),
)
"""What Python's modules raise for gzip, tar and zip files that are none, cut short, encrypted or of a rare kind."""
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class WrongContentError(ValueError):
    """A source that answers, but does not have the promised content."""


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


def sources_of(spec: DatasetSpec, file: RawFile, mirrors: list[Path], base: Path) -> list[Path | str]:
    """Give the sources of a file in the order to try. base: where relative paths start."""
    caches = [os.path.expanduser(os.path.expandvars(name)) for name in spec.caches]
    sources: list[Path | str] = []
    for folder in (*(mirror / spec.mirror for mirror in mirrors), *(base / name for name in caches if "$" not in name)):
        there = [folder / name for name in (file.name, *file.packed) if os.path.exists(folder / name)]
        sources += there or [folder / file.name]
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
    """A binary stream from a local file or from a URL, redirects followed.

    FileNotFoundError if there is none, ValueError if the HTTP status is not 200.
    """
    if isinstance(source, Path):
        return source.open("rb")
    # `identity` and the raw stream: the checksum is of the file as published, never of a transfer encoding.
    headers = {"Accept-Encoding": "identity"}
    response = requests.get(source, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), headers=headers)
    if response.status_code != 200:
        response.close()
        kind = FileNotFoundError if response.status_code in (404, 410) else ValueError
        raise kind(f"HTTP status {response.status_code} {response.reason}")
    return response.raw


def copy(source: Path | str, target: Path, file: RawFile) -> None:
    """Copy `source` to `target`, on disk when this returns; ValueError if next to nothing comes.

    Reads at most one byte more than a right file may have with what is around it; WrongContentError if that is there.
    OSError and urllib3's HTTPError for all that goes wrong on the way.
    """
    size, limit = 0, file.bytes + AROUND
    since, before = time.monotonic(), 0
    bar = tqdm(desc=file.name, unit="B", unit_scale=True, leave=False, disable=None)
    with bar, open_source(source) as stream, target.open("wb") as output:
        while size <= limit and (chunk := stream.read1(min(CHUNK, limit + 1 - size))):
            output.write(chunk)
            size += len(chunk)
            bar.update(len(chunk))
            if (seconds := time.monotonic() - since) > READ_TIMEOUT:
                if size - before < seconds * SLOWEST:
                    raise ValueError(f"too slow: got {size - before} bytes in {seconds:.0f} seconds")
                since, before = time.monotonic(), size
        if size > limit:
            raise WrongContentError(f"got more than {limit} bytes")
        output.flush()
        os.fsync(output.fileno())


def unpacked(packed: bytes, limit: int, levels: int = 2) -> Iterator[bytes]:
    """Yield these bytes, and if they are a gzip, tar or zip file what it holds; of a gzip file also what that holds.

    Nothing is unpacked to disk, no name in an archive is used, and links and devices are left out. limit: bytes that a
    file may hold; levels: how many gzip files there may be in each other. Raises: UNREADABLE.
    """
    yield packed
    stream = io.BytesIO(packed)
    if packed.startswith(b"\x1f\x8b") and levels:
        with gzip.open(stream) as file:
            content = file.read(limit + 1)
        check_size(len(content), limit)
        yield from unpacked(content, limit, levels - 1)
    elif packed.startswith(b"PK\3\4"):
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if member.compress_type in ZIP_METHODS]
            check_size(sum(member.file_size for member in members), limit)
            for member in members:
                with archive.open(member) as file:
                    yield file.read(limit)
    elif packed[257:262] == b"ustar":
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            for info in tar:
                if info.isreg() and not info.issparse():
                    yield packed[info.offset_data :][: info.size]


def check_size(size: int, limit: int) -> None:
    """ValueError for more than `limit` bytes."""
    if size > limit:
        raise ValueError(f"got more than {limit} bytes when unpacked")


def unpack(path: Path, file: RawFile) -> None:
    """Leave in `path` the content that `file` promises, on disk; WrongContentError if nothing there is or holds it."""
    if is_right(path, file):
        return
    content = content_of(path.read_bytes(), file)
    with path.open("wb") as output:
        output.write(content)
        output.flush()
        os.fsync(output.fileno())


def content_of(packed: bytes, file: RawFile) -> bytes:
    """Find the content that `file` promises in these bytes, packed or not; WrongContentError if it is not there."""
    content, fault = packed, ""
    try:
        for content in unpacked(packed, file.bytes + AROUND):
            for made in forms(content, file):
                if len(made) == file.bytes and hashlib.sha256(made).hexdigest() == file.sha256:
                    return made
    except UNREADABLE as error:
        fault = f", {error}"
    unpacking = "" if content is packed else "when unpacked "
    same_size = len(content) == file.bytes
    got = f"SHA-256 {hashlib.sha256(content).hexdigest()}" if same_size else f"{len(content)} bytes"
    raise WrongContentError(f"{unpacking}got {got}{fault}")


def forms(content: bytes, file: RawFile) -> Iterator[bytes]:
    """Yield the content, and what the data set's module makes of it if it is in another form."""
    yield content
    if file.convert:
        try:
            made = file.convert(content)
        except ValueError:
            return
        yield made


def fetch(file: RawFile, folder: Path, sources: list[Path | str]) -> Path | str:
    """Put `file` into `folder` from the first source that is right and return that source; ValueError if none is."""
    failures = []
    with TemporaryDirectory(dir=folder, prefix=".partial-") as temporary:  # same file system: the move is atomic
        partial = Path(temporary) / "file"
        for source in sources:
            try:
                copy(source, partial, file)
                unpack(partial, file)
                partial.replace(folder / file.name)
                return source
            except (OSError, HTTPError, ValueError) as error:
                failures.append(f"  {source}: {reason(error)}")
    expected = f"{file.name}: no source gave the expected {file.bytes} bytes with SHA-256 {file.sha256}"
    raise ValueError("\n".join([expected, *(failures or ["  no source is named"])]))


def reason(error: Exception) -> str:
    """Say in a line what a source gave instead of the file."""
    if isinstance(error, FileNotFoundError):
        return "not there" if error.errno else f"not there ({error})"
    if isinstance(error, OSError) and error.errno and error.filename:
        return f"cannot be read: {error.strerror}"
    # The reason of an error of `requests` leaves out how often it tried.
    cause = getattr(error.args[0], "reason", error) if error.args else type(error).__name__
    told = " ".join(str(cause).split())
    if isinstance(error, WrongContentError):
        return f"wrong content: {told}"
    return told if isinstance(error, ValueError) else f"no answer: {told}"


def ways(dataset: str, spec: DatasetSpec, mirror: Path) -> str:
    """Say the two shortest ways, on this system, to the files of a data set that no source has."""
    folder, by_hand = os.path.normpath(mirror / spec.mirror), []
    for file in spec.files:
        urls = [url for url in file.urls if url.startswith("http")]
        named = [url for url in urls if url.rpartition("/")[2] in (file.name, *file.packed)]
        by_hand += [*named, *urls, file.name][:1]
    found = [
        "\n    ".join([f"save these on another machine, and put them, packed or not, into {folder}:", *by_hand]),
        f"copy the folder {RAW / dataset} of another clone",
    ]
    if spec.debian_package and shutil.which("apt-get"):
        found.insert(0, f"sudo apt-get install {spec.debian_package}")
    return f"The two shortest ways to {dataset} here:\n  " + "\n  ".join(found[:2])


def check_sources(dataset: str, spec: DatasetSpec, mirrors: list[Path], base: Path) -> Iterator[str]:
    """Print what every source of the data set's files gives, a line each; yield the names of files that none has."""
    for file in spec.files:
        right = False
        for source in sources_of(spec, file, mirrors, base):
            with TemporaryDirectory() as temporary:
                try:
                    copy(source, Path(temporary) / "file", file)
                    unpack(Path(temporary) / "file", file)
                    answer, right = "right", True
                except (OSError, HTTPError, ValueError) as error:
                    answer = reason(error)
            print(f"{dataset}/{file.name}: {source}: {answer}", flush=True)
        if not right:
            yield f"{dataset}/{file.name}"


def remove_others(folder: Path, names: set[str]) -> None:
    """Remove what a killed download left in the folder, and files that the data set no longer has."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in names:
            path.unlink()


def download(dataset: str, mirrors: list[Path], base: Path) -> None:
    """Fetch the data set's files that are not there yet; ValueError, of several lines, if no source has one."""
    spec = spec_of(dataset)
    folder = RAW / dataset
    folder.mkdir(parents=True, exist_ok=True)
    for file in spec.files:
        path, origin = folder / file.name, "already there"
        if not is_right(path, file):
            try:
                origin = f"from {fetch(file, folder, sources_of(spec, file, mirrors, base))}"
            except ValueError as error:
                mirror = (mirrors or [base / DEFAULT_MIRROR])[0]
                raise ValueError(f"{error}\n{ways(dataset, spec, mirror)}") from error
        print(f"{path}: {file.bytes} bytes, {origin}", flush=True)
    remove_others(folder, {file.name for file in spec.files})


def main(arguments: list[str] | None = None) -> None:
    """Fetch the data set's files from the mirrors or its sources, or check these; one message if a file fails."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.download", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?", help="a key of `datasets` in params.yaml")
    parser.add_argument("--check-sources", action="store_true", help="say what every source gives; default: of all")
    options = parser.parse_args(arguments)
    if options.dataset is None and not options.check_sources:
        parser.error("expected a data set, got none")
    try:
        base = root(os.environ, Path.cwd())
        mirrors = find_mirrors(os.environ, Path.cwd())
        if not options.check_sources:
            download(options.dataset, mirrors, base)
            return
        chosen = names() if options.dataset is None else [options.dataset]
        without = [file for dataset in chosen for file in check_sources(dataset, spec_of(dataset), mirrors, base)]
        if without:
            raise ValueError(f"expected a right source for each file, got none for {', '.join(without)}")
    except (OSError, ValueError) as error:
        sys.exit(f"stages.download: {error}")


if __name__ == "__main__":
    main()
