"""Connect to a Dask scheduler that runs, or start the cluster of a file; TLS wherever a network is between."""

import argparse
import ipaddress
import logging
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import dask
import distributed
import yaml
from distributed import Client, LocalCluster, Security, SSHCluster
from distributed.deploy import Cluster

from stages.cluster.options import WHY_TLS

FOLDER = Path(".dvc/tmp/cluster")
"""For the logs and the temporary certificates of jobs: all nodes see it, and Git ignores it."""
SECONDS_TO_CONNECT = 30
KINDS = ("LocalCluster", "SSHCluster", "SLURMCluster", "PBSCluster", "SGECluster", "LSFCluster", "HTCondorCluster")
"""Names that a file may use without a module."""
KEYS = ("class", "arguments", "scale", "adapt")
ROLES = ("client.", "scheduler.", "worker.")


def use_tls(options: argparse.Namespace) -> None:
    """Put the options of TLS into Dask's configuration; ValueError for a file that is not there."""
    settings: dict[str, str] = {}
    for option, roles in (("ca_file", ("",)), ("cert", ROLES), ("key", ROLES)):
        path: Path | None = getattr(options, f"tls_{option}")
        if path is None:
            continue
        if not path.is_file():
            raise ValueError(f"--tls-{option.replace('_', '-')}: expected a file, got {path}")
        for role in roles:
            settings[f"distributed.comm.tls.{role}{option.replace('_', '-')}"] = str(path.resolve())
    dask.config.set(settings)


def check_address(address: str, insecure: bool, role: str = "client") -> None:
    """Refuse an address without TLS that is not on this machine, and TLS without certificates. Raises: ValueError.

    role: of this side, as Dask's configuration calls it: client or worker.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise ValueError(f"{address}: expected tcp://host:port or tls://host:port")
    if parts.scheme == "tls":
        tls = Security().get_tls_config_for_role(role)
        missing = [f"--tls-{name.replace('_', '-')}" for name in ("ca_file", "cert", "key") if not tls[name]]
        if missing:
            raise ValueError(f"{address}: expected certificates for TLS, got no {' and no '.join(missing)}")
    else:
        _refuse_open(address, insecure)


def _refuse_open(address: str, insecure: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme != "tls" and not insecure and not is_loopback(parts.hostname or ""):
        raise ValueError(f"{address}: expected tls://…, got no TLS: {WHY_TLS}; `--insecure` allows it")


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an IP address, is this machine as only itself sees it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def silence_dask() -> None:
    """Let Dask's loggers say nothing: what matters of it, the caller says, in a line."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":  # some have a level of their own
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def connected(cluster: str, insecure: bool) -> Iterator[Client]:
    """Connect to a scheduler by its address, or start the cluster of a file and end it.

    Raises: ValueError for what is not as it should be, and if the scheduler does not answer.
    """
    silence_dask()
    if "://" in cluster:
        check_address(cluster, insecure)
        with _client(cluster, cluster) as client:
            yield client
        return
    place = Path(cluster)
    with started(read_cluster(place), place, insecure) as running, _client(running, cluster) as client:
        yield client


@contextmanager
def _client(cluster: "str | Cluster", place: str) -> Iterator[Client]:
    security = Security() if isinstance(cluster, str) else None  # a cluster has its own
    try:
        client = Client(cluster, security=security, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, TypeError) as error:
        raise ValueError(f"{place}: expected a Dask scheduler that answers, got: {reason(error)}") from None
    with client:
        yield client


def reason(error: BaseException) -> str:
    """Give the first cause of an error, as one line."""
    while error.__cause__:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def read_cluster(path: Path) -> dict[str, Any]:
    """Read the file of a cluster: `class`, `arguments`, and `scale` or `adapt`. Raises: ValueError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ValueError(f"{path}: expected a scheduler's address or the file of a cluster, got: {said}") from None
    if not isinstance(content, dict) or not isinstance(content.get("class"), str):
        raise ValueError(f"{path}: expected `class: <one of {', '.join(KINDS)}>`, got {_short(content)}")
    for key in content:
        if key not in KEYS:
            raise ValueError(f"{path}: {key}: expected a key among {', '.join(KEYS)}")
    if not isinstance(content.get("arguments", {}), dict):
        raise ValueError(f"{path}: arguments: expected a mapping, got {_short(content['arguments'])}")
    _check_size(path, content)
    return content


def _check_size(path: Path, content: Mapping[str, Any]) -> None:
    if "scale" in content and "adapt" in content:
        raise ValueError(f"{path}: expected `scale` or `adapt`, got both")
    counts = {"scale": content.get("scale", 1)}
    if "adapt" in content:
        counts = content["adapt"]
        if not isinstance(counts, dict) or set(counts) != {"minimum", "maximum"}:
            raise ValueError(f"{path}: adapt: expected `minimum` and `maximum`, got {_short(counts)}")
    for name, count in counts.items():
        least = 0 if name == "minimum" else 1
        if not isinstance(count, int) or isinstance(count, bool) or count < least:
            raise ValueError(f"{path}: {name}: expected a number of workers, {least} or more, got {_short(count)}")
    if "adapt" in content and counts["maximum"] < counts["minimum"]:
        raise ValueError(f"{path}: adapt: expected maximum >= minimum, got {_short(counts)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:80]}…"


@contextmanager
def started(content: Mapping[str, Any], path: Path, insecure: bool) -> Iterator[Cluster]:
    """Start the cluster that a file describes, and end it. Raises: ValueError if it cannot be."""
    name = content["class"]
    make = _class(name, path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about defaults that are meant
            cluster: Cluster = make(**_arguments(make, content.get("arguments", {}), insecure))
    except Exception as error:
        raise ValueError(f"{path}: {name}: expected arguments with which it starts, got: {reason(error)}") from None
    with cluster:
        _refuse_open(cluster.scheduler_address, insecure)
        if "adapt" in content:
            cluster.adapt(**content["adapt"])
        elif "scale" in content:
            cluster.scale(content["scale"])
        yield cluster


def _job_queues() -> ModuleType:
    """Give the module `dask_jobqueue`, whose import takes Ctrl-C for itself: that is undone."""
    handler = signal.getsignal(signal.SIGINT)
    import dask_jobqueue

    signal.signal(signal.SIGINT, handler)
    return dask_jobqueue


def _class(name: str, path: Path) -> Callable[..., Cluster]:
    """Find a class, or a function that makes a cluster, by its name. Raises: ValueError."""
    module, _, last = name.rpartition(".")
    with suppress(ImportError):
        for place in [import_module(module)] if module else [distributed, _job_queues()]:
            if made := getattr(place, last, None):
                found: Callable[..., Cluster] = made
                return found
    raise ValueError(f"{path}: class: expected one of {', '.join(KINDS)}, or `module.Name`, got {name}")


def _arguments(make: Callable[..., Cluster], own: Mapping[str, Any], insecure: bool) -> dict[str, Any]:
    """The arguments of a cluster, with our defaults: TLS, no page of its own, one process for each worker."""
    status = {"dashboard_address": "127.0.0.1:0"}
    has_certificates = bool(Security().get_tls_config_for_role("client")["ca_file"])
    if make is LocalCluster:
        return {**status, **own}
    if isinstance(make, type) and issubclass(make, _job_queues().JobQueueCluster):
        command = make.job_cls.submit_command  # type: ignore[attr-defined]
        if shutil.which(command) is None:
            raise ValueError(f"`{command}`, got no such command on this machine")
        security = Security() if has_certificates else Security.temporary()
        ours = {"worker_command": "stages.worker", "processes": 1, "security": security, "nanny": False}
        options = {**status, **own.get("scheduler_options", {})}
        FOLDER.mkdir(parents=True, exist_ok=True)
        files = {"shared_temp_directory": str(FOLDER.resolve()), "log_directory": str(FOLDER.resolve())}
        return {**files, **ours, **own, "scheduler_options": options}
    if make is SSHCluster:
        if not has_certificates:
            for host in own.get("hosts") or []:
                _refuse_open(f"tcp://{host}", insecure)
        secure = {"protocol": "tls"} if has_certificates else {}
        # Should this process be killed, nobody else ends what it started by SSH.
        options = {"idle_timeout": "10 minutes", **status, **secure, **own.get("scheduler_options", {})}
        return {"security": Security(), **own, "scheduler_options": options}
    return dict(own)
