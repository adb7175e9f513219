"""The processes of stages: children of one process, which is started again if it is killed."""

import os
import signal
from pathlib import Path

import pytest
from projects import environment, wait_until

from stages.scheduling.processes import Processes

pytestmark = pytest.mark.posix


def test_a_killed_parent_of_the_stages_is_started_again(tmp_path: Path) -> None:
    processes, log = Processes(), tmp_path / "log"
    (tmp_path / "it.py").write_text("import os; print(os.getppid())", encoding="utf-8")
    for _ in range(2):
        assert processes.run("python it.py", tmp_path, environment(), log) == 0
        parent = int(log.read_text().split()[-1])
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda parent=parent: Path(f"/proc/{parent}/stat").read_text().split()[2] == "Z", 10)
    assert processes.run("exit 3", tmp_path, environment(), log) == 3
    processes.close()
