"""Where the nets of a process run: on the processor, or on one graphics card.

Other hardware gives other bits. So `import_tensorflow` hides all cards: TensorFlow with CUDA changes no byte of a
training on the processor. A recipe with `device: gpu` gives the bits of this kind of card, its driver and its CUDA.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import gettempdir
from time import sleep

from stages.training.recipe import Recipe

CPU, GPU = "cpu", "gpu"
FLAGS = {CPU: (), GPU: ("--xla_gpu_deterministic_ops=true",)}
"""Of XLA: on a card it takes the same kernels each time, without trying which is fastest, and none that adds in any
order. TensorFlow for processors alone does not know the flag."""
LOCKS = Path(gettempdir())
SECONDS_BETWEEN_LOOKS = 0.2


def of(recipe: Recipe) -> str:
    """Give the device of a recipe: a recipe for the processor names none."""
    return recipe.get("device", CPU)


@contextmanager
def on(device: str) -> Iterator[None]:
    """Let TensorFlow, which has done nothing yet, see one card that no other training has, or the processor alone.

    Raises: ValueError for a card where there is none.
    """
    if device == CPU:  # as `import_tensorflow` leaves it
        yield
        return
    import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        raise ValueError(
            "device: expected a graphics card that TensorFlow sees, got none; `-S device=cpu`, or the dependency group "
            "gpu and a driver (docs/reproducibility.md, A GPU)"
        )
    with ExitStack() as stack:
        number = stack.enter_context(_free_card(len(cards)))
        tf.config.set_visible_devices([cards[number]], "GPU")
        tf.config.experimental.set_memory_growth(cards[number], True)
        tf.config.experimental.enable_tensor_float_32_execution(False)  # it would round products to ten bits
        yield


@contextmanager
def _free_card(cards: int) -> Iterator[int]:
    """Give the number of a card that no other training of this machine has; wait until there is one."""
    import fcntl  # TensorFlow has no cards on Windows

    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = seen.split(",") if seen else [str(number) for number in range(cards)]
    while True:
        for number in range(cards):
            with (LOCKS / f"training-on-card-{names[number].replace('/', '_')}.lock").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield number
                return
        sleep(SECONDS_BETWEEN_LOOKS)
