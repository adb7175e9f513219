"""Layers, graphs, schedules and other Keras objects of your own: `params.yaml` names them like Keras's.

    layers: {hidden: {class: Maxout, units: 100, pieces: 2}}
    graph: {class: residual, blocks: 3, units: 64, outputs: 10, activation: softmax}
    optimizer: {class: SGD, learning_rate: {class: WarmUp, learning_rate: 0.1, warmup_steps: 1000}}

The three below are examples; replace them. A graph is a function from the inputs by name (a single one is called `x`)
to the outputs by name, `main` first. All else is a class of Keras's kind with `get_config`, so that it can be saved, or
a function where Keras takes one, such as an activation. A loss of several outputs gets one-hot rows of the classes, and
one whose name begins with `Sparse` their numbers. A change of this file trains the variants again that use something of
it. It may import installed packages, but no other file of yours: a change of that would go unnoticed.
"""

import keras


class Maxout(keras.layers.Layer):
    """The greatest of several linear units each (Goodfellow et al. 2013)."""

    def __init__(self, units, pieces=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.pieces = units, pieces

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units * self.pieces), name="kernel")
        self.bias = self.add_weight((self.units * self.pieces,), initializer="zeros", name="bias")

    def call(self, inputs):
        outputs = keras.ops.matmul(inputs, self.kernel) + self.bias
        shape = (-1, *inputs.shape[1:-1], self.units, self.pieces)
        return keras.ops.max(keras.ops.reshape(outputs, shape), axis=-1)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "pieces": self.pieces}


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from 0 for some steps and then stays."""

    def __init__(self, learning_rate, warmup_steps):
        self.learning_rate, self.warmup_steps = learning_rate, warmup_steps

    def __call__(self, step):
        return self.learning_rate * keras.ops.minimum(1.0, keras.ops.cast(step + 1, "float32") / self.warmup_steps)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "warmup_steps": self.warmup_steps}


def residual(inputs, blocks, units, outputs, activation):
    """Dense layers with a shortcut around each (He et al. 2015)."""
    x = keras.layers.Dense(units)(keras.layers.Flatten()(inputs["x"]))
    for _ in range(blocks):
        x = keras.layers.Add()([x, keras.layers.Dense(units, activation="relu")(x)])
    return {"main": keras.layers.Dense(outputs, activation=activation)(x)}
