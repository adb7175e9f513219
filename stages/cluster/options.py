"""The options of a cluster on command lines. Dask is imported when they are used: without a cluster nobody needs it."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from stages.scheduling.executors import Executor
from stages.scheduling.node import Code
from stages.scheduling.remote import RemoteStore, remote_config
from stages.scheduling.signals import interruptible
from stages.scheduling.workspace import Workspace

WHY_TLS = "whoever reaches an open port of Dask has a shell on every node"


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add `--cluster` and what belongs to it."""
    group = parser.add_argument_group("cluster", "see docs/scaling.md")
    group.add_argument(
        "--cluster",
        metavar="ADDRESS|FILE",
        help="tcp://… or tls://…: a Dask scheduler that runs; or a file of a cluster",
    )
    group.add_argument(
        "--remote", metavar="NAME", help="DVC remote through which the nodes read and write; default: `core.remote`"
    )
    group.add_argument(
        "--machine-class", metavar="CLASS", help="of the workers that may run stages; default: this machine's"
    )
    add_tls_options(parser)


def add_tls_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of TLS, as `dask worker` has them."""
    group = parser.add_argument_group("TLS", "files in PEM format; default: Dask's configuration")
    group.add_argument("--tls-ca-file", type=Path, metavar="FILE", help="who signed the certificates")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this side")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    group.add_argument("--insecure", action="store_true", help=f"allow addresses without TLS; beware: {WHY_TLS}")


@contextmanager
def cluster_executor(
    options: argparse.Namespace, workspace: Workspace, codes: Mapping[str, Code]
) -> Iterator[Executor]:
    """Connect to the cluster of the options.

    workspace: whose remote and cache are meant; codes: of each root in `Task.code`.
    Raises: ValueError for whatever is not as it should be.
    """
    try:
        from stages.cluster.connection import connected, use_tls
        from stages.cluster.executor import DaskExecutor
        from stages.cluster.machine import class_of, machine
    except ImportError as error:
        raise ValueError(f"--cluster: expected Dask, got none ({error}); `uv sync --group cluster`") from None
    config = remote_config(workspace.repo, options.remote)
    use_tls(options)
    with ExitStack() as stack:
        with interruptible():
            RemoteStore(config).check(options.remote or workspace.repo.config["core"]["remote"])
            machine_class = options.machine_class or class_of(machine())
            client = stack.enter_context(connected(options.cluster, options.insecure))
        yield DaskExecutor(client, machine_class, config, workspace.store, codes, options.jobs, tqdm.write)
