"""The commands of people and stages: they are listed, and `--help` explains each with an example."""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stages.__main__ import OF_A_STAGE, summaries

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [path.stem for path in sorted((ROOT / "stages").glob("*.py")) if "def main(" in path.read_text("utf-8")]
COMMANDS.remove("__main__")


def test_all_commands_are_listed_without_tensorflow() -> None:
    program = "import runpy, sys; runpy.run_module('stages', run_name='__main__'); assert 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  (\w+) +\S", done.stdout, re.MULTILINE)
    assert sorted(listed) == COMMANDS == list(summaries())
    stages = OF_A_STAGE.findall((ROOT / "dvc.yaml").read_text("utf-8"))
    assert listed[-len(stages) :] == stages


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[object, ...]]:
    """How each option is used that a parser has got since: its long name, and what its value is called."""
    found: dict[str, tuple[object, ...]] = {}
    add = argparse._ActionsContainer.add_argument

    def noting(self: argparse._ActionsContainer, *names: str, **others: object) -> argparse.Action:
        action = add(self, *names, **others)  # type: ignore[arg-type]
        for name in action.option_strings:
            found[name] = (action.dest, action.metavar, action.nargs, action.type)
        return action

    monkeypatch.setattr(argparse._ActionsContainer, "add_argument", noting)
    return found


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"stages.{command}").main(["--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = help_of(command, capsys)
    assert said.startswith(f"usage: python -m stages.{command} ")
    assert re.search(rf"^ {{4}}python -m stages\.{command}\b", said, re.MULTILINE)


def test_an_option_is_the_same_in_every_command(
    options: dict[str, tuple[object, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for command in COMMANDS:
        options.clear()
        help_of(command, capsys)
        assert {name: how for name, how in options.items() if seen.get(name, how) != how} == {}, command
        seen |= options
    assert {"--jobs", "--name", "--check", "--tls-key"} <= seen.keys()
