"""The download stage against a real HTTP server on the loopback interface; nothing here touches the internet."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import joblib
import numpy as np
import pytest
import yaml

import stages.datasets
from stages import download
from stages.datasets import housing, thoracic
from stages.datasets.spec import RAW, RawFile, names, spec_of

REPOSITORY = Path(__file__).parents[1]
RIGHT = bytes(range(256)) * 20
WRONG = RIGHT[::-1]
LOGIN = b"<html>Please log in to this network</html>"
LOCATIONS = {
    "/redirect": "/right",
    "/redirect-to-file": "file:///etc/hostname",
    "/redirect-to-itself": "/redirect-to-itself",
    "/redirect-to-nothing": "http://[",
}
HEADERS = {
    "/206": ("Content-Range", f"bytes 0-99/{len(RIGHT)}"),
    "/ranges": ("Accept-Ranges", "bytes"),
    "/labelled-gzip": ("Content-Encoding", "gzip"),
}
LENGTHS = {
    "/length-too-small": "100",
    "/length-too-large": str(len(RIGHT) + 1),
    "/length-no-number": "many",
}
SHA256 = hashlib.sha256(RIGHT).hexdigest()
RIGHT_FILE = RawFile("a.bin", SHA256, len(RIGHT))


class Handler(BaseHTTPRequestHandler):
    """Each path is a way to behave."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self):
        self.server.requested.append(self.path)
        if self.path == "/silent":
            self.server.stopping.wait(5)
        if "Range" in self.headers:
            self.server.requested.append("a range")
        if self.path == "/no-http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            self.close_connection = True
            return
        bodies = {"/wrong": WRONG, "/short": RIGHT[:-1], "/long": RIGHT + b"!", "/empty": b"", "/login": LOGIN}
        body = {**bodies, "/204": b"", "/206": RIGHT[:100], **self.server.bodies}.get(self.path, RIGHT)
        body = self.send_head(body)
        if self.path in ("/truncated", "/stall", "/reset"):
            body = body[:1000]
        self.send_body(body)
        if self.path == "/stall":
            self.server.stopping.wait(5)
        if self.path == "/reset":  # a TCP reset instead of an orderly end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def send_head(self, body: bytes) -> bytes:
        """Send status and headers; the body as they say that it is encoded."""
        status = {"/404": 404, "/403": 403, "/500": 500, "/503": 503, "/204": 204, "/206": 206}.get(self.path, 200)
        self.send_response(302 if self.path in LOCATIONS else status)
        self.send_header("Connection", "close")  # announced, or a redirect races with the closing; ends the handler too
        if self.path in LOCATIONS:
            self.send_header("Location", LOCATIONS[self.path])
        if self.path in HEADERS:
            self.send_header(*HEADERS[self.path])
        if self.path == "/compresses-on-the-fly" and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(body)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif self.path != "/endless":
            self.send_header("Content-Length", LENGTHS.get(self.path, str(len(body))))
        self.end_headers()
        return body

    def send_body(self, body: bytes) -> None:
        step = {"/slow": 1000, "/drip": 1}.get(self.path, len(body) or 1)
        try:
            for start in range(0, len(body), step):
                self.server.stopping.wait(0.02 if step < len(body) else 0)
                self.wfile.write(body[start : start + step])
            while self.path == "/endless":
                self.wfile.write(body)
        except ConnectionError:
            self.server.hung_up.set()

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.hung_up, self.stopping = threading.Event(), threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty repository as working directory, with no mirror anywhere, and a folder beside it for data sets."""
    for name in ("DVC_ROOT", "DATA_MIRROR", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    modules = tmp_path / "modules"
    modules.mkdir()
    monkeypatch.setattr(stages.datasets, "__path__", [*stages.datasets.__path__, str(modules)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # or the next module of the same second would be this one
    yield repository
    sys.modules.pop("stages.datasets.small", None)


MODULE = """
from stages.datasets.spec import DatasetSpec, Feature, NewRows, RawFile

SPEC = DatasetSpec(
    read=print,
    files={files!r},
    mirror="small-mirror",
    rows=1,
    ranked_by="mse",
    features=(Feature("a"),),
    new_rows=NewRows(("a",)),
    **{more!r},
)
"""


def write_spec(
    *urls: str,
    name: str = "a.bin",
    content: bytes = RIGHT,
    folder: str | None = None,
    packed: tuple[str, ...] = (),
    **more: object,
) -> None:
    """Write the module of a data set of one file, and forget an earlier one. more: fields of its spec."""
    file = RawFile(name, hashlib.sha256(content).hexdigest(), len(content), urls, packed)
    folder = folder or stages.datasets.__path__[-1]
    Path(folder, "small.py").write_text(MODULE.format(files=(file,), more=more), encoding="utf-8")
    sys.modules.pop("stages.datasets.small", None)


def write_mirror(folder: Path, content: bytes = RIGHT, name: str = "a.bin") -> Path:
    (folder / "small-mirror").mkdir(parents=True)
    (folder / "small-mirror" / name).write_bytes(content)
    return folder


def raw_files() -> dict[str, bytes]:
    """Every file under data/, hidden and temporary ones too."""
    return {path.as_posix(): path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}


def failure(dataset: str = "small") -> str:
    with pytest.raises(SystemExit) as caught:
        download.main([dataset])
    assert isinstance(caught.value.code, str)
    return caught.value.code


def told(message: str) -> list[str]:
    """What is said of each source."""
    _, *lines = message.partition("\nThe two shortest ways to small here:\n")[0].splitlines()
    return [line.strip() for line in lines]


BAD = {
    "HTTP status 4xx or 5xx, or 2xx without the file": {
        "/404": "HTTP status 404 Not Found",
        "/403": "HTTP status 403 Forbidden",
        "/500": "HTTP status 500 Internal Server Error",
        "/503": "HTTP status 503 Service Unavailable",
        "/204": "HTTP status 204 No Content",
        "/206": "HTTP status 206 Partial Content",
    },
    "cut short: connection ended or reset, wrong Content-Length": {
        "/truncated": "1000 bytes read",
        "/reset": "Connection reset by peer",
        "/short": f"got {len(RIGHT) - 1} bytes",
        "/empty": "got 0 bytes",
        "/length-too-small": "got 100 bytes",
        "/length-too-large": f"{len(RIGHT)} bytes read, 1 more expected",
    },
    "other bytes: wrong, too many, endless, a log-in page": {
        "/wrong": f"got SHA-256 {hashlib.sha256(WRONG).hexdigest()}",
        "/long": f"got {len(RIGHT) + 1} bytes",
        "/endless": f"got more than {len(RIGHT) + download.AROUND} bytes",
        "/login": f"got {len(LOGIN)} bytes",
    },
    "silence before or amid the bytes": {
        "/stall": "timed out",
        "/silent": "timed out",
        "/drip": "too slow: got ",
    },
    "redirects in a circle, to a local file, to no address": {
        "/redirect-to-itself": "Exceeded 30 redirects",
        "/redirect-to-file": "file:///etc/hostname",
        "/redirect-to-nothing": "Invalid",
    },
    "a server that speaks no HTTP": {
        "/no-http": "BadStatusLine",
    },
}
"""What a source may do, and what is then said, by kind."""
BAD_SOURCES = [
    pytest.param(path, message, marks=pytest.mark.bad_input("download", kind), id=path)
    for kind, sources in BAD.items()
    for path, message in sources.items()
]


@pytest.mark.bad_input("download", "sent otherwise: redirected, chunked, labelled as compressed, slowly, with ranges")
@pytest.mark.parametrize(
    "path",
    [
        "/right",
        "/redirect",
        "/chunked",
        "/labelled-gzip",
        "/compresses-on-the-fly",
        "/slow",
        "/ranges",
        "/length-no-number",
    ],
)
def test_published_bytes_arrive_however_they_are_sent(server, path):
    write_spec(server.url(path))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.parametrize(("path", "what_it_gave"), BAD_SOURCES)
def test_bad_source_leaves_no_file_behind_and_is_reported(server, monkeypatch, path, what_it_gave):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1 if path in ("/stall", "/silent", "/drip") else 30)
    write_spec(server.url(path))
    message = failure()
    assert f"{server.url(path)}: " in message
    assert what_it_gave in message
    assert os.listdir("data/raw/small") == []


@pytest.mark.parametrize(("path", "what_it_gave"), BAD_SOURCES)
def test_next_url_is_tried_after_a_bad_one(server, monkeypatch, path, what_it_gave):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1 if path in ("/stall", "/silent", "/drip") else 30)
    write_spec(server.url(path), server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert os.listdir("data/raw/small") == ["a.bin"]
    assert server.requested[-1] == "/right"
    assert "a range" not in server.requested  # no part of one source is ever joined to a part of another


@pytest.mark.parametrize(("path", "what_it_gave"), BAD_SOURCES)
def test_bad_source_replaces_no_good_file(server, monkeypatch, path, what_it_gave):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1 if path in ("/stall", "/silent", "/drip") else 30)
    Path("data/raw/small").mkdir(parents=True)
    Path("data/raw/small/a.bin").write_bytes(b"an earlier release")
    write_spec(server.url(path))
    assert what_it_gave in failure()
    assert raw_files() == {"data/raw/small/a.bin": b"an earlier release"}
    assert os.listdir("data/raw/small") == ["a.bin"]


def test_wrong_checksum_leaves_no_file_behind(server):
    write_spec(server.url("/wrong"))
    assert SHA256 in failure()
    assert os.listdir("data/raw/small") == []


def test_endless_body_is_cut_off(server):
    write_spec(server.url("/endless"))
    assert f"got more than {len(RIGHT) + download.AROUND} bytes" in failure()
    assert server.hung_up.wait(2)


@pytest.mark.bad_input("download", "connection refused, host not known, no TLS behind https")
def test_no_connection_is_reported_for_each_source(server):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    urls = [f"http://127.0.0.1:{port}/a", "http://host.invalid/a", server.url("/right").replace("http:", "https:")]
    write_spec(*urls)
    lines = told(failure())
    assert [line.partition(": ")[0] for line in lines] == urls
    for line, reason in zip(lines, ["Connection refused", "host.invalid", "SSL"], strict=True):
        assert reason in line
    assert os.listdir("data/raw/small") == []


def test_refused_connection_goes_to_the_next_url(server):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    write_spec(f"http://127.0.0.1:{port}/right", server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_one_message_names_file_expectation_every_source_and_two_ways(server, tmp_path, monkeypatch):
    mirror = write_mirror(tmp_path / "mirror", WRONG)
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    write_spec(server.url("/404"), server.url("/short"), caches=("~/cache",))
    lines = failure().splitlines()
    assert lines == [
        f"stages.download: a.bin: no source gave the expected {len(RIGHT)} bytes with SHA-256 {SHA256}",
        f"  {mirror / 'small-mirror' / 'a.bin'}: wrong content: got SHA-256 {hashlib.sha256(WRONG).hexdigest()}",
        f"  {tmp_path / 'home' / 'cache' / 'a.bin'}: not there",
        f"  {server.url('/404')}: not there (HTTP status 404 Not Found)",
        f"  {server.url('/short')}: wrong content: got {len(RIGHT) - 1} bytes",
        "The two shortest ways to small here:",
        f"  save these on another machine, and put them, packed or not, into {mirror / 'small-mirror'}:",
        f"    {server.url('/404')}",
        f"  copy the folder {RAW / 'small'} of another clone",
    ]


def test_right_file_is_kept_without_a_request(server, capsys):
    write_spec(server.url("/right"))
    download.main(["small"])
    download.main(["small"])
    assert server.requested == ["/right"]
    assert capsys.readouterr().out.splitlines() == [
        f"data/raw/small/a.bin: {len(RIGHT)} bytes, from {server.url('/right')}",
        f"data/raw/small/a.bin: {len(RIGHT)} bytes, already there",
    ]


def test_wrong_file_in_place_is_replaced(server):
    write_spec(server.url("/right"))
    Path("data/raw/small").mkdir(parents=True)
    Path("data/raw/small/a.bin").write_bytes(WRONG)
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_file_in_place_is_right_only_if_size_and_checksum_agree():
    path = Path("a.bin")
    path.write_bytes(RIGHT)
    assert download.is_right(path, RIGHT_FILE)
    assert not download.is_right(path, replace(RIGHT_FILE, bytes=len(RIGHT) + 1))
    assert not download.is_right(path, replace(RIGHT_FILE, sha256=hashlib.sha256(WRONG).hexdigest()))


def test_failing_run_leaves_earlier_files_as_they_were(server):
    write_spec(server.url("/right"))
    download.main(["small"])
    write_spec(server.url("/right"), content=b"a newer release")
    assert "a newer release" not in failure()
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert os.listdir("data/raw/small") == ["a.bin"]


def test_what_a_killed_run_left_and_what_is_no_longer_asked_for_is_removed(server):
    write_spec(server.url("/right"))
    Path("data/raw/small/.partial-killed").mkdir(parents=True)
    Path("data/raw/small/.partial-killed/file").write_bytes(RIGHT[:100])
    Path("data/raw/small/b.bin").write_bytes(b"of an earlier module")
    download.main(["small"])
    assert os.listdir("data/raw/small") == ["a.bin"]
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.slow
@pytest.mark.bad_input("download", "no right source any more, as the real DVC runs the stage again")
def test_good_files_stay_while_the_stage_fails_under_dvc(server, monkeypatch):
    stage = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["download"]
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"download": stage}}), encoding="utf-8")
    Path("params.yaml").write_text("datasets: {small: {splits: {}}}\n", encoding="utf-8")
    shutil.copytree(REPOSITORY / "stages", "stages")
    Path("data").mkdir()
    Path("data/checked").touch()
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["dvc", "init", "-q"], check=True)
    write_spec(server.url("/right"), folder="stages/datasets")
    subprocess.run(["dvc", "repro", "-q", "download@small"], check=True)
    write_spec(server.url("/404"), content=b"a newer release", folder="stages/datasets")
    failed = subprocess.run(["dvc", "repro", "download@small"], capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert "HTTP status 404 Not Found" in failed.stderr + failed.stdout
    assert os.listdir("data/raw/small") == ["a.bin"]
    assert Path("data/raw/small/a.bin").read_bytes() == RIGHT


def test_interrupt_leaves_no_file_behind(server, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    write_spec(server.url("/right"))
    with pytest.raises(KeyboardInterrupt):
        download.main(["small"])
    assert os.listdir("data/raw/small") == []


def test_file_is_as_readable_as_any_other(server):
    write_spec(server.url("/right"))
    download.main(["small"])
    Path("any").touch()
    assert Path("data/raw/small/a.bin").stat().st_mode == Path("any").stat().st_mode


def test_mirror_comes_before_the_urls(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror")))
    write_spec(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert server.requested == []


@pytest.mark.bad_input("download", "mirror: wrong, more or fewer bytes, no file")
@pytest.mark.parametrize("content", [WRONG, RIGHT + b"!", RIGHT[:-1], b""])
def test_wrong_bytes_in_the_mirror_fall_through_to_the_url(server, tmp_path, monkeypatch, content):
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror", content)))
    write_spec(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.bad_input("download", "mirror: wrong, more or fewer bytes, no file")
def test_file_missing_from_the_mirror_falls_through_to_the_url(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    write_spec(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_mirror_beside_the_repository_is_found(repository):
    write_mirror(repository.parent / "shared" / "mirror")
    write_spec()
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.parametrize("chosen", [None, "my-mirror"])
def test_mirror_is_found_from_dvc_root_in_a_temporary_copy(repository, tmp_path, monkeypatch, chosen):
    write_mirror(repository / chosen if chosen else repository.parent / "shared" / "mirror")
    if chosen:
        monkeypatch.setenv("DATA_MIRROR", chosen)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    copy = tmp_path / "deep" / "down" / "copy"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    write_spec()
    download.main(["small"])
    assert (copy / "data/raw/small/a.bin").read_bytes() == RIGHT
    assert not (repository / "data").exists()


def test_data_mirror_goes_before_the_folder_beside_the_repository(repository, tmp_path):
    beside = write_mirror(repository.parent / "shared" / "mirror")
    chosen = write_mirror(tmp_path / "chosen")
    assert download.find_mirrors({"DATA_MIRROR": str(chosen)}, repository) == [chosen]
    (found,) = download.find_mirrors({"DATA_MIRROR": ""}, repository)
    assert found.samefile(beside)


def test_several_mirrors_are_tried_in_their_order(server, tmp_path, monkeypatch, capsys):
    mirrors = [write_mirror(tmp_path / name, content) for name, content in [("a", WRONG), ("b", RIGHT), ("c", RIGHT)]]
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("DATA_MIRROR", os.pathsep.join(["", str(empty), *map(str, mirrors), ""]))
    assert download.find_mirrors(os.environ, Path.cwd()) == [empty, *mirrors]
    write_spec(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert capsys.readouterr().out.endswith(f"from {mirrors[1] / 'small-mirror' / 'a.bin'}\n")
    assert server.requested == []


def test_every_mirror_is_named_when_none_is_right(tmp_path, monkeypatch):
    mirrors = [write_mirror(tmp_path / name, WRONG) for name in "ab"]
    monkeypatch.setenv("DATA_MIRROR", os.pathsep.join(map(str, mirrors)))
    write_spec()
    assert [line.partition(": ")[0] for line in told(failure())] == [
        str(mirror / "small-mirror" / "a.bin") for mirror in mirrors
    ]


def test_one_mirror_of_several_that_is_no_folder_is_an_error(tmp_path, monkeypatch):
    there = write_mirror(tmp_path / "mirror")
    monkeypatch.setenv("DATA_MIRROR", os.pathsep.join([str(there), "nowhere"]))
    write_spec()
    assert "DATA_MIRROR: expected existing folders, got nowhere" in failure()
    assert not Path("data").exists()


@pytest.mark.bad_input("download", "mirror: wrong, more or fewer bytes, no file")
def test_data_mirror_that_is_no_folder_is_an_error(server, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", "nowhere")
    write_spec(server.url("/right"))
    assert "DATA_MIRROR: expected existing folders, got nowhere" in failure()
    assert server.requested == []


def test_no_source_at_all_is_an_error_that_names_the_folder_of_the_mirror(repository):
    write_spec()
    message = failure()
    assert told(message) == ["no source is named"]
    mirror = os.path.normpath(repository / "../shared/mirror/small-mirror")
    assert f"put them, packed or not, into {mirror}:\n    a.bin\n" in message


@pytest.mark.parametrize("system", ["Debian", "another"])
def test_the_two_shortest_ways_are_those_of_the_system(tmp_path, monkeypatch, system):
    (tmp_path / "bin").mkdir()
    if system == "Debian":
        (tmp_path / "bin" / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    site = "https://host.invalid/files"
    write_spec(f"{site}/7", f"{site}/a.bin.gz", packed=("a.bin.gz",), debian_package="dataset-small")
    ways = [line.strip() for line in failure().partition("The two shortest ways to small here:\n")[2].splitlines()]
    by_hand = [line for line in ways if line.startswith(site)]
    assert by_hand == [f"{site}/a.bin.gz"]  # the address that says what the file is
    others = [line for line in ways if line not in by_hand]
    assert len(others) == 2
    assert (others[0] == "sudo apt-get install dataset-small") == (system == "Debian")


def test_a_file_without_urls_is_taken_from_a_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror")))
    write_spec()
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_a_file_url_is_read_from_the_disk(tmp_path):
    (tmp_path / "with a space").mkdir()
    (tmp_path / "with a space" / "b.bin").write_bytes(RIGHT)
    write_spec((tmp_path / "with a space" / "b.bin").as_uri())
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.parametrize("in_a_copy", [False, True])
def test_a_path_starts_at_the_root_of_the_repository(repository, tmp_path, monkeypatch, in_a_copy):
    (repository / "own").mkdir()
    (repository / "own" / "b.bin").write_bytes(RIGHT)
    write_spec("own/b.bin")
    if in_a_copy:  # as `dvc exp run --temp` makes it
        monkeypatch.setenv("DVC_ROOT", str(repository))
        (tmp_path / "copy").mkdir()
        monkeypatch.chdir(tmp_path / "copy")
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert (repository / "own" / "b.bin").read_bytes() == RIGHT


def test_sources_are_tried_in_the_order_of_the_module(server):
    Path("b.bin").write_bytes(WRONG)
    missing = Path("missing").absolute().as_uri()
    write_spec(server.url("/404"), "b.bin", missing, "own", server.url("/right"))
    Path("own").mkdir()
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert server.requested == ["/404", "/right"]


@pytest.mark.bad_input("download", "file URLs and paths: no file, a folder, other bytes")
def test_local_sources_that_are_not_right_are_told_each(repository):
    Path("b.bin").write_bytes(WRONG)
    Path("own").mkdir()
    missing = repository / "missing"
    write_spec("b.bin", missing.as_uri(), "own", "../none")
    lines = told(failure())
    assert [line.partition(": ")[0] for line in lines] == [
        str(repository / "b.bin"), str(missing), str(repository / "own"), str(repository / "../none")
    ]  # fmt: skip
    for line, reason in zip(lines, ["got SHA-256", "not there", "Is a directory", "not there"], strict=True):
        assert reason in line
    assert os.listdir("data/raw/small") == []


@pytest.mark.bad_input("download", "file names and URLs that lead elsewhere")
@pytest.mark.parametrize("name", ["../a.bin", "/a.bin", "b/a.bin", "b\\a.bin", "C:a.bin", "..", ".", ""])
def test_name_cannot_leave_its_folder(server, name):
    write_spec(server.url("/right"), name=name)
    assert failure() == (
        f"stages.download: stages/datasets/small.py, SPEC.files: expected names without a path, got {name!r}"
    )
    assert server.requested == []
    assert not Path("data").exists()


@pytest.mark.bad_input("download", "file names and URLs that lead elsewhere")
@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "data:,a", "gopher://127.0.0.1/", ""])
def test_a_url_of_another_kind_is_refused(url):
    write_spec(url)
    message = failure()
    assert message.startswith("stages.download: stages/datasets/small.py, SPEC.files[0].urls: expected https://…, ")
    assert message.endswith(f", got {url!r}")
    assert not Path("data").exists()


@pytest.mark.bad_input("params.yaml", "names that are no plain name, or unknown")
@pytest.mark.parametrize("name", ["..", ".", "", "../x", "/x", "a/../../x", "spec", "__init__"])
def test_data_sets_name_cannot_leave_its_folder(name):
    write_spec()
    assert failure(name) == (
        f"stages.download: datasets.{name}: expected a data set among {', '.join(names())}, got {name!r}"
    )
    assert os.listdir() == []


@pytest.mark.bad_input("a data set's module", "no SPEC, another, one without a field, errors")
@pytest.mark.parametrize("text", ["", "SPEC = {}", "1 / 0", "import there_is_none", "if"])
def test_a_module_that_is_no_data_set_is_one_message(text):
    Path("../modules/small.py").write_text(text, encoding="utf-8")
    assert failure().startswith("stages.download: stages/datasets/small.py")
    assert len(failure().splitlines()) == 1
    assert not Path("data").exists()


def test_unknown_dataset_exits_with_one_message_that_lists_the_known_ones():
    command = [sys.executable, "-m", "stages.download", "housng"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    known = "fashion_mnist, housing, thoracic"
    assert done.stderr == (f"stages.download: datasets.housng: expected a data set among {known}, got 'housng'\n")


# What wraps a file does not count


def zip_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def tar_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/hostname"
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


OTHERS = [("README", b"of the archive"), ("folder/", b"")]
PACKED = {
    "gzip": gzip.compress(RIGHT),
    "gzip of the quickest kind, without a time": gzip.compress(RIGHT, 1, mtime=0),
    "gzip in parts": gzip.compress(RIGHT[:99]) + gzip.compress(RIGHT[99:]),
    "gzip of a gzip": gzip.compress(gzip.compress(RIGHT)),
    "tar": tar_of(*OTHERS[:1], ("b/other name", RIGHT)),
    "tar of an old program": tar_of(("b", RIGHT), form=tarfile.GNU_FORMAT),
    "gzip of a tar": gzip.compress(tar_of(*OTHERS[:1], ("b", RIGHT))),
    "zip": zip_of(*OTHERS, ("b/other name", RIGHT)),
    "zip that stores": zip_of(("b", RIGHT), method=zipfile.ZIP_STORED),
    "tar of names that lead elsewhere": tar_of(("../../b", RIGHT), ("/b", WRONG)),
    "zip of names that lead elsewhere": zip_of(("../../b", RIGHT), ("/b", WRONG)),
}


@pytest.mark.bad_input("download", "packed otherwise: gzip, tar and zip files of any kind")
@pytest.mark.parametrize("kind", PACKED)
def test_a_file_is_its_content_whatever_wraps_it(server, kind):
    server.bodies["/packed"] = PACKED[kind]
    write_spec(server.url("/packed"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert os.listdir("data/raw/small") == ["a.bin"]
    assert sorted(os.listdir()) == ["data"]


def test_a_packed_file_that_is_the_content_itself_stays_packed(server):
    server.bodies["/packed"] = PACKED["gzip"]
    write_spec(server.url("/packed"), content=PACKED["gzip"])
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": PACKED["gzip"]}


LARGE = bytes(3 * download.AROUND)
NOT_PACKED = {
    "gzip of other bytes": (gzip.compress(WRONG), "when unpacked got SHA-256 "),
    "gzip cut short": (PACKED["gzip"][:-9], "Compressed file ended"),
    "gzip of a wrong checksum": (PACKED["gzip"][:-8] + bytes(8), "CRC check failed"),
    "gzip of too much": (gzip.compress(LARGE), f"got more than {len(RIGHT) + download.AROUND} bytes when unpacked"),
    "three gzips": (gzip.compress(gzip.compress(gzip.compress(RIGHT))), "when unpacked got "),
    "tar of other bytes": (tar_of(("a.bin", WRONG)), "when unpacked got SHA-256 "),
    "tar of a link": (tar_of(("a.bin", b""), kind=tarfile.SYMTYPE), "got 10240 bytes"),
    "tar of a hard link": (tar_of(("a.bin", b""), kind=tarfile.LNKTYPE), "got 10240 bytes"),
    "tar of a device": (tar_of(("a.bin", b""), kind=tarfile.CHRTYPE), "got 10240 bytes"),
    "tar cut short": (PACKED["tar"][:700], "when unpacked got 14 bytes"),
    "zip of other bytes": (zip_of(("a.bin", WRONG)), "when unpacked got SHA-256 "),
    "zip of too much": (zip_of(("a", LARGE)), f"got more than {len(RIGHT) + download.AROUND} bytes when unpacked"),
    "zip cut short": (PACKED["zip"][:-9], "File is not a zip file"),
    "zip by a rare method": (zip_of(("a.bin", RIGHT), method=zipfile.ZIP_LZMA), "got "),
}


@pytest.mark.bad_input("download", "archives: other bytes, links, devices, cut short, wrong checksum, more than may be")
@pytest.mark.parametrize("kind", NOT_PACKED)
def test_an_archive_without_the_content_is_told_and_leaves_no_file(server, kind):
    server.bodies["/packed"], what_it_gave = NOT_PACKED[kind]
    write_spec(server.url("/packed"))
    (line,) = told(failure())
    assert line.startswith(f"{server.url('/packed')}: wrong content: ")
    assert what_it_gave in line
    assert os.listdir("data/raw/small") == []


def upper(content: bytes) -> bytes:
    if not content.isalpha():
        raise ValueError("expected letters")
    return content.upper()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda content: zip_of(("README", b"1"), ("b", content))])
def test_another_form_is_converted(tmp_path, pack: Callable[[bytes], bytes]):
    source = tmp_path / "b"
    source.write_bytes(pack(b"abc"))
    file = RawFile("a.bin", hashlib.sha256(b"ABC").hexdigest(), 3, convert=upper)
    assert download.fetch(file, tmp_path, [source]) == source
    assert (tmp_path / "a.bin").read_bytes() == b"ABC"
    source.write_bytes(pack(b"ab1"))
    with pytest.raises(ValueError, match="wrong content: "):
        download.fetch(file, tmp_path, [source])


def test_mirrors_and_caches_may_hold_the_file_packed(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOUSE", str(tmp_path / "house"))
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror", gzip.compress(WRONG), "a.bin.gz")))
    caches = ("~/cache", "$HOUSE/cache", "$NONE/cache", "own")
    write_spec(server.url("/right"), packed=("a.bin.gz",), caches=caches)
    spec = spec_of("small")
    mirrors = download.find_mirrors(os.environ, Path.cwd())
    assert download.sources_of(spec, spec.files[0], mirrors, Path.cwd()) == [
        tmp_path / "mirror/small-mirror/a.bin.gz",
        *(folder / "a.bin" for folder in (tmp_path / "home/cache", tmp_path / "house/cache", Path.cwd() / "own")),
        server.url("/right"),
    ]
    (tmp_path / "house/cache").mkdir(parents=True)
    (tmp_path / "house/cache/a.bin").write_bytes(WRONG)
    (tmp_path / "house/cache/a.bin.gz").write_bytes(gzip.compress(RIGHT))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert server.requested == []


# The caches and packages that our data sets name, as their programs lay them out


@pytest.mark.parametrize(
    "cache", [".keras/datasets/fashion-mnist", "data/FashionMNIST/raw", "kept/datasets/fashion-mnist"]
)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_fashion_mnist_is_looked_for_where_keras_and_torchvision_keep_it(tmp_path, monkeypatch, cache, end):
    home = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(home / "kept"))
    spec = spec_of("fashion_mnist")
    for file in spec.files:
        path = home / cache / f"{file.name}{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert path in download.sources_of(spec, file, [], tmp_path)


@pytest.mark.parametrize("kept", ["scikit_learn_data", "kept"])
def test_housing_is_taken_from_what_scikit_learn_keeps(tmp_path, monkeypatch, kept):
    published = REPOSITORY / RAW / "housing" / housing.FILE
    if not published.is_file():
        pytest.skip("no raw files of housing here")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home" / "kept"))
    source = tmp_path / "home" / kept / "cal_housing_py3.pkz"
    source.parent.mkdir(parents=True)
    # As `fetch_california_housing` does it.
    table = np.loadtxt(published, delimiter=",")[:, [8, 7, 2, 3, 4, 5, 6, 1, 0]]
    joblib.dump(table, source, compress=6)
    spec = spec_of("housing")
    sources = download.sources_of(spec, spec.files[0], [], tmp_path)
    assert source in sources
    download.fetch(spec.files[0], tmp_path, [source])
    assert (tmp_path / housing.FILE).read_bytes() == published.read_bytes()
    joblib.dump(table[::-1], source, compress=6)
    with pytest.raises(ValueError, match="wrong content"):
        download.fetch(spec.files[0], tmp_path, [source])


class Command:
    """Pickled, it runs a command where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("made",)


@pytest.mark.bad_input("download", "a pickle that would run a command")
def test_what_scikit_learn_keeps_is_not_unpickled(tmp_path, monkeypatch):
    monkeypatch.setattr(housing, "ROWS", 1)
    for content in (b"", b"x", zlib.compress(b"."), zlib.compress(pickle.dumps([Command(), bytes(999)]))[:-1]):
        with suppress(ValueError):
            assert b"," in housing.from_scikit_learn(content)
    assert os.listdir() == []


def test_ucis_own_file_gives_the_table_byte_for_byte():
    path = REPOSITORY / RAW / "thoracic" / thoracic.FILE
    if not path.is_file():
        pytest.skip("no raw files of thoracic here")
    codes = {**thoracic.CODES, thoracic.LABEL: {"F": 0, "T": 1}}
    words = [
        {str(number): word for word, number in codes.get(name, {}).items() if not word.islower()}
        for name in (*thoracic.FEATURES, thoracic.LABEL)
    ]
    rows = sorted((line.split(",") for line in path.read_text("ascii").splitlines()), key=lambda cells: int(cells[0]))
    lines = [[word.get(cell, cell) for word, cell in zip(words, cells, strict=True)][1:] for cells in rows]
    assert ",".join(lines[0]) == "DGN2,2.88,2.16,PRZ1,F,F,F,T,T,OC14,F,F,F,T,F,60,F"
    for end, mark in (("\n", "@data"), ("\r\n", "@DATA")):
        arff = end.join(["@relation 'x'", "", "@attribute DGN {DGN3,DGN2}", mark, *map(",".join, lines)])
        assert thoracic.from_arff(arff.encode()) == path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"\xff", b"1,2\n", b"@data\n1,2\n", b"@data\n" + b"F," * 17 + b"F\n"])
def test_what_is_no_file_of_uci_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        thoracic.from_arff(content)


# What every source gives


def test_check_sources_says_what_each_gives_and_writes_nothing(server, capsys):
    Path("b.bin").write_bytes(WRONG)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        refused = f"http://127.0.0.1:{closed.server_port}/a"
    server.bodies["/packed"] = gzip.compress(RIGHT)
    urls = [server.url(path) for path in ("/404", "/500", "/login", "/packed", "/truncated")]
    write_spec("b.bin", "none", *urls, refused)
    download.main(["--check-sources", "small"])
    lines = capsys.readouterr().out.splitlines()
    sources = [str(Path.cwd() / "b.bin"), str(Path.cwd() / "none"), *urls, refused]
    answers = [
        *("wrong content: got SHA-256 ", "not there", "not there (HTTP status 404 Not Found)"),
        *(
            "HTTP status 500 ",
            f"wrong content: got {len(LOGIN)} bytes",
            "right",
            "no answer: ",
            "no answer: ",
        ),
    ]
    assert len(lines) == len(sources)
    for line, source, answer in zip(lines, sources, answers, strict=True):
        assert line.startswith(f"small/a.bin: {source}: {answer}")
    assert sorted(os.listdir()) == ["b.bin"]


def test_check_sources_without_a_right_one_names_the_files(server, monkeypatch):
    monkeypatch.setattr(download, "names", lambda: ["small"])
    write_spec(server.url("/silent"), server.url("/redirect-to-nothing"))
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1)
    with pytest.raises(SystemExit) as caught:
        download.main(["--check-sources"])
    expected = "expected a right source for each file, got none for small/a.bin"
    assert caught.value.code == f"stages.download: {expected}"


def test_a_data_set_or_the_check_of_all_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        download.main([])
    assert "expected a data set, got none" in capsys.readouterr().err


# What a change of one data set's module concerns


def modules_among_dependencies(stage: str, dataset: str) -> set[str]:
    """What the stage of the data set depends on in stages/datasets."""
    declared = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]["do"]["deps"]
    paths = [path.replace("${key}", dataset) for path in declared]
    return {Path(path).name for path in paths if path.startswith("stages/datasets")}


def test_a_data_sets_module_concerns_its_own_download_and_normalization_alone():
    for stage in ("download", "normalize"):
        assert modules_among_dependencies(stage, "thoracic") == {"csv_table.py", "spec.py", "thoracic.py"}
    assert modules_among_dependencies("train", "thoracic") == set()


IMPORTED = """
import sys
from stages import download, normalize
from stages.datasets.spec import spec_of

spec_of("thoracic")
print(*sorted(name for name in sys.modules if name.startswith("stages.datasets.")))
print(*sorted(name for name in sys.modules if name.startswith("stages.params") or name == "tensorflow"))
"""


def test_both_import_no_other_module_of_a_data_set():
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["stages.datasets.spec stages.datasets.thoracic", ""]
