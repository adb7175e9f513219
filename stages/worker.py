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
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joblib import cpu_count  # respects the limits of a container

from stages.cluster.machine import class_of, machine

CUT_OFF = ("worker-heartbeat-missing", "worker-heartbeat-error", "worker-handle-scheduler-connection-broken")
"""Dask's reasons of an end that nobody asked for."""
SECONDS_BETWEEN_TRIES = 5
