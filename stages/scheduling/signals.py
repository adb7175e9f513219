"""Signals that end a run, and the lock that lets one run at a time."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collect the signals that ask for an end, instead of ending by them (`nohup` keeps its meaning)."""
    got: list[int] = []
    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    before = [(number, signal.signal(number, lambda number, _: got.append(number))) for number in ending]
    try:
        yield got
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt again, while nothing runs that has to be ended in order."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder; ValueError if another run does. The system releases that of a killed run."""
    import fcntl  # not on Windows

    with (folder / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            other = f"process {file.read() or 'unknown'}"
            raise ValueError(f"{folder}: expected one run at a time, got {other}; wait for it or end it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
