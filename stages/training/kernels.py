"""OpenBLAS's kernels: one set for all x86-64 processors, so that estimators get the same bits.

By default OpenBLAS picks kernels by processor, and each sums in a different order. The kernels called Haswell run on
every processor with AVX2 (2013), the instruction set that XLA is limited to as well; see `stages.training.xla`.
"""

import os
import sys

from threadpoolctl import threadpool_info

VARIABLE = "OPENBLAS_CORETYPE"
SHARED = "Haswell"
LATER = frozenset({"Zen", "SkylakeX", "Cooperlake", "Sapphirerapids"})
"""OpenBLAS's names for kernels of processors that have AVX2 too."""


def chosen() -> set[str]:
    """Name the kernels of every OpenBLAS that is loaded."""
    return {library["architecture"] for library in threadpool_info() if library["internal_api"] == "openblas"}


def share() -> None:
    """Start this process again with the shared kernels, unless it has them or the processor may not have AVX2.

    OpenBLAS reads the variable when it is loaded, and by now it is. If it is set already it stays as it is: set it to
    Haswell for a debugger, which a new start would shake off. Only where a process can be replaced (POSIX).
    """
    if os.name == "posix" and VARIABLE not in os.environ and chosen() & LATER:
        os.environ[VARIABLE] = SHARED
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (no shell is meant)
