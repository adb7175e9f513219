"""Settings of XLA: the same bits for nets of Dense layers on all x86-64 processors, and a fast random generator.

By default XLA decides by processor in three places, and each choice rounds differently: approximations of some
functions (reciprocal square root among them), the code of its own loops, and a matrix product with a transposed left
side, which it hands to a library that picks its kernels by instruction set and its blocks by cache size. The gradient
of every Dense layer has such a product. (Convolutions go to such a library too; that is not changed here.) Instruction
sets beyond AVX2 (2013) are not used.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

FLAGS = (
    "--xla_cpu_enable_platform_dependent_math=false",
    "--xla_backend_extra_options=xla_cpu_disable_platform_dependent_math",
    "--xla_cpu_parallel_codegen_split_count=1",  # for one thread: parts that are compiled apart take longer in all
    *(["--xla_cpu_max_isa=AVX2"] if platform.machine() in ("x86_64", "AMD64") else []),
)


def set_flags() -> None:
    """Let XLA compute functions alike on x86-64 processors. Call it before TensorFlow is imported."""
    given = os.environ.get("XLA_FLAGS", "").split()
    os.environ["XLA_FLAGS"] = " ".join([*given, *(flag for flag in FLAGS if flag not in given)])


@contextmanager
def tracing() -> Iterator[None]:
    """Trace operations for XLA alone.

    Gradients of matrix products keep the transposition apart from the product. Random numbers come from ThreeFry (as in
    JAX), 50 times faster than what XLA chooses by itself; without XLA TensorFlow has Philox alone.

    TensorFlow has no public way to do either; it is pinned, and tests hold what this relies on.
    """
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops import gen_xla_ops
    from tensorflow.python.framework.ops import gradient_registry
    from tensorflow.python.ops import random_ops_util

    products = gradient_registry._registry["MatMul"]
    gradients_of_products = products["type"]
    key_counter_and_algorithm = random_ops_util.get_key_counter_alg

    def gradients(op: tf.Operation, gradient: tf.Tensor) -> Any:
        if op.get_attr("transpose_a") or op.get_attr("transpose_b"):
            return gradients_of_products(op, gradient)
        x, kernel = op.inputs
        # Without the barrier XLA would join the two again.
        (transposed,) = gen_xla_ops.xla_optimization_barrier([tf.transpose(x)])
        return tf.matmul(gradient, kernel, transpose_b=True), tf.matmul(transposed, gradient)

    def with_threefry(seed: Any, alg: Any) -> Any:
        return key_counter_and_algorithm(seed, "threefry" if alg in (None, "auto_select") else alg)

    with (
        patch.dict(products, {"type": gradients}),
        patch.object(random_ops_util, "get_key_counter_alg", with_threefry),
    ):
        yield
