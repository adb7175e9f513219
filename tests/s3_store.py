"""A real S3-compatible store on loopback: OpenStack Swift with its `s3api`, one copy of each object, in a folder."""

import getpass
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection, create_server

KEY, SECRET = "test:tester", "testing"
"""Of the account that `tempauth` knows."""

SWIFT = """
[swift-hash]
swift_hash_path_suffix = suffix

[storage-policy:0]
name = one
default = yes
"""
SERVER = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
user = {user}
log_name = {name}
log_udp_host = 127.0.0.1
log_udp_port = 9

[pipeline:main]
pipeline = {pipeline}
"""
STORAGE = """
[app:{name}-server]
use = egg:swift#{name}
"""
PROXY = """
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9

[filter:s3api]
use = egg:swift#s3api
auth_pipeline_check = false
s3_acl = false

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
"""


def reserved_port() -> int:
    """A port of loopback for a server that is told it: for a minute none who asks for any port is given this one.

    None of the servers takes port 0 and says which it got. A connection that this end closes first leaves the port in
    TIME_WAIT, where only a socket with SO_REUSEADDR may have it, as all servers set it.
    """
    with create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        with create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    return port


@contextmanager
def s3_store(folder: Path) -> Iterator[str]:
    """Start the store, and end it; the URL of its endpoint."""
    commands = Path(sys.executable).parent
    ports = {name: reserved_port() for name in ("account", "container", "object", "proxy")}
    (folder / "swift.conf").write_text(SWIFT, encoding="utf-8")
    (folder / "devices/one").mkdir(parents=True)
    servers = []
    try:
        for name, port in ports.items():
            text = STORAGE.format(name=name) if name != "proxy" else PROXY
            pipeline = f"{name}-server" if name != "proxy" else "cache s3api tempauth proxy-server"
            conf = folder / f"{name}.conf"
            head = SERVER.format(name=name, port=port, folder=folder, user=getpass.getuser(), pipeline=pipeline)
            conf.write_text(head + text, encoding="utf-8")
            if name != "proxy":
                ring = [commands / "swift-ring-builder", folder / f"{name}.builder"]
                for step in (["create", "2", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/one", "1"], ["rebalance"]):
                    subprocess.run([*ring, *step], check=True, capture_output=True)
            log = (folder / f"{name}.log").open("wb")
            command = [commands / f"swift-{name}-server", conf]
            servers.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
            log.close()
        for port in ports.values():
            wait_for_port(port)
        yield f"http://127.0.0.1:{ports['proxy']}"
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=30)


def wait_for_port(port: int, seconds: float = 60) -> None:
    """Wait until something listens on the port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
