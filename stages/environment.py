"""Record what the bytes depend on beside the code, the data and the seeds: `python -m stages.environment`.

Another processor, another version of a library or another number of threads rounds differently in the last bits, and
training amplifies that. `reports/environment.json` says where the models were made, so that `python -m stages.verify`
can tell another machine from something that broke. Two runs on one machine leave the same bytes: no clock rates, no
dates.

The stage depends on the models: DVC runs it again when some of their bytes changed, and a machine that repeats them
leaves the record alone. It is that of the machine which last changed a model.
"""

import json
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

ENVIRONMENT = Path("reports/environment.json")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux; py-cpuinfo's sizes depend on the number of cores

LIBRARIES = (
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
"""What the names of the instruction sets that change a sum or a product start with."""

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
    """Name, model and instruction sets of the processor, and the sizes of one core's caches where the system says."""
    import cpuinfo

    info = cpuinfo.get_cpu_info()
    return {
        "name": info.get("brand_raw"),
        "vendor": info.get("vendor_id_raw"),
        "family": info.get("family"),
        "model": info.get("model"),
        "architecture": platform.machine(),
        "instructions": sorted(flag for flag in info.get("flags", []) if ARITHMETIC.match(flag)),
        "caches": caches(CACHES),
    }


def caches(folder: Path) -> dict[str, str]:
    """Sizes of a core's caches by level and type, as Linux writes them: {"L2 Unified": "512K"}; empty elsewhere."""
    sizes = {}
    for index in sorted(folder.glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        sizes[f"L{level} {kind}"] = size
    return sizes


def libraries() -> dict[str, str]:
    """Versions of the libraries, without importing them."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def linear_algebra() -> dict[str, dict[str, Any]]:
    """The libraries of matrix products behind NumPy, SciPy and scikit-learn: kernels, and threads that they use."""
    import scipy.linalg  # noqa: F401 (loads its library)
    import sklearn.utils  # noqa: F401
    from threadpoolctl import threadpool_info

    return {
        f"{found['internal_api']} {found['version'] or ''}".strip(): {
            "kernels" if name == "architecture" else "threads": found[name]
            for name in ("architecture", "num_threads")
            if name in found
        }
        for found in threadpool_info()
    }


def environment() -> Environment:
    """Everything that the bytes depend on, of this machine and this process."""
    return {
        "processor": processor(),
        "operating_system": platform.system(),
        "c_library": " ".join(platform.libc_ver()).strip(),  # its exp and log round
        "python": platform.python_version(),
        "libraries": libraries(),
        "linear_algebra": linear_algebra(),
        "training_threads": TRAINING_THREADS,
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def differences(recorded: Environment, here: Environment) -> list[str]:
    """One line per entry in which two environments differ: `libraries.keras: recorded 3.15.1, here 3.15.2`."""
    one, other = _flat(recorded), _flat(here)
    lines = []
    for place in sorted(one.keys() | other.keys()):
        was, now = one.get(place), other.get(place)
        if isinstance(was, list) and isinstance(now, list) and was != now:
            gone, new = sorted(set(was) - set(now)), sorted(set(now) - set(was))
            lines.append(
                f"{place}: recorded also {' '.join(gone) or 'nothing'}, here also {' '.join(new) or 'nothing'}"
            )
        elif was != now:
            lines.append(f"{place}: recorded {_said(was)}, here {_said(now)}")
    return lines


def _said(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {place: value}
    leaves: dict[str, Any] = {}
    for key, inner in value.items():
        leaves |= _flat(inner, f"{place}.{key}" if place else key)
    return leaves


def main() -> None:
    """Write the record."""
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    ENVIRONMENT.write_text(json.dumps(environment(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
