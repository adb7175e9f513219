"""Settings of XLA: the same bits for nets of Dense layers on all x86-64 processors, and a fast random generator.

By default XLA decides by processor in three places, and each choice rounds differently: approximations of some
functions (reciprocal square root among them), the code of its own loops, and the libraries that compute matrix
products. Nearly all products go to YNNPACK, which picks its kernels by instruction set; the first flag makes it sum in
the same order with most of them, and `block_length` says what is left. A product with a transposed left side, as in the
gradient of every Dense layer, goes to a library whose blocks follow the cache sizes. (Convolutions go to such a library
too; that is not changed here.) Instruction sets beyond AVX2 (2013) are not used.

On ARM (64 bits) these products have the same bits, and so have functions of each element, sums of columns over the rows
of a batch, and drawing: all that the weights and the predictions of most nets need. Two kinds of sums differ in their
last bits, as LLVM is free to order them and does so by the width of registers, 8 numbers with AVX2 and 4 there: those
of a loop (the losses in a history, a norm over all gradients, batch normalization, the gradient of PReLU), and products
with one row or column (a net with a single output).
"""

import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce, wraps
from operator import add
from typing import Any
from unittest.mock import patch

X86 = platform.machine() in ("x86_64", "AMD64")
ARM = platform.machine() in ("aarch64", "arm64")
OPTIONS = ("xla_cpu_disable_platform_dependent_math", *(["-unroll-threshold-default=300"] if ARM else []))
FLAGS = (
    "--xla_cpu_enable_platform_dependent_math=false",
    f"--xla_backend_extra_options={','.join(OPTIONS)}",
    "--xla_cpu_parallel_codegen_split_count=1",  # for one thread: parts that are compiled apart take longer in all
    *(["--xla_cpu_max_isa=AVX2"] if X86 else []),
    # On LLVM's highest level another product of a * b - c * d stays unrounded on ARM than on x86-64. The threshold
    # above is that level's, so that the same loops are unrolled.
    *(["--xla_backend_optimization_level=2"] if ARM else []),
)
CACHE = 32768
"""So many float32 numbers are in the second-level cache for which YNNPACK orders its sums, on every processor."""


def set_flags(*more: str) -> None:
    """Let XLA compute functions alike on x86-64 processors. Call it before TensorFlow is imported. more: flags, too."""
    given = os.environ.get("XLA_FLAGS", "").split()
    os.environ["XLA_FLAGS"] = " ".join([*given, *(flag for flag in (*FLAGS, *more) if flag not in given)])


def function(computation: Callable[..., Any], jit_compile: bool) -> Any:
    """Make a graph of a computation on tensors by `tf.function`; if XLA compiles it, it is traced in `tracing`."""
    import tensorflow as tf

    @wraps(computation)
    def traced(*arguments: Any) -> Any:
        with tracing() if jit_compile else nullcontext():
            return computation(*arguments)

    return tf.function(traced, jit_compile=jit_compile, autograph=False)


def block_length(rows: int, columns: int, transposed: bool) -> int:
    """Give the number of products that YNNPACK adds before it adds their sum to the sum so far.

    rows: of the left side; columns: of the right side, which is `transposed` or not. A right side for few rows is used
    where it is, with all its columns; another is copied in strips. Where processors differ, this is one that all can
    do: with AVX2 few rows are up to 60, with AVX-512 up to 50, ARM copies always; narrow strips are multiples of 8, 16
    and 4 columns wide.
    """
    in_place = rows <= 60 and columns > 64 and not transposed
    return CACHE // (columns if in_place else min(64, math.ceil(columns / 16) * 16))


def _in_blocks_already(rows: int, columns: int) -> bool:
    return X86 and columns >= 64 and not 50 < rows <= 60


@contextmanager
def tracing() -> Iterator[None]:
    """Trace operations for XLA alone.

    Matrix products are sums of products of blocks where YNNPACK would sum otherwise on some processors, and their
    gradients keep the transposition apart from the product. Random numbers come from ThreeFry (as in JAX), 50 times
    faster than what XLA chooses by itself; without XLA TensorFlow has Philox alone.

    TensorFlow has no public way to do either; it is pinned, and tests hold what this relies on.
    """
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops import gen_xla_ops
    from tensorflow.python.ops import gen_math_ops, random_ops_util

    mat_mul = gen_math_ops.mat_mul
    key_counter_and_algorithm = random_ops_util.get_key_counter_alg

    def in_blocks(a: tf.Tensor, b: tf.Tensor, transposed: bool = False) -> tf.Tensor:
        (rows, products), columns = a.shape, b.shape[0 if transposed else 1]
        if None in (rows, products, columns) or 1 in (rows, columns) or a.dtype != tf.float32:
            return mat_mul(a, b, transpose_b=transposed)
        length = block_length(rows, columns, transposed)
        if not 0 < length < products or _in_blocks_already(rows, columns):
            return mat_mul(a, b, transpose_b=transposed)
        blocks = [slice(start, start + length) for start in range(0, products, length)]
        rights = [b[:, block] if transposed else b[block] for block in blocks]
        lefts = [a[:, block] for block in blocks]
        return reduce(add, [mat_mul(*sides, transpose_b=transposed) for sides in zip(lefts, rights, strict=True)])

    @tf.custom_gradient
    def product(x: tf.Tensor, kernel: tf.Tensor) -> Any:
        def gradients(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # Without the barrier XLA would join the two again.
            (transposed,) = gen_xla_ops.xla_optimization_barrier([tf.transpose(x)])
            return in_blocks(gradient, kernel, transposed=True), in_blocks(transposed, gradient)

        return in_blocks(x, kernel), gradients

    def product_of(
        a: tf.Tensor, b: tf.Tensor, transpose_a: bool = False, transpose_b: bool = False, **others: Any
    ) -> tf.Tensor:
        if transpose_a or transpose_b:
            return mat_mul(a, b, transpose_a, transpose_b, **others)
        return product(a, b)

    def with_threefry(seed: Any, alg: Any) -> Any:
        return key_counter_and_algorithm(seed, "threefry" if alg in (None, "auto_select") else alg)

    with (
        patch.object(gen_math_ops, "mat_mul", product_of),
        patch.object(random_ops_util, "get_key_counter_alg", with_threefry),
    ):
        yield
