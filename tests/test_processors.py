"""The same bytes on other processors, as far as one machine can show: everything that XLA compiles."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import pytest
from small import files_below, split_of, store

from stages.training import kernels
from stages.training.recipe import Recipe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="another kind of processor"),
]

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (os.path.realpath(sys.executable),)
PACKAGES = Path(keras.__file__).resolve().parents[1]

# A whole training at the sizes of our nets: products of every layout, a reciprocal square root, drawing, validation,
# prediction. Prints the MD5 of the model, of the predictions and of the history.
PROGRAM = """
import sys, tempfile
from hashlib import md5
from pathlib import Path
from stages.training import import_tensorflow
import_tensorflow()
from stages.training.engine import make_deterministic
make_deterministic()
from small import recipe_of, split_of, train_once
layers = {
    "hidden": {"class": "Dense", "units": 100, "activation": "selu"},
    "normalization": {"class": "BatchNormalization"},
    "dropout": {"class": "Dropout", "rate": 0.3},
    "output": {"class": "Dense", "units": 10, "activation": "softmax"},
}
if sys.argv[2] == "False":
    del layers["normalization"]
loss, metrics = {"class": "SparseCategoricalCrossentropy"}, {"accuracy": {"class": "SparseCategoricalAccuracy"}}
optimizer = {"class": "Adam", "learning_rate": 0.01}  # it takes roots, and divides
compiled = sys.argv[1] == "True"
recipe = recipe_of(layers, optimizer=optimizer, loss=loss, metrics=metrics, batch_size=32, jit_compile=compiled)
with tempfile.TemporaryDirectory() as folder:
    left = train_once(recipe, split_of(rows=200, classes=10, shape=(784,)), Path(folder))
    print("model", md5((Path(folder) / "model.keras").read_bytes()).hexdigest())
    print("predictions", md5(b"".join(each.tobytes() for each in left.predictions.values())).hexdigest())
    print("history", md5(repr(left.history).encode()).hexdigest())
"""


def hashes(
    jit_compile: bool = True,
    normalization: bool = True,
    python: Sequence[str] = PYTHON,
    packages: Path = PACKAGES,
    before: str = "",
    **variables: str,
) -> list[str]:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", packages)))
    done = subprocess.run(
        [*python, "-c", before + PROGRAM, str(jit_compile), str(normalization)],
        # Not the flags of the tests' own process: the stages are to set them.
        env={**os.environ, "XLA_FLAGS": "", "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()[-3:]  # a slow training says how far it is before
    assert [line.split()[0] for line in lines] == ["model", "predictions", "history"]
    return lines


@pytest.fixture(scope="module")
def here() -> list[str]:
    return hashes()


def test_kernels_for_other_instructions_change_no_byte_of_what_is_compiled(here: list[str]) -> None:
    assert hashes(ONEDNN_MAX_CPU_ISA="SSE41") == here


def test_they_do_change_what_is_not_compiled() -> None:
    # A control: the library that is told to use other kernels is one that these products reach.
    assert hashes(jit_compile=False, ONEDNN_MAX_CPU_ISA="SSE41")[0] != hashes(jit_compile=False)[0]


needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-x86_64") is None, reason="QEMU's user-mode emulation is not installed"
)


@needs_emulator
def test_emulated_processors_give_the_bytes_of_this_one(here: list[str]) -> None:
    for processor in ("Haswell", "EPYC"):
        assert hashes(python=("qemu-x86_64", "-cpu", processor, *PYTHON)) == here


ARM64 = os.environ.get("ARM64", "")
"""A folder with a Python for ARM and the locked packages; CONTRIBUTING.md says how to make it."""


UNLIMITED = "from stages.training import xla; xla.CACHE = 2**40"  # no product is computed in blocks of ours


@pytest.mark.skipif(
    not (ARM64 and shutil.which("qemu-aarch64")),
    reason="QEMU's user-mode emulation of ARM, or a Python for ARM in the folder $ARM64, is not installed",
)
@pytest.mark.parametrize("processor", ["neoverse-n1", "max"])  # the second has instructions for products (SME)
def test_emulated_arm_processors_give_the_model_and_the_predictions_of_this_one(processor: str) -> None:
    def on_arm(before: str = "") -> list[str]:
        python = ("qemu-aarch64", "-cpu", processor, "-L", ARM64, f"{ARM64}/usr/bin/python3.11")
        return hashes(normalization=False, python=python, packages=Path(ARM64, "packages"), before=before)[:2]

    # Neither the history, whose losses XLA sums in the order of the processor, nor a normalization over the batch.
    here = hashes(normalization=False)[:2]
    assert on_arm() == here
    # A control: these products do differ.
    assert on_arm(UNLIMITED) != here


def left_by_an_estimator(root: Path, **variables: str) -> dict[str, bytes]:
    recipe: Recipe = {
        "seed": 3,
        "seeds": 1,
        "dataset": "housing",
        "split": "single",
        "estimator": {"class": "LinearRegression"},
    }
    store(recipe, split_of(rows=5000), root)
    kept = {name: value for name, value in os.environ.items() if name != kernels.VARIABLE}
    done = [sys.executable, "-m", "stages.train", "it"]
    subprocess.run(done, cwd=root, env={**kept, "PYTHONPATH": str(ROOT), **variables}, check=True)
    return files_below(root)


@pytest.mark.skipif(not kernels.chosen() & {*kernels.LATER, kernels.SHARED}, reason="no processor with AVX2")
def test_an_estimator_gets_the_bytes_of_the_shared_kernels_unless_told_otherwise(tmp_path: Path) -> None:
    left = left_by_an_estimator(tmp_path / "by itself")
    assert left_by_an_estimator(tmp_path / "shared", OPENBLAS_CORETYPE=kernels.SHARED) == left
    # A control: other kernels do change them.
    assert left_by_an_estimator(tmp_path / "others", OPENBLAS_CORETYPE="Nehalem") != left
