"""Run the commands of stages as processes, and end them.

All of them are children of one process, `stages.scheduling.zygote`, which forks where it can: a training then starts
without importing TensorFlow anew. However this process ends, the zygote ends what runs.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dvc.stage.run import _make_cmd, get_executable

from stages.scheduling import zygote

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_END = 5
PLAIN = re.compile(r"[\w@%+=:,./ -]+")
"""Characters of a command that no shell changes."""


@dataclass
class _Running:
    pid: int | None = None
    status: int = -9
    """Until it is told: as if it was killed."""
    told: threading.Event = field(default_factory=threading.Event)
    zygote: "subprocess.Popen[bytes] | None" = None
    """That runs it."""


class Processes:
    """Runs commands for threads, each of which waits for its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, _Running] = {}
        self._number = 0
        self._requests = -1
        self._zygote: subprocess.Popen[bytes] | None = None

    def run(
        self,
        command: str,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        preload: Sequence[str] = (),
        wanted: Callable[[], bool] = lambda: True,
    ) -> int:
        """Run a command as DVC does, in a group of its own, and wait until it has ended.

        log: what it prints is added to this file; preload: libraries that the zygote imports before it forks; wanted:
        asked all along; when it is not any more, the command is ended, like by Ctrl-C, after some seconds by force.
        Returns: the exit status, or minus the number of the signal that ended it; 127 if it could not be started.
        """
        python = python_arguments(command, env.get("PATH", ""))
        running = _Running()
        with self._lock:
            requests = self._start()
            running.zygote = self._zygote
            self._number += 1
            number = self._number
            self._running[number] = running
            request = {
                "id": number,
                "command": [sys.executable, *python] if python else shell_arguments(command),
                "python": python,
                "preload": list(preload),
                "cwd": str(cwd),
                "env": dict(env),
                "log": str(log),
            }
            os.write(requests, (json.dumps(request) + "\n").encode())
        while not running.told.wait(SECONDS_BETWEEN_LOOKS):
            if not wanted():
                self._end(running)
        return running.status

    def prepare(self, preload: Sequence[str]) -> None:
        """Let the zygote import libraries, if it can fork. It answers nothing meanwhile."""
        with self._lock:
            os.write(self._start(), (json.dumps({"preload": list(preload)}) + "\n").encode())

    def kill(self) -> None:
        """End all that runs at once."""
        for running in list(self._running.values()):
            if running.pid:
                _signal(running.pid, signal.SIGKILL)

    def close(self) -> None:
        """End all that runs, and the process that started it."""
        with self._lock:
            if self._zygote is not None:
                os.close(self._requests)
                self._zygote.wait()
                self._zygote = None

    def _start(self) -> int:
        """Start the zygote, unless it runs; returns the file descriptor for requests."""
        if self._zygote is not None and self._zygote.poll() is not None:  # somebody has killed it
            os.close(self._requests)
            self._zygote = None
        if self._zygote is None:
            read, self._requests = os.pipe()
            self._zygote = subprocess.Popen(
                [sys.executable, zygote.__file__],
                stdin=read,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this process
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
            )
            os.close(read)
            threading.Thread(target=self._listen, args=[self._zygote, self._zygote.stdout], daemon=True).start()
        return self._requests

    def _listen(self, process: "subprocess.Popen[bytes]", replies: IO[bytes]) -> None:
        for line in replies:
            reply: dict[str, Any] = json.loads(line)
            running = self._running[reply["id"]]
            if "pid" in reply:
                running.pid = reply["pid"]
                continue
            running.status = reply["status"]
            del self._running[reply["id"]]
            running.told.set()
        for number, running in list(self._running.items()):  # somebody has killed the zygote
            if running.zygote is process:
                if running.pid:
                    _signal(running.pid, signal.SIGKILL)
                del self._running[number]
                running.told.set()

    def _end(self, running: _Running) -> None:
        for number in (signal.SIGINT, signal.SIGKILL):
            deadline = time.monotonic() + SECONDS_TO_END
            if running.pid:
                _signal(running.pid, number)
            if running.told.wait(deadline - time.monotonic()):
                return


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # none is left of its group
        os.killpg(group, number)


def python_arguments(command: str, path: str) -> list[str] | None:
    """Give the arguments of this Python interpreter if a command is a plain call of it, of a module or a script."""
    if not PLAIN.fullmatch(command):
        return None
    program, *arguments = shlex.split(command)
    if not program.startswith("python") or shutil.which(program, path=path) is None or not arguments:
        return None
    found = Path(str(shutil.which(program, path=path)))
    if found.parent != Path(sys.executable).parent or found.resolve() != Path(sys.executable).resolve():
        return None
    is_module = arguments[0] == "-m" and len(arguments) > 1
    return arguments if is_module or not arguments[0].startswith("-") else None


def shell_arguments(command: str) -> list[str]:
    """Give the program and the arguments that run a command in the user's shell, as DVC does."""
    made = _make_cmd(get_executable(), command)
    return made if isinstance(made, list) else [made]
