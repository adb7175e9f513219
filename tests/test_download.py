"""The download stage against a real HTTP server on the loopback interface; nothing here touches the internet."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from stages import download

REPOSITORY = Path(__file__).parents[1]
RIGHT = bytes(range(256)) * 20
WRONG = RIGHT[::-1]
SHA256 = hashlib.sha256(RIGHT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Each path is a way to behave."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self):
        self.server.requested.append(self.path)
        if self.path == "/silent":
            self.server.stopping.wait(5)
        status = {"/404": 404, "/500": 500, "/redirect": 302, "/redirect-to-file": 302}.get(self.path, 200)
        body = {"/wrong": WRONG, "/short": RIGHT[:-1], "/long": RIGHT + b"!", "/empty": b""}.get(self.path, RIGHT)
        self.send_response(status)
        self.send_header("Connection", "close")  # announced, or a redirect races with the closing; ends the handler too
        if status == 302:
            self.send_header("Location", "/right" if self.path == "/redirect" else "file:///etc/hostname")
        if self.path == "/labelled-gzip":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/compresses-on-the-fly" and "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(body)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path in ("/truncated", "/stall"):
            body = body[:1000]
        try:
            self.wfile.write(body)
            while self.path == "/endless":
                self.wfile.write(body)
        except ConnectionError:
            self.server.hung_up.set()
        if self.path == "/stall":
            self.server.stopping.wait(5)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requested: list[str] = []
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
def repository(tmp_path, monkeypatch) -> Path:
    """An empty repository as working directory, with no mirror anywhere."""
    for name in ("DVC_ROOT", "DATA_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    return repository


def write_params(*urls: str, name: str = "a.bin", content: bytes = RIGHT) -> None:
    file = {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "urls": list(urls)}
    params = {"datasets": {"small": {"mirror": "small-mirror", "files": [file]}, "other": {"files": []}}}
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def write_mirror(folder: Path, content: bytes = RIGHT) -> Path:
    (folder / "small-mirror").mkdir(parents=True)
    (folder / "small-mirror" / "a.bin").write_bytes(content)
    return folder


def raw_files() -> dict[str, bytes]:
    """Every file under data/, hidden and temporary ones too."""
    return {path.as_posix(): path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}


def failure(dataset: str = "small") -> str:
    with pytest.raises(SystemExit) as caught:
        download.main([dataset])
    assert isinstance(caught.value.code, str)
    return caught.value.code


BAD = {
    "/404": "HTTP status 404 Not Found",
    "/500": "HTTP status 500 Internal Server Error",
    "/truncated": "1000 bytes read",
    "/short": f"got {len(RIGHT) - 1} bytes",
    "/empty": "got 0 bytes",
    "/long": f"got more than {len(RIGHT)} bytes",
    "/wrong": f"got SHA-256 {hashlib.sha256(WRONG).hexdigest()}",
    "/stall": "timed out",
    "/silent": "timed out",
    "/redirect-to-file": "file:///etc/hostname",
}


@pytest.mark.parametrize("path", ["/right", "/redirect", "/chunked", "/labelled-gzip", "/compresses-on-the-fly"])
def test_published_bytes_arrive_however_they_are_sent(server, path):
    write_params(server.url(path))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


@pytest.mark.parametrize(("path", "what_it_gave"), BAD.items())
def test_bad_source_leaves_no_file_behind_and_is_reported(server, monkeypatch, path, what_it_gave):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1)
    write_params(server.url(path))
    message = failure()
    assert f"{server.url(path)}: " in message
    assert what_it_gave in message
    assert os.listdir("data/raw/small") == []


@pytest.mark.parametrize("path", BAD)
def test_next_url_is_tried_after_a_bad_one(server, monkeypatch, path):
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.1)
    write_params(server.url(path), server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert os.listdir("data/raw/small") == ["a.bin"]


def test_wrong_checksum_leaves_no_file_behind(server):
    write_params(server.url("/wrong"))
    assert SHA256 in failure()
    assert os.listdir("data/raw/small") == []


def test_endless_body_is_cut_off(server):
    write_params(server.url("/endless"))
    assert f"got more than {len(RIGHT)} bytes" in failure()
    assert server.hung_up.wait(2)


def test_refused_connection_goes_to_the_next_url(server):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    write_params(f"http://127.0.0.1:{port}/right", server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_one_message_names_file_expectation_every_source_and_the_mirror_option(server, tmp_path, monkeypatch):
    mirror = write_mirror(tmp_path / "mirror", WRONG)
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    write_params(server.url("/404"), server.url("/short"))
    lines = failure().splitlines()
    assert lines == [
        f"stages.download: a.bin: no source gave the expected {len(RIGHT)} bytes with SHA-256 {SHA256}",
        f"  {mirror / 'small-mirror' / 'a.bin'}: got SHA-256 {hashlib.sha256(WRONG).hexdigest()}",
        f"  {server.url('/404')}: HTTP status 404 Not Found",
        f"  {server.url('/short')}: got {len(RIGHT) - 1} bytes",
        "To use a local copy, set DATA_MIRROR to a folder that holds it as small-mirror/a.bin",
    ]


def test_right_file_is_kept_without_a_request(server, capsys):
    write_params(server.url("/right"))
    download.main(["small"])
    download.main(["small"])
    assert server.requested == ["/right"]
    assert capsys.readouterr().out.splitlines() == [
        f"data/raw/small/a.bin: {len(RIGHT)} bytes, from {server.url('/right')}",
        f"data/raw/small/a.bin: {len(RIGHT)} bytes, already there",
    ]


def test_wrong_file_in_place_is_replaced(server):
    write_params(server.url("/right"))
    Path("data/raw/small").mkdir(parents=True)
    Path("data/raw/small/a.bin").write_bytes(WRONG)
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_file_in_place_is_right_only_if_size_and_checksum_agree():
    path = Path("a.bin")
    path.write_bytes(RIGHT)
    assert download.is_right(path, {"bytes": len(RIGHT), "sha256": SHA256})
    assert not download.is_right(path, {"bytes": len(RIGHT) + 1, "sha256": SHA256})
    assert not download.is_right(path, {"bytes": len(RIGHT), "sha256": hashlib.sha256(WRONG).hexdigest()})


def test_failing_run_leaves_earlier_files_as_they_were(server):
    write_params(server.url("/right"))
    download.main(["small"])
    write_params(server.url("/right"), content=b"a newer release")
    assert "a newer release" not in failure()
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert os.listdir("data/raw/small") == ["a.bin"]


def test_interrupt_leaves_no_file_behind(server, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    write_params(server.url("/right"))
    with pytest.raises(KeyboardInterrupt):
        download.main(["small"])
    assert os.listdir("data/raw/small") == []


def test_file_is_as_readable_as_any_other(server):
    write_params(server.url("/right"))
    download.main(["small"])
    assert Path("data/raw/small/a.bin").stat().st_mode == Path("params.yaml").stat().st_mode


def test_mirror_comes_before_the_urls(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror")))
    write_params(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}
    assert server.requested == []


@pytest.mark.parametrize("content", [WRONG, RIGHT + b"!", RIGHT[:-1], b""])
def test_wrong_bytes_in_the_mirror_fall_through_to_the_url(server, tmp_path, monkeypatch, content):
    monkeypatch.setenv("DATA_MIRROR", str(write_mirror(tmp_path / "mirror", content)))
    write_params(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_file_missing_from_the_mirror_falls_through_to_the_url(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    write_params(server.url("/right"))
    download.main(["small"])
    assert raw_files() == {"data/raw/small/a.bin": RIGHT}


def test_mirror_beside_the_repository_is_found(repository):
    write_mirror(repository.parent / "shared" / "mirror")
    write_params()
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
    write_params()
    download.main(["small"])
    assert (copy / "data/raw/small/a.bin").read_bytes() == RIGHT
    assert not (repository / "data").exists()


def test_data_mirror_goes_before_the_folder_beside_the_repository(repository, tmp_path):
    beside = write_mirror(repository.parent / "shared" / "mirror")
    chosen = write_mirror(tmp_path / "chosen")
    assert download.find_mirror({"DATA_MIRROR": str(chosen)}, repository) == chosen
    found = download.find_mirror({"DATA_MIRROR": ""}, repository)
    assert found is not None
    assert found.samefile(beside)


def test_data_mirror_that_is_no_folder_is_an_error(server, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", "nowhere")
    write_params(server.url("/right"))
    assert "DATA_MIRROR: expected an existing folder. Received: nowhere" in failure()
    assert server.requested == []


def test_no_source_at_all_is_an_error_that_names_the_mirror_option():
    write_params()
    assert "DATA_MIRROR" in failure()


@pytest.mark.parametrize("name", ["../a.bin", "/a.bin", "b/a.bin", "b\\a.bin", "C:a.bin", "..", ".", ""])
def test_name_cannot_leave_its_folder(server, name):
    write_params(server.url("/right"), name=name)
    assert "expected a name without a path" in failure()
    assert server.requested == []
    assert not Path("data").exists()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "file:///etc/hostname", "a.bin", ""])
def test_only_http_urls_are_accepted(url):
    write_params(url)
    assert "expected an http or https URL" in failure()


def test_missing_params_file_is_one_message():
    assert "params.yaml" in failure()


def test_unknown_dataset_exits_with_one_message_that_lists_the_known_ones():
    write_params()
    command = [sys.executable, "-m", "stages.download", "smal"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "stages.download: unknown data set. Expected one of: small, other. Received: smal\n"
