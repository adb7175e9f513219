"""Data and experiments carried to a colleague, by DVC's remotes on real servers on loopback."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server, socket

import botocore.session
import pytest
from projects import dvc, is_clean, run, started, trivial_project
from s3_store import KEY, SECRET, reserved_port, s3_store, wait_for_port

pytestmark = [pytest.mark.slow, pytest.mark.posix]

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SSHD_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


def test_a_reserved_port_is_had_by_a_server_that_names_it_alone() -> None:
    port = reserved_port()
    with socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    create_server(("127.0.0.1", port)).close()


@contextmanager
def ssh_server(folder: Path) -> Iterator[int]:
    """OpenSSH's server, with a key made for it; its port."""
    assert SSHD is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd gives up its rights
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = reserved_port()
    (folder / "config").write_text(SSHD_CONFIG.format(port=port, folder=folder), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def remote(kind: str, folder: Path) -> Iterator[tuple[list[list[str]], dict[str, str]]]:
    """Serve a remote: DVC's commands that add it to a project, and the variables of who uses it."""
    add = ["remote", "add", "--default", "storage"]
    modify = ["remote", "modify", "storage"]
    if kind == "folder":
        yield [[*add, str(folder / "storage")]], {}
    elif kind == "ssh":
        if SSHD is None:
            pytest.skip("no OpenSSH server: apt-get install openssh-server")
        with ssh_server(folder) as port:
            url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}/storage"
            yield [[*add, url], [*modify, "keyfile", str(folder / "key")]], {}
    else:
        if sys.platform != "linux":
            pytest.skip("the store needs Linux")
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
        with s3_store(folder) as url:
            client = botocore.session.get_session().create_client(
                "s3", "us-east-1", endpoint_url=url, aws_access_key_id=KEY, aws_secret_access_key=SECRET
            )
            client.create_bucket(Bucket="experiments")
            yield [[*add, "s3://experiments/storage"], [*modify, "endpointurl", url]], keys


@pytest.mark.parametrize("kind", ["folder", "ssh", "s3"])
def test_a_clone_pulls_data_and_an_experiment_and_has_nothing_to_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ours", "served"):
        (tmp_path / name).mkdir()
    ours = trivial_project(tmp_path / "ours")
    dvc(ours, "repro", "-q")
    run(ours, "git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin"))
    run(ours, "git", "remote", "add", "origin", str(tmp_path / "origin"))
    with remote(kind, tmp_path / "served") as (commands, variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        for command in commands:
            dvc(ours, *command)
        run(ours, "git", "add", "--all")
        run(ours, "git", "commit", "-qm", "finished")
        assert run(ours, "git", "push", "-q", "origin", "main").returncode == 0
        dvc(ours, "push")
        dvc(ours, "exp", "run", "-S", "seed=1", "--name", "mine")
        dvc(ours, "exp", "push", "origin", "mine")

        theirs = tmp_path / "theirs"
        assert run(tmp_path, "git", "clone", "-q", "origin", "theirs").returncode == 0
        dvc(theirs, "pull")
        assert started(dvc(theirs, "repro")) == []
        assert is_clean(theirs)
        assert (theirs / "data/last").read_text() == "last a first rawconfigureb first rawconfigure"
        dvc(theirs, "exp", "pull", "origin", "mine")
        dvc(theirs, "exp", "apply", "mine")
        assert started(dvc(theirs, "repro")) == []
        assert "seed: 1" in (theirs / "params.yaml").read_text()
        assert (theirs / "dvc.lock").read_bytes() == (ours / "dvc.lock").read_bytes()
