"""Parts of a cluster for tests: schedulers, workers, drivers and certificates, as processes on this machine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from distributed import Security
from projects import ROOT, dvc, end_group, initialize, run, start, wait_until
from s3_store import reserved_port
from test_sharing import SSHD, ssh_server

CLASS = "alike"
# A machine of a class that is told to it: the two trainings take seconds, and one test runs them.
COMMAND = """
from stages.cluster import machine
machine.machine = lambda: {"told": "CLASS"}
from stages.MODULE import main
main()
"""
# A stage writes its inputs, and notes what it does in a folder that all nodes see.
MAKE = """
import os, sys, time
from pathlib import Path

notes = Path(NOTES)
name, *inputs = sys.argv[1:]

def note(what):
    with (notes / "log").open("a") as file:
        file.write(f"{what} {name}\\n")

note("start")
(notes / f"{name}.pid").write_text(str(os.getpid()))
print("at work")
while (notes / f"hang-{name}").exists():
    time.sleep(0.05)
if (notes / f"fail-{name}").exists():
    sys.exit(f"{name}: expected good, got bad")
if (notes / f"kill-{name}").exists():
    zygote = Path(f"/proc/{os.getppid()}/stat").read_text()
    os.kill(int(zygote.rpartition(")")[2].split()[1]), 9)
    time.sleep(60)
Path("data").mkdir(exist_ok=True)
extra = (notes / f"extra-{name}").read_text() if (notes / f"extra-{name}").exists() else ""
Path(f"data/{name}").write_text(name + extra + "".join(Path(path).read_text() for path in inputs))
note("end")
"""
PIPELINE = """
stages:
  first: {cmd: python make.py first raw, deps: [raw], outs: [data/first]}
  a: {cmd: python make.py a data/first, deps: [data/first], outs: [data/a]}
  b: {cmd: python make.py b data/first, deps: [data/first], outs: [data/b]}
  last: {cmd: python make.py last data/a data/b, deps: [data/a, data/b], outs: [data/last]}
"""


@dataclass
class Project:
    """A project of four stages, and the folder of their notes."""

    folder: Path
    notes: Path

    def noted(self) -> list[str]:
        """What the stages did: `start first`, `end first`, …"""
        path = self.notes / "log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def runs(self, stage: str) -> bool:
        """Whether a process of the stage is alive."""
        try:
            pid = int((self.notes / f"{stage}.pid").read_text())
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (OSError, ValueError):
            return False

    def tell(self, what: str, text: str = "") -> Path:
        """Tell a stage to `hang-`, `fail-` or `kill-` its worker, or to write `extra-` bytes; the file to remove."""
        path = self.notes / what
        path.write_text(text)
        return path


def project(folder: Path, url: str = "", **settings: str) -> Project:
    """Lay the project into a new folder. url, settings: of its remote; default: a folder beside it."""
    ours = Project(folder / "project", folder / "notes")
    ours.folder.mkdir()
    ours.notes.mkdir()
    initialize(ours.folder)
    (ours.folder / ".gitignore").write_text("/data/\n", encoding="utf-8")
    (ours.folder / "make.py").write_text(MAKE.replace("NOTES", repr(str(ours.notes))), encoding="utf-8")
    (ours.folder / "raw").write_text("raw", encoding="utf-8")
    (ours.folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    dvc(ours.folder, "remote", "add", "-q", "--default", "storage", url or str(folder / "storage"))
    for name, value in settings.items():
        dvc(ours.folder, "remote", "modify", "storage", name, value)
    return ours


def command(module: str, *arguments: str, machine_class: str = CLASS) -> list[str]:
    """The command of `stages.<module>` on a machine of a class."""
    return [sys.executable, "-c", COMMAND.replace("MODULE", module).replace("CLASS", machine_class), *arguments]


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """End a process and all that it started at the end."""
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            end_group(process)


@contextmanager
def scheduler(folder: Path, *options: str, host: str = "127.0.0.1", **variables: str) -> Iterator[str]:
    """A scheduler of Dask; its address."""
    file = folder / "scheduler.json"
    arguments = ["--host", host, "--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)]
    with ended(
        start(folder, sys.executable, "-m", "distributed.cli.dask_scheduler", *arguments, *options, **variables)
    ):
        wait_until(lambda: file.exists() and file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"]


@contextmanager
def worker(
    folder: Path,
    address: str,
    *options: str,
    name: str = "one",
    machine_class: str = CLASS,
    within: tuple[str, ...] = (),
    **variables: str,
) -> Iterator["subprocess.Popen[str]"]:
    """A worker of one slot in a folder of its own, without a clone. within: a command that runs it."""
    home = folder / name
    home.mkdir()
    if not (folder / "stages").exists():
        (folder / "stages").symlink_to(ROOT / "stages")
    made = [
        *within,
        *command("worker", address, "--nthreads", "1", "--name", name, *options, machine_class=machine_class),
    ]
    with ended(start(home, *made, PYTHONPATH=str(folder))) as process:
        yield process


def parallel(ours: Project, address: str, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the driver to its end."""
    return run(ours.folder, *command("parallel", "--cluster", address, *options), **variables)


def start_parallel(ours: Project, address: str, *options: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the driver."""
    return start(ours.folder, *command("parallel", "--cluster", address, *options), **variables)


def certificates(folder: Path, name: str = "ours") -> list[str]:
    """Make a certificate and who signed it; the options that name their files."""
    made = Security.temporary()
    options = []
    for option, content in (
        ("ca-file", made.tls_ca_file),
        ("cert", made.tls_client_cert),
        ("key", made.tls_client_key),
    ):
        path = folder / f"{name}-{option}.pem"
        path.write_text(content)
        options += [f"--tls-{option}", str(path)]
    return options


@contextmanager
def network() -> Iterator[tuple[str, tuple[str, ...]]]:
    """A network of this machine and another one, a namespace: our address, and what runs a command there."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and `ip`: apt-get install iproute2")
    name, net = f"node{os.getpid()}", f"10.213.{os.getpid() % 250}"
    within = ("ip", "netns", "exec", name)
    if subprocess.run(["ip", "netns", "add", name], check=False).returncode:
        pytest.skip("no network namespaces here")
    try:
        for each in (
            f"link add {name[:12]}h type veth peer name eth0 netns {name}",
            f"addr add {net}.1/30 dev {name[:12]}h",
            f"link set {name[:12]}h up",
            f"-n {name} addr add {net}.2/30 dev eth0",
            f"-n {name} link set lo up",
            f"-n {name} link set eth0 up",
        ):
            subprocess.run(["ip", *each.split()], check=True)
        yield f"{net}.1", within
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def link(within: tuple[str, ...], state: str) -> None:
    """Cut the network of a namespace, "down", or mend it, "up"."""
    subprocess.run([*within, "ip", "link", "set", "eth0", state], check=True)


@contextmanager
def clusters_of_files(kind: str, folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """What a file of a cluster of this kind has beside its class, and variables of whoever runs it."""
    local = {"scheduler_options": {"host": "127.0.0.1"}}
    alike = folder / "alike"  # Python starts with what is in a `sitecustomize.py`
    alike.mkdir()
    (alike / "sitecustomize.py").write_text(COMMAND.partition("from stages.MODULE")[0].replace("CLASS", CLASS))
    path = f"{alike}:{ROOT}"
    if kind == "SSHCluster":
        if SSHD is None:
            pytest.skip("no OpenSSH server: apt-get install openssh-server")
        with ssh_server(folder) as port:
            options = {"port": port, "client_keys": [str(folder / "key")], "known_hosts": None}
            python = f"env PYTHONPATH={path} {sys.executable}"
            hosts = {"hosts": ["127.0.0.1", "127.0.0.1"], "connect_options": options, "remote_python": python}
            yield {"arguments": {**hosts, **local}}, {"PYTHONPATH": path}
    else:
        with slurm(folder) as variables:
            job = {"cores": 1, "memory": "1GB", "job_script_prologue": [f"export PYTHONPATH={path}"]}
            yield {"arguments": {**job, **local}, "scale": 1}, {"PYTHONPATH": path, **variables}


SLURM = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/socket
CredType=cred/munge
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 RealMemory=1024
PartitionName=all Nodes=ALL Default=YES State=UP
"""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """SLURM with this machine as its node; the variables of whoever uses it."""
    if os.geteuid() or not all(shutil.which(each) for each in ("munged", "slurmctld", "slurmd", "sbatch")):
        pytest.skip("SLURM needs root: apt-get install slurm-wlm munge")
    with TemporaryDirectory(prefix="slurm") as name:  # the path of a socket is short
        home = Path(name)
        (home / "key").write_bytes(os.urandom(1024))
        (home / "key").chmod(0o600)
        conf = SLURM.format(host=socket.gethostname(), ports=(reserved_port(), reserved_port()), folder=home)
        (home / "slurm.conf").write_text(conf)
        for each in ("spool", "state"):
            (home / each).mkdir()
        variables = {"SLURM_CONF": str(home / "slurm.conf")}
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        munged = ["munged", "--foreground", "--force", *(f"--{each}={home / name}" for each, name in files.items())]
        with ExitStack() as stack:
            stack.enter_context(ended(start(folder, *munged)))
            wait_until((home / "socket").exists, 30)
            for daemon in ("slurmctld", "slurmd"):
                stack.enter_context(ended(start(folder, daemon, "-D", **variables)))
            wait_until(lambda: " idle" in run(folder, "sinfo", **variables).stdout, 60)
            yield variables


def seconds_until(happened: Any, seconds: float = 60) -> float:
    """Wait until it happens; the seconds that it took."""
    started = time.monotonic()
    wait_until(happened, seconds)
    return time.monotonic() - started
