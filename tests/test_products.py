"""The order in which XLA adds up matrix products, which decides their last bits; see `xla.block_length`."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from stages.training import xla

pytestmark = pytest.mark.usefixtures("deterministic")


def numbers(*shape: int) -> np.ndarray:
    """Between -1 and 1, of 24 bits: a product of two does not fit into a float32."""
    drawn = np.random.default_rng(sum(shape)).integers(-(2**23), 2**23, size=shape)
    return (drawn / 2**23).astype(np.float32)


def fused(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a * b + c, rounded once to float32, as processors compute it.

    The product is exact in float64. The sum is rounded to odd there, which leaves the second rounding as if it were the
    only one (Boldo and Melquiond 2008): the last bit says whether something was cut off.
    """
    product, c = a.astype(np.float64) * b, c.astype(np.float64)
    total = product + c
    part = total - product
    error = (product - (total - part)) + (c - part)
    even = total.view(np.int64) % 2 == 0
    towards = np.copysign(np.inf, error)
    return np.where((error != 0) & even, np.nextafter(total, towards), total).astype(np.float32)


def in_blocks(a: np.ndarray, b: np.ndarray, length: int) -> np.ndarray:
    """The product of two matrices: the sum of so many products at a time, added to the sum so far."""

    def sum_of(start: int) -> np.ndarray:
        total = np.zeros((len(a), b.shape[1]), dtype=np.float32)
        for number in range(start, min(start + length, len(b))):
            total = fused(a[:, number, None], b[None, number], total)
        return total

    return functools.reduce(np.add, [sum_of(start) for start in range(0, len(b), length)])


@pytest.fixture(params=[True, False], ids=["left to YNNPACK", "in blocks of ours"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the products that YNNPACK sums so on all x86-64 processors, and with ours instead of them, as for ARM."""
    monkeypatch.setattr(xla, "X86", request.param and xla.X86)


def test_a_fused_addition_is_rounded_once() -> None:
    # The product is 1 + 2**-11 + 2**-24, half-way between two float32 numbers but for what is added.
    factor, added = np.full(2, 1 + 2**-12, dtype=np.float32), np.array([2**-60, -(2**-60)], dtype=np.float32)
    assert fused(factor, factor, added).tolist() == [1 + 2**-11 + 2**-23, 1 + 2**-11]


@pytest.mark.usefixtures("where")
@pytest.mark.parametrize(
    ("rows", "products", "columns", "length"),
    [
        (32, 784, 100, 327),  # a batch
        (8, 784, 300, 109),
        (55, 784, 100, 327),  # AVX2 and AVX-512 differ from here to 60 rows
        (61, 784, 100, 512),
        (1000, 784, 100, 512),  # a prediction
        (100, 784, 50, 512),  # AVX2, AVX-512 and ARM differ
        (32, 784, 10, 784),
    ],
)
def test_a_product_is_a_sum_of_blocks(rows: int, products: int, columns: int, length: int) -> None:
    a, b = numbers(rows, products), numbers(products, columns)
    computed = xla.function(tf.matmul, jit_compile=True)(a, b)[:3]
    assert np.array_equal(computed, in_blocks(a[:3], b, length))
    # A control: another order gives other bits.
    other = length // 2
    assert not np.array_equal(computed, in_blocks(a[:3], b, other))


@pytest.mark.usefixtures("where")
@pytest.mark.parametrize(("inputs", "of_x", "of_kernel"), [(30, 600, 54), (300, 512, 512)])
def test_so_are_its_gradients(inputs: int, of_x: int, of_kernel: int) -> None:
    x, kernel, gradient = numbers(600, inputs), numbers(inputs, 600), numbers(600, 600)

    def gradients(x: tf.Tensor, kernel: tf.Tensor, gradient: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            product = tf.matmul(x, kernel)
        return tape.gradient(product, [x, kernel], gradient)

    computed = xla.function(gradients, jit_compile=True)(*map(tf.constant, (x, kernel, gradient)))
    assert np.array_equal(computed[0][:3], in_blocks(gradient[:3], kernel.T, of_x))
    assert np.array_equal(computed[1][:3], in_blocks(x.T[:3], gradient, of_kernel))


def test_blocks_are_what_every_processor_can_do() -> None:
    for rows, columns, transposed in itertools.product((2, 50, 55, 61, 1000), (8, 50, 64, 65, 300), (False, True)):
        length = xla.block_length(rows, columns, transposed)
        assert length * min(64, -(-columns // 16) * 16) <= xla.CACHE  # what copies strips sums a block in one go
        assert rows > 60 or length * columns <= xla.CACHE or transposed
