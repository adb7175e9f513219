"""Classes of Keras that a recipe has no use for, and why."""

from types import ModuleType

from stages.training.recipe import Spec

_SEVERAL_INPUTS = "a layer of one input (layers of several inputs need a graph)"
_CELL = "RNN with it as its cell"
_TEXT = "a layer of numbers, not of text"

UNUSABLE: dict[str, dict[str, str]] = {
    "keras.layers": {
        **dict.fromkeys(("Add", "Average", "Concatenate", "Dot", "Maximum"), _SEVERAL_INPUTS),
        **dict.fromkeys(("Minimum", "Multiply", "Subtract", "HashedCrossing"), _SEVERAL_INPUTS),
        **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention"), _SEVERAL_INPUTS),
        **dict.fromkeys(("GroupQueryAttention", "GroupedQueryAttention"), _SEVERAL_INPUTS),
        **dict.fromkeys(("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"), _CELL),
        **dict.fromkeys(("StringLookup", "TextVectorization"), _TEXT),
        **dict.fromkeys(("InputLayer", "Input"), "no layer for the input: the data give its shape"),
        "Sequential": "a block of layers, {layers: {<name>: {class: <name>, …}, …}}",
        "Wrapper": "a layer that computes something, and no base of others",
        "Lambda": "a layer of your own in custom_objects instead of a function",
        "TFSMLayer": "a layer that needs no file",
        "FlaxLayer": "a layer that needs no JAX",
        "JaxLayer": "a layer that needs no JAX",
        "TorchModuleWrapper": "a layer that needs no PyTorch",
    },
    "keras.dtype_policies": dict.fromkeys(("AWQDTypePolicy", "GPTQDTypePolicy"), "a policy with which layers train"),
    "keras.optimizers": {"MultiOptimizer": "one optimizer for all layers"},
    "keras.metrics": dict.fromkeys(("Mean", "Sum"), "a metric that compares predictions with targets"),
    "keras.losses": {"CTC": "a loss of one value or class for each row, not of sequences"},
    "keras.callbacks": {
        "CallbackList": "a callback, and not a list of some",
        "LambdaCallback": "a callback of your own in custom_objects instead of functions",
        "RemoteMonitor": "a callback that needs no server",
        "OrbaxCheckpoint": "ModelCheckpoint, which needs no other package",
    },
}
"""What to write instead, by the module and the name of the class."""


def check_usable(module: ModuleType, spec: Spec, place: str) -> None:
    """Check that a recipe has a use for a class, other than as a part of another object. Raises: ValueError."""
    expected = UNUSABLE.get(module.__name__, {}).get(spec["class"])
    if expected is not None:
        raise ValueError(f"{place}.class: expected {expected}, got {spec['class']}")
