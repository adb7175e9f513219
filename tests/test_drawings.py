"""A picture is drawn again when what it shows has changed, and only then; so it is with the script of the charts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert

from stages import plot
from stages.datasets.spec import spec_of
from stages.memo import Memo
from stages.reporting import code, drawings, stored, vega
from stages.reporting.drawings import Drawing, Stored

INPUTS = np.linspace(-4, 4, 9)
ACTIVATIONS = pd.DataFrame({"input": INPUTS, "tanh": np.tanh(INPUTS)})
WORST = pd.DataFrame({"actual": ["Coat", "Bag"], "predicted": ["Bag", "Coat"]})
WORST[["probability_actual", "probability_predicted"]] = [0.2, 0.8]

FUNCTIONS = Drawing("keras_functions.activations", (ACTIVATIONS,))
IMAGES = Drawing("classification.worst_images", ("it", WORST, Stored(stored.images, ("fashion_mnist", [0, 1]), "1")))


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test see versions and code as they are, and images without a file."""
    monkeypatch.setattr(stored, "raw", lambda dataset: spec_of(dataset).blank())
    caches = (drawings.versions, code.hash_of_code, code._imported, code._files_of)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


class Run:
    """Runs of the stage in a folder, and what they drew."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.memo = folder, Memo(folder / "memo")
        self.drawn: list[str] = []
        draw_and_save = plot.draw_and_save

        def noted(path: Path, draw: plot.Draw) -> None:
            self.drawn.append(path.stem)
            draw_and_save(path, draw)

        monkeypatch.setattr(plot, "draw_and_save", noted)

    def __call__(self, **figures: Drawing) -> tuple[list[str], dict[str, bytes]]:
        """Names that are drawn, and the pictures that are there."""
        self.drawn = []
        plot.draw_changed([(self.folder / f"{name}.png", drawing) for name, drawing in figures.items()], self.memo)
        return self.drawn, {name: (self.folder / f"{name}.png").read_bytes() for name in figures}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_a_kept_picture_has_the_bytes_of_one_that_is_drawn(run: Run, tmp_path: Path) -> None:
    both = {"functions": FUNCTIONS, "images": IMAGES}
    drawn, first = run(**both)
    assert drawn == ["functions", "images"]
    assert run(**both) == ([], first)
    for name, drawing in both.items():
        plot.draw_all([(tmp_path / "anew.png", drawing)])
        assert (tmp_path / "anew.png").read_bytes() == first[name]


CHANGED: dict[str, tuple[Any, ...]] = {
    "a text": ("other", *IMAGES.arguments[1:]),
    "a number": ("it", WORST.replace(0.2, 0.1), IMAGES.arguments[2]),
    "what is read": ("it", WORST, Stored(stored.images, ("fashion_mnist", [0, 2]), "1")),
    "the files": ("it", WORST, Stored(stored.images, ("fashion_mnist", [0, 1]), "2")),
}


@pytest.mark.parametrize("change", CHANGED)
def test_another_argument_draws_that_picture_alone(run: Run, change: str) -> None:
    run(functions=FUNCTIONS, images=IMAGES)
    assert run(functions=FUNCTIONS, images=replace(IMAGES, arguments=CHANGED[change]))[0] == ["images"]


def test_another_order_is_another_picture() -> None:
    one, other = (dict.fromkeys(names, 0) for names in (("a", "b"), ("b", "a")))
    assert one == other
    assert Drawing("rates.schedules", (one,)).key() != Drawing("rates.schedules", (other,)).key()


def test_another_version_of_a_library_draws_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(functions=FUNCTIONS, images=IMAGES)
    drawings.versions.cache_clear()
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0" if name == "pillow" else version(name))
    assert run(functions=FUNCTIONS, images=IMAGES)[0] == ["functions", "images"]


def test_other_code_draws_what_it_draws(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(functions=FUNCTIONS, images=IMAGES)
    hash_of_code = code.hash_of_code
    for module, name in ((FUNCTIONS.module, "functions"), (IMAGES.module, "images"), (stored.__name__, "images")):
        other = {module: "other"}
        monkeypatch.setattr(drawings, "hash_of_code", lambda each, other=other: other.get(each) or hash_of_code(each))
        assert run(functions=FUNCTIONS, images=IMAGES)[0] == [name]


FILES = {
    "__init__.py": "",
    "words/__init__.py": "PATH = __file__",
    "words/en.yaml": "yes: Yes",
    "words/ko/unread.txt": "",
    "datasets/__init__.py": "",
    "datasets/spec.py": "",
    "datasets/it.py": "",
    "beside/__init__.py": "",
    "beside/unread.txt": "",
    "beside/reads.py": "def later():\n    from stages import words",
    "beside/shapes.py": "import stages.datasets.spec",
    "beside/both.py": "from stages.beside import reads\nfrom stages.beside.shapes import spec",
    "beside/alone.py": "import ast",
}
USERS = {
    "words/en.yaml": {"reads", "both"},
    "words/ko/unread.txt": set(),
    "words/__init__.py": {"reads", "both"},
    "datasets/it.py": {"shapes", "both"},
    "beside/shapes.py": {"shapes", "both"},
    "beside/__init__.py": {"reads", "shapes", "both", "alone"},
    "beside/unread.txt": set(),
    "beside/alone.py": {"alone"},
}


@pytest.mark.parametrize("changed", USERS)
def test_code_is_what_a_module_imports_and_the_data_beside_it(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "ROOT", tmp_path)

    def hashes() -> dict[str, str]:
        for each in (code.hash_of_code, code._imported, code._files_of):
            each.cache_clear()
        return {name: code.hash_of_code(f"stages.beside.{name}") for name in ("reads", "shapes", "both", "alone")}

    for name, content in FILES.items():
        path = tmp_path / "stages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    before = hashes()
    with (tmp_path / "stages" / changed).open("a", encoding="utf-8") as file:
        file.write("\n# more")
    after = hashes()
    assert {name for name in before if before[name] != after[name]} == USERS[changed]


def test_the_words_are_code_of_what_draws_words() -> None:
    files = {
        module: {file.name for name in closure(module) for file in code._files_of(name)}
        for module in (FUNCTIONS.module, "stages.reporting.figures.cost", "stages.reporting.stored")
    }
    assert {"en.yaml", "ko.yaml", "housing.py", "cost.py"} <= files["stages.reporting.figures.cost"]
    assert "strands.py" in files[FUNCTIONS.module]
    assert {"splits.py", "fashion_mnist.py"} <= files["stages.reporting.stored"]


def closure(module: str) -> set[str]:
    found, waiting = set(), {module}
    while waiting:
        found |= waiting
        waiting = {name for each in waiting for name in code._imported(each)} - found
    return found


KEYS = """
import sys
from test_drawings import FUNCTIONS, IMAGES
print(FUNCTIONS.key(), IMAGES.key(), "matplotlib" in sys.modules)
"""


def test_a_key_is_the_same_in_every_process_and_needs_no_matplotlib() -> None:
    path = os.pathsep.join(map(str, (code.ROOT, Path(__file__).parent)))
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", KEYS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [FUNCTIONS.key(), IMAGES.key(), "False"]


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-9], lambda content: content[:0], None])
def test_a_damaged_picture_is_drawn_again(run: Run, damage: Any) -> None:
    _, first = run(images=IMAGES)
    (path,) = (run.folder / "memo").iterdir()
    whole = path.read_bytes()
    path.unlink() if damage is None else path.write_bytes(damage(whole))
    assert run(images=IMAGES) == (["images"], first)
    assert path.read_bytes() == whole


def test_the_script_of_the_charts_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def javascript_bundle(_: str, vl_version: str) -> str:
        made.append(vl_version)
        return "script"

    monkeypatch.setattr(vl_convert, "javascript_bundle", javascript_bundle)
    memo = Memo(tmp_path)
    assert [vega.bundle(memo).script for _ in range(2)] == ["script", "script"]
    assert made == [vega.VEGA_LITE]
    monkeypatch.setattr(metadata, "version", lambda _: "0")
    vega.bundle(memo)
    vega.bundle()
    assert len(made) == 3
