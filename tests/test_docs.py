"""README and docs/: the programs take their commands, and their examples are valid."""

import argparse
import importlib.util
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from ruamel.yaml import YAML

from stages.documents import read_published, read_studies
from stages.params.overrides import recipes
from stages.params.schema import parse_params, read_params
from stages.params.sweeps import read_sweeps

pytestmark = pytest.mark.catalogue

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_LINES, MAX_COLUMNS = 170, 120

MENTIONED = {
    ("dvc", "exp", "run", "-S"),
    ("dvc", "plots"),
    ("dvc", "remote", "add"),
    ("python", "-m", "tests.trust"),
}
"""Commands that a text names without their arguments."""
NO_ARGUMENTS = {"tests.recompute"}
"""Modules that parse none by argparse."""
ABOUT_OTHER_FILES = {"other.yaml:key=3", "+variants.mine.epochs=5"}
"""Overrides of files that the reader may have."""


def code_of(page: Path) -> Iterator[str]:
    """The code of a page: lines of blocks without comments, continued lines joined, and spans."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ {4,}(.+)$", text, re.MULTILINE):
        yield re.split(r"\s#\s", line)[0]
    yield from re.findall(r"(?<!`)`([^`]+)`(?!`)", text)


def commands(page: Path) -> Iterator[tuple[str, ...]]:
    """The commands of DVC and of the repository's modules on a page, in the words that the shell gives to them."""
    for code in code_of(page):
        for start in re.finditer(r"python -m (?:stages|tests)\.(?=[a-z])|(?<![\w./-])dvc (?=[a-z])", code):
            command = re.split(r" [&|;>]|[&;]", re.sub(r"<(\w+)>", r"\1", code[start.start() :]))[0]
            if "…" not in command:
                yield tuple(shlex.split(command))


COMMANDS = sorted({command for page in PAGES for command in commands(page)} - MENTIONED)
OF_MODULES = [command[2:] for command in COMMANDS if command[0] == "python"]
OF_DVC = [command[1:] for command in COMMANDS if command[0] == "dvc"]
OVERRIDES = {
    override
    for command in COMMANDS
    for option, override in pairwise(command)
    if option == "-S" and override not in ABOUT_OTHER_FILES
}


class Parsed(Exception):  # noqa: N818 (no error)
    """The parser took the arguments but these."""


def left_over(module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the parser of a module take the arguments, and do no more; those that it does not know, or SystemExit."""
    parse_known_args = argparse.ArgumentParser.parse_known_args

    def parse_and_stop(parser: argparse.ArgumentParser, args: list[str] | None = None, namespace: Any = None) -> None:
        raise Parsed(parse_known_args(parser, args, namespace)[1])

    main = importlib.import_module(module).main
    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", parse_and_stop)
        patch.setattr(sys, "argv", [module, *arguments])
        with pytest.raises(Parsed) as parsed:
            main()
    return list(parsed.value.args[0])


def test_the_modules_take_the_commands_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(OF_MODULES) > 30
    for module, *arguments in OF_MODULES:
        if module in NO_ARGUMENTS:
            assert importlib.util.find_spec(module)
        elif module != "stages.stage":  # how to add one
            others = left_over(module, arguments, monkeypatch)
            if module == "stages.sweep":  # it hands them on
                others = left_over("stages.parallel", others, monkeypatch)
            assert others == [], module


def test_an_option_that_a_module_does_not_have_is_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert left_over("stages.configure", ["--chek"], monkeypatch) == ["--chek"]


def test_dvc_takes_the_commands_of_the_docs() -> None:
    assert len(OF_DVC) > 30
    parser = get_main_parser()
    for arguments in OF_DVC:
        parser.parse_args(arguments)
    with pytest.raises(DvcParserError):
        parser.parse_args(["exp", "run", "--ques"])


def test_the_overrides_of_the_docs_fit_params_yaml(tmp_path: Path) -> None:
    assert len(OVERRIDES) > 8
    path = tmp_path / "params.yaml"
    shutil.copyfile(ROOT / "params.yaml", path)
    first_of_grid, *_ = get_hydra_sweeps({str(path): sorted(OVERRIDES)})
    apply_overrides(path, first_of_grid[str(path)])
    dict(recipes(read_params(path)))


def examples() -> dict[str, Any]:
    """The blocks of YAML in the docs, by their first key; of one that several have, the last."""
    found: dict[str, Any] = {}
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            content = yaml.safe_load(block.replace("<name>", "mine"))
            key = next(iter(content))
            found[key] = {**found.get(key, {}), **content[key]} if key in ("variants", "sweeps") else content
    return found


def test_the_examples_of_the_docs_are_valid(tmp_path: Path) -> None:
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    found = examples()
    params["variants"] |= found["variants"]
    params["datasets"] |= found["datasets"]["datasets"]
    assert {"my_variant", "my_network"} <= dict(recipes(parse_params(params))).keys()

    study = tmp_path / "studies.yaml"
    study.write_text(yaml.safe_dump({"mine": found["smaller_hidden_layer"]["smaller_hidden_layer"]}), encoding="utf-8")
    assert len(read_studies(study)["mine"].parts) == 2

    sweeps = tmp_path / "sweeps.yaml"
    sweeps.write_text(yaml.safe_dump({"sweeps": found["sweeps"]}), encoding="utf-8")
    assert read_sweeps(sweeps)["optimizers"].variant == "relu_100_adam"

    published = tmp_path / "published.csv"
    lines = re.search(r"^ {4}document,variant(?:.|\n {4})*", (ROOT / "docs/studies.md").read_text(), re.MULTILINE)
    assert lines is not None
    published.write_text(lines[0].replace("    ", ""), encoding="utf-8")
    assert [value.document for value in read_published(published)] == ["F", "F"]


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_a_readme_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    by_hand = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
    assert [line for line in by_hand.splitlines() if len(line) > MAX_COLUMNS] == []


def test_the_changelog_and_the_citation_have_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    released = re.findall(r"^## (\d\S*) - (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    cited = dict(re.findall(r"^(\S+): (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE))
    assert released[0] == (version, cited["date-released"])
    assert cited["version"] == version


def test_each_page_of_docs_begins_with_what_it_is_for() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "\n\nAfter this page you can " in text or page.suffixes == [".ko", ".md"], page
