"""Record the environment that the models were trained in: `python -m stages.environment`.

    python -m stages.environment    # as `dvc repro environment` does

Besides the code, the data and the seeds, the bytes of a model depend on the processor, the versions of the libraries
and the number of threads: each of them rounds differently in the last bits, and training amplifies that. With
`reports/tables/environment.json`, `python -m stages.verify` can tell another machine from a fault. Two runs on one
machine write the same bytes: no clock rates, no dates.

The stage depends on the models: DVC runs it again when some of their bytes changed, and a machine that repeats them
leaves the record alone. It names the machine that last changed a model.
"""

import argparse
import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.artifacts.tables import ENVIRONMENT

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux; py-cpuinfo's sizes depend on the number of cores

PROCESSOR = """
import json, time
from cpuinfo import cpuinfo
cpuinfo.CAN_CALL_CPUID_IN_SUBPROCESS = False
time.sleep = lambda seconds: None
print(json.dumps(cpuinfo._get_cpu_info_internal()))
"""
"""What `cpuinfo.get_cpu_info` does, in a process of its own, which its machine code may end. But it does not measure
the clock rate, for which py-cpuinfo sleeps in one process and waits in a loop in another, a second long."""

LINKED = {"numpy": "_core/_multiarray_umath", "scipy": "linalg/_fblas", "sklearn": "utils/_openmp_helpers"}
"""A module of each package that is linked to its library of matrix products, or of threads."""

LIBRARIES = (
    "deflate",
    "h5py",
    "jinja2",
    "joblib",
    "keras",
    "matplotlib",
    "ml-dtypes",
    "numpy",
    "pandas",
    "pillow",
    "scikit-learn",
    "scipy",
    "tensorflow",
    "tensorflow-cpu",
    "vl-convert-python",
)
"""The libraries that compute or write bytes; those that are not installed are left out."""

ARITHMETIC = re.compile("sse4|avx|fma|f16c|amx|neon|asimd|sve|bf16|i8mm|fphp")
"""First letters of the instruction sets that change a sum or a product."""

TRAINING_THREADS = 1
"""As `stages.training.engine.make_deterministic` sets it."""

VARIABLES = (
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
"""Environment variables that choose other instructions or other kernels; recorded where they are set."""

Environment = dict[str, Any]


def processor() -> dict[str, Any]:
    """Describe the processor: name, model, instruction sets, and sizes of one core's caches if the system tells."""
    info = cpu_info()
    return {
        "name": info.get("brand_raw"),
        "vendor": info.get("vendor_id_raw"),
        "family": info.get("family"),
        "model": info.get("model"),
        "architecture": platform.machine(),
        "instructions": sorted(flag for flag in info.get("flags", []) if ARITHMETIC.match(flag)),
        "caches": caches(CACHES),
    }


def cpu_info() -> dict[str, Any]:
    """Ask py-cpuinfo; empty if it cannot tell."""
    done = subprocess.run([sys.executable, "-c", PROCESSOR], capture_output=True, check=False)
    return {} if done.returncode else json.loads(done.stdout)


def caches(folder: Path) -> dict[str, str]:
    """Read the sizes of a core's caches as Linux writes them: {"L2 Unified": "512K"}; empty on other systems."""
    sizes = {}
    for index in sorted(folder.glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        sizes[f"L{level} {kind}"] = size
    return sizes


def cards() -> list[str]:
    """Describe the kinds of graphics cards that NVIDIA's driver sees; empty without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    done = subprocess.run(query, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        return []
    lines = {tuple(cell.strip() for cell in line.split(",")) for line in done.stdout.splitlines()}
    return sorted(f"{name}, driver {driver}, compute capability {capability}" for name, driver, capability in lines)


def libraries() -> dict[str, str]:
    """Look up the versions of the libraries, without importing them."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def linear_algebra() -> dict[str, dict[str, Any]]:
    """Describe the libraries of matrix products behind NumPy, SciPy and scikit-learn: kernels and threads."""
    from threadpoolctl import threadpool_info

    for package, module in LINKED.items():
        load(package, module)
    return {
        f"{found['internal_api']} {found['version'] or ''}".strip(): {
            "kernels" if name == "architecture" else "threads": found[name]
            for name in ("architecture", "num_threads")
            if name in found
        }
        for found in threadpool_info()
    }


def load(package: str, module: str) -> None:
    """Load a module in C, and the libraries that it is linked to, without importing its package, which takes a second.

    module: its path in the package, without the ending.
    """
    found = find_spec(package)
    folder = Path(found.origin if found and found.origin else package).parent
    try:
        ctypes.CDLL(str(folder / f"{module}{EXTENSION_SUFFIXES[0]}"))
    except OSError:  # Windows: the package says where its libraries are
        import_module(f"{package}.{Path(module).parent}")


def environment() -> Environment:
    """Describe this machine and this process, as far as bytes depend on them."""
    return {
        "processor": processor(),
        "operating_system": platform.system(),
        "c_library": " ".join(platform.libc_ver()).strip(),  # its exp and log round
        "python": platform.python_version(),
        "libraries": libraries(),
        "linear_algebra": linear_algebra(),
        "training_threads": TRAINING_THREADS,
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        **({"cards": found} if (found := cards()) else {}),
    }


def environment_differences(recorded: Environment, here: Environment) -> list[str]:
    """Compare two environments, one line per entry: `libraries.keras: recorded 3.15.1, here 3.15.2`."""
    one, other = _entries(recorded), _entries(here)
    lines = []
    for place in sorted(one.keys() | other.keys()):
        was, now = one.get(place), other.get(place)
        if isinstance(was, list) and isinstance(now, list) and was != now:
            gone, new = sorted(set(was) - set(now)), sorted(set(now) - set(was))
            lines.append(
                f"{place}: recorded also {' '.join(gone) or 'nothing'}, here also {' '.join(new) or 'nothing'}"
            )
        elif was != now:
            lines.append(f"{place}: recorded {_shown_entry(was)}, here {_shown_entry(now)}")
    return lines


def _shown_entry(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)


def _entries(value: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {place: value}
    entries: dict[str, Any] = {}
    for key, inner in value.items():
        entries |= _entries(inner, f"{place}.{key}" if place else key)
    return entries


def main(arguments: list[str] | None = None) -> None:
    """Write the record."""
    argparse.ArgumentParser(
        prog="python -m stages.environment", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(environment(), indent=1, sort_keys=True)
    ENVIRONMENT.write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
