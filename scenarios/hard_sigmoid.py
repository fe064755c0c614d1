"""`hard_sigmoid`, whose formula Keras 3 changed under the same name.

Cause: Keras 2 computes clip(0.2 x + 0.5), Keras 3 clip(x / 6 + 0.5), as PyTorch and JAX do. A
file holds the name alone. The weights are so large that many values lie beyond the kinks, at
2.5 and at 3. In `lstm` it is the recurrent activation, which was the default until Keras 2.3: the
bare load stops at other arguments there, and what gets around them has the other formula.
`custom_objects` names the old formula.

Source: tensorflow/tensorflow issue 65381; keras-team/keras pull request 19477.
"""

import numpy as np

from scenarios.framework import keras, ops

_FEATURES = 6
_STEPS = 4


def inputs(rng, variant):
    shape = (8, _STEPS, _FEATURES) if variant == "lstm" else (8, _FEATURES)
    return rng.uniform(-1.0, 1.0, size=shape).astype("float32")


def build_model(variant):
    layers = keras.layers
    if variant == "lstm":
        given = layers.Input(shape=(_STEPS, _FEATURES))
        found = layers.LSTM(5, recurrent_activation="hard_sigmoid")(given)
    else:
        given = layers.Input(shape=(_FEATURES,))
        found = layers.Dense(6, activation="hard_sigmoid")(given)
    return keras.models.Model(given, layers.Dense(3)(found))


def finish_model(model, variant):
    """Give the writer's model fixed weights, with values beyond the kinks."""
    rng = np.random.RandomState(5)
    model.set_weights([rng.uniform(-3.0, 3.0, size=w.shape) for w in model.get_weights()])
    return model


def hard_sigmoid(x):
    """Keras 2's formula: the line between 0 and 1, cut off at both."""
    line = 0.2 * x + 0.5
    return ops.relu(line) - ops.relu(line - 1.0)


def custom_objects(variant):
    return {"hard_sigmoid": hard_sigmoid}
