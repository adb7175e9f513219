"""A process that runs commands for another one: it has imported the heavy libraries once, and forks.

`stages.scheduling.processes` starts it, as a script: it imports nothing of this project, so that a command finds the
code of the folder that it runs in. Requests come as lines of JSON on the standard input, replies go to the standard
output:

    {"preload"}                                                    import libraries
    {"id", "command", "python", "preload", "cwd", "env", "log"}    run a command
    {"id", "pid"}                                                  it runs, in a group of its own
    {"id", "status"}                                               it ended

command: its arguments, the program first; python: null, or the arguments of the interpreter, `-m module …` or
`script …`: such a command runs in a fork of this process; preload: libraries to import before that. When the input
ends, by whatever ended the other process, so does all that runs.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import suppress

HIDDEN = ("sklearn", "matplotlib", "pandas")
"""Keras imports them if they are there, for wrappers that nothing here uses."""
FORK_IS_SAFE = sys.platform == "linux"
"""On macOS system libraries do not survive a fork, and Windows has none: there every command is a new process."""


def preload(names):
    """Import libraries, without a word; one that cannot be imported fails in the command itself."""
    names = [name for name in names if name not in sys.modules]
    if not names or not FORK_IS_SAFE:
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    gc.disable()
    for name in names:
        hidden = [other for other in HIDDEN if name in ("keras", "tensorflow") and other not in sys.modules]
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
        with suppress(Exception):
            importlib.import_module(name)
        for other in hidden:
            del sys.modules[other]
    gc.freeze()  # so that a fork's collections leave the shared pages alone
    gc.enable()
    os.dup2(kept, 2)
    os.close(kept)
    os.close(nowhere)


def run_python(arguments):
    """Run `-m module …` or `script …` as Python does; returns the status."""
    try:
        if arguments[0] == "-m":
            sys.argv, sys.path[0] = arguments[1:], os.getcwd()
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0] = arguments, os.path.dirname(os.path.realpath(arguments[0]))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def become(request, log):
    """Be the process of a Python command, in a fork."""
    status = 1
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, buffering=1, closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.orig_argv = [sys.executable, *request["python"]]
        status = run_python(request["python"])
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        os._exit(status)


class Server:
    """Starts what is asked for, and tells how it ends."""

    def __init__(self):
        self.replies = os.dup(1)
        os.dup2(2, 1)  # what a library prints while it is imported is no reply
        self.running = {}  # the number of the request of each process

    def reply(self, **content):
        """Write one line."""
        os.write(self.replies, (json.dumps(content) + "\n").encode())

    def start(self, request):
        """Start a command in a group of its own."""
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        if request["python"] and FORK_IS_SAFE:
            preload(request["preload"])
            process = os.fork()
            if process == 0:
                become(request, log)
            with suppress(OSError):
                os.setpgid(process, process)  # before anybody wants to end the group
        else:
            started = subprocess.Popen(
                request["command"],
                cwd=request["cwd"],
                env=request["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            started.returncode = 0  # `reap` waits for it, and no other Popen
            process = started.pid
        os.close(log)
        self.running[process] = request["id"]
        self.reply(id=request["id"], pid=process)

    def reap(self):
        """Tell of all that ended."""
        while self.running:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if (number := self.running.pop(process, None)) is not None:  # else of a library that is preloaded
                self.end_group(process)  # what it has left in the background
                self.reply(id=number, status=code)

    def serve(self):
        """Read requests until the input ends; then end all that runs."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)  # a command that is started would inherit that it is ignored
        text = b""
        while True:
            for ready in select.select([0, woken], [], [])[0]:
                if ready == woken:
                    os.read(woken, 4096)
                    self.reap()
                elif read := os.read(0, 65536):
                    *lines, text = (text + read).split(b"\n")
                    for request in map(json.loads, lines):
                        if "command" in request:
                            self.try_to_start(request)
                        else:
                            preload(request["preload"])
                else:
                    self.end()
                    return

    def try_to_start(self, request):
        """Start a command; one that cannot be started has ended."""
        try:
            self.start(request)
        except OSError as error:
            with open(request["log"], "a") as log:
                log.write(f"{error}\n")
            self.reply(id=request["id"], status=127)

    def end(self):
        """End all that runs."""
        for process in self.running:
            self.end_group(process)

    @staticmethod
    def end_group(process):
        """End a process and all of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)


if __name__ == "__main__":
    Server().serve()
