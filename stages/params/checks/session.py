"""Building models that nobody trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from keras.src.backend.common import global_state


@contextmanager
def session() -> Iterator[None]:
    """Number the names of layers anew afterwards, and forget weights that were not drawn.

    So does `clear_session`, but then TensorFlow forgets its kernels, and four steps take the time of ten.
    """
    try:
        yield
    finally:
        for name in ("object_name_uids", "uninitialized_variables"):
            global_state.set_global_attribute(name, None)
