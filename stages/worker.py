"""Make this machine a node of a cluster: `python -m stages.worker <address of the scheduler>`.

    python -m stages.worker tls://head:8786 --tls-ca-file ca.pem --tls-cert node.pem --tls-key node.key

It is a worker of Dask that runs as many stages at once as it has threads. It needs the environment of uv.lock and the
folder `stages/`: no clone, no Git, no data. What stages read and write goes through the DVC remote of whoever runs
`python -m stages.parallel --cluster`.

Before it connects it runs two small trainings, by which it shows that it gives the same bytes as others. If the network
is cut off, it ends its stages and connects anew. SIGTERM and Ctrl-C end it and what it runs.
"""

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stages.cluster.machine import class_of, machine
from stages.cluster.options import add_tls_options
from stages.scheduling.executors import default_jobs

if TYPE_CHECKING:
    from stages.cluster.node import NodeWorker

CUT_OFF = ("worker-heartbeat-missing", "worker-heartbeat-error", "worker-handle-scheduler-connection-broken")
"""Dask's reasons of an end that nobody asked for."""
SECONDS_TO_CONNECT = 5
SECONDS_BETWEEN_TRIES = 2


async def serve(options: argparse.Namespace) -> str | None:
    """Be a worker until a signal comes or the scheduler ends it. Returns: why it could not be one."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    ending = asyncio.create_task(asked.wait())
    while not asked.is_set():
        if failure := await _wait_for_scheduler(options, ending):
            return failure
        if asked.is_set():
            break
        worker = _worker(options)
        starting = asyncio.create_task(worker.start())
        await asyncio.wait([ending, starting], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done() or starting.exception():  # an end is asked for, or the scheduler is gone again
            starting.cancel()
            continue
        print(f"worker {worker.name} at {worker.address}: {options.nthreads} stages at once", flush=True)
        ended = asyncio.create_task(worker.finished())
        await asyncio.wait([ending, ended], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await worker.close(executor_wait=False, reason="signal")
        elif worker.ended_by not in CUT_OFF:
            break
        else:
            print(f"{options.scheduler}: cut off, connecting anew", flush=True)
    return None


async def _wait_for_scheduler(options: argparse.Namespace, ending: "asyncio.Task[bool]") -> str | None:
    """Wait until the scheduler answers or an end is asked for. Returns: why not, if that takes too long."""
    from distributed import Security
    from distributed.comm import connect

    from stages.cluster.connection import reason

    loop, said = asyncio.get_running_loop(), ""
    deadline = loop.time() + options.death_timeout
    arguments = Security().get_connection_args("worker")
    while not ending.done():
        try:
            comm = await connect(options.scheduler, timeout=SECONDS_TO_CONNECT, **arguments)
            await comm.close()
            return None
        except OSError as error:
            failure = f"{options.scheduler}: expected a Dask scheduler that answers, got: {reason(error)}"
        if loop.time() > deadline:
            return failure
        if failure != said:
            print(f"{failure}; trying again for {options.death_timeout:.0f} s", file=sys.stderr, flush=True)
            said = failure
        await asyncio.wait([ending], timeout=SECONDS_BETWEEN_TRIES)
    return None


def _worker(options: argparse.Namespace) -> "NodeWorker":
    from distributed import Security

    from stages.cluster.connection import is_loopback
    from stages.cluster.node import NodeWorker

    host = urlsplit(options.scheduler).hostname or ""
    return NodeWorker(
        options.scheduler,
        name=options.name,
        nthreads=options.nthreads,
        memory_limit=0,  # stages are processes of their own
        local_directory=options.local_directory,
        security=Security(),
        protocol=options.protocol,
        interface=options.interface,
        # The port of a worker, too, is a shell for all that reach it: without TLS none but this machine does.
        host=host if is_loopback(host) and not options.interface else None,
        dashboard_address="127.0.0.1:0",
    )


def main(arguments: list[str] | None = None) -> None:
    """Be the worker of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.worker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scheduler", help="tcp://host:port or tls://host:port")
    parser.add_argument(
        "--nthreads",
        type=int,
        default=default_jobs(),
        help="stages at once; default: the cores, as far as memory reaches",
    )
    parser.add_argument("--name", help="of this worker; default: its address")
    parser.add_argument(
        "--local-directory", metavar="FOLDER", help="for its files; default: the system's folder for temporary ones"
    )
    parser.add_argument(
        "--death-timeout", type=float, default=600, metavar="SECONDS", help="end without a scheduler; default: 600"
    )
    parser.add_argument("--interface", help="of the network: eth0, ib0")
    parser.add_argument("--protocol", help=argparse.SUPPRESS)  # dask-jobqueue gives it, and the memory of the job
    parser.add_argument("--memory-limit", help=argparse.SUPPRESS)
    add_tls_options(parser)
    options = parser.parse_args(arguments)
    if options.nthreads < 1:
        parser.error(f"--nthreads: expected 1 or more, got {options.nthreads}")
    try:
        from stages.cluster.connection import check_address, silence_dask, use_tls

        use_tls(options)
        check_address(options.scheduler, options.insecure, "worker")
        print(f"class {class_of(machine())}", flush=True)
    except ImportError as error:
        sys.exit(f"stages.worker: expected Dask, got none ({error}); `uv sync --group cluster`")
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    silence_dask()
    if failure := asyncio.run(serve(options)):
        sys.exit(failure)


if __name__ == "__main__":
    main()
