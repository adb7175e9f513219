"""Models that are more than a row of layers, by name: `graph: {class: wide_and_deep, …}`.

Each takes the model's inputs by name (a single one is called `x`) and its arguments from `params.yaml`, and returns
the outputs by name, the main one first.
"""

import keras

Tensors = dict[str, keras.KerasTensor]


def wide_and_deep(
    inputs: Tensors,
    hidden_layers: int,
    units: int,
    activation: str,
    auxiliary_output: bool = False,
    dropout: float = 0.0,
) -> Tensors:
    """Wide & deep (Cheng et al. 2016): dense layers, joined before the output with inputs that go around them.

    With one input, all of it goes both ways; with two, `wide` goes around and `deep` goes through. dropout: the rate of
    a Dropout layer after each hidden layer; none for 0.
    """
    wide = inputs.get("wide", inputs.get("x"))
    deep = inputs.get("deep", inputs.get("x"))
    for _ in range(hidden_layers):
        deep = keras.layers.Dense(units, activation=activation)(deep)
        if dropout:
            deep = keras.layers.Dropout(dropout)(deep)
    outputs = {"main": keras.layers.Dense(1, name="main")(keras.layers.Concatenate()([wide, deep]))}
    if auxiliary_output:
        outputs["auxiliary"] = keras.layers.Dense(1, name="auxiliary")(deep)
    return outputs
