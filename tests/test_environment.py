import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cpuinfo
import pytest

from stages import environment

ROOT = Path(__file__).resolve().parents[1]
RECORDED: dict[str, Any] = {
    "processor": {"name": "one", "instructions": ["avx2", "fma"], "caches": {"L2 Unified": "512K"}},
    "libraries": {"keras": "3.15.1"},
    "training_threads": 1,
    "variables": {},
}


@pytest.fixture(scope="module")
def here() -> environment.Environment:
    return environment.environment()


def run(folder: Path, **variables: str) -> bytes:
    found = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    subprocess.run([sys.executable, "-m", "stages.environment"], cwd=folder, env=found, check=True)
    return (folder / environment.ENVIRONMENT).read_bytes()


def test_two_processes_leave_the_same_bytes(
    tmp_path: Path, here: environment.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = run(tmp_path, PYTHONHASHSEED="1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "environment", lambda: here)
    environment.main([])
    assert environment.ENVIRONMENT.read_bytes() == other
    assert environment.environment_differences(json.loads(other), here) == []


def test_the_record_names_what_the_bytes_depend_on(here: environment.Environment) -> None:
    assert here["processor"]["architecture"]
    assert here["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"keras", "numpy", "scikit-learn", "pandas", "matplotlib", "h5py"} <= here["libraries"].keys()
    assert any(name.startswith("tensorflow") for name in here["libraries"])


def test_the_record_holds_no_clock_rate_and_no_path(here: environment.Environment) -> None:
    text = json.dumps(here).lower()
    assert str(Path.home()).lower() not in text
    assert str(ROOT).lower() not in text


def test_every_library_that_is_named_is_installed(here: environment.Environment) -> None:
    one_of_two = {"tensorflow", "tensorflow-cpu"}
    assert here["libraries"].keys() - one_of_two == set(environment.LIBRARIES) - one_of_two


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (
            ["avx", "avx2", "avx512f", "avx512_vnni", "fma", "f16c"],
            ["avx", "avx2", "avx512_vnni", "avx512f", "f16c", "fma"],
        ),
        (["aes", "smep", "lm", "sse4_2"], ["sse4_2"]),
        (["asimd", "asimddp", "sve", "crc32"], ["asimd", "asimddp", "sve"]),
    ],
)
def test_the_instruction_sets_of_arithmetic_are_kept(
    flags: list[str], kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "cpu_info", lambda: {"flags": flags, "hz_actual_friendly": "2.4 GHz"})
    assert environment.processor()["instructions"] == kept


def test_the_processor_is_as_the_library_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = environment.processor()
    monkeypatch.setattr(environment, "cpu_info", cpuinfo.get_cpu_info)
    assert own["name"]
    assert environment.processor() == own


def test_a_processor_of_which_nothing_is_told_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PROCESSOR", "raise SystemExit(1)")
    assert (environment.processor()["name"], environment.processor()["instructions"]) == (None, [])


def test_the_libraries_of_matrix_products_are_those_that_the_packages_load() -> None:
    code = (
        "import sys; from stages.environment import linear_algebra; found = linear_algebra()\n"
        "assert not {'scipy', 'sklearn'} & sys.modules.keys()\n"
        "import scipy.linalg, sklearn.utils; assert len(found) > 1 and linear_algebra() == found, found"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_library_that_cannot_be_loaded_alone_comes_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError(path)

    imported: list[str] = []
    monkeypatch.setattr(environment.ctypes, "CDLL", refuse)
    monkeypatch.setattr(environment, "import_module", imported.append)
    environment.load("scipy", "linalg/_fblas")
    assert imported == ["scipy.linalg"]


def test_the_caches_are_those_of_one_core(tmp_path: Path) -> None:
    for index, values in enumerate((("1", "Data", "32K"), ("2", "Unified", "512K"))):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, value in zip(("level", "type", "size"), values, strict=True):
            (folder / name).write_text(f"{value}\n")
    assert environment.caches(tmp_path) == {"L1 Data": "32K", "L2 Unified": "512K"}
    assert environment.caches(tmp_path / "absent") == {}


def test_a_variable_that_chooses_kernels_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert environment.environment()["variables"]["TF_ENABLE_ONEDNN_OPTS"] == "0"


@pytest.mark.usefixtures("deterministic")
def test_the_threads_are_those_that_the_engine_sets() -> None:
    import tensorflow as tf

    assert tf.config.threading.get_intra_op_parallelism_threads() == environment.TRAINING_THREADS
    assert tf.config.threading.get_inter_op_parallelism_threads() == environment.TRAINING_THREADS


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"libraries": {"keras": "3.15.2"}}, "libraries.keras: recorded 3.15.1, here 3.15.2"),
        ({"libraries": {"keras": "3.15.1", "scipy": "1.17"}}, "libraries.scipy: recorded nothing, here 1.17"),
        ({"training_threads": 2}, "training_threads: recorded 1, here 2"),
        (
            {"processor": RECORDED["processor"] | {"instructions": ["avx2", "avx512f"]}},
            "processor.instructions: recorded also fma, here also avx512f",
        ),
        ({"variables": {"XLA_FLAGS": "-x"}}, "variables.XLA_FLAGS: recorded nothing, here -x"),
    ],
)
def test_a_difference_says_what_was_recorded_and_what_is_here(change: dict[str, Any], line: str) -> None:
    assert environment.environment_differences(RECORDED, RECORDED | change) == [line]


def test_equal_environments_do_not_differ() -> None:
    assert environment.environment_differences(RECORDED, json.loads(json.dumps(RECORDED))) == []
