"""A regularizer added to a model of `keras.applications`.

Cause: these models take no regularizer, so it is set on the finished layers. Setting
`layer.kernel_regularizer` changes what `get_config` says and adds no loss, for the losses
were made when the layer was built. The writer trains without the penalty it asked for, and
the file, rebuilt from its configuration, has one: writer and reader differ although nothing
was lost.

The `rebuilt` variant does it right: set the regularizers, make the model again from its
configuration, copy the weights. MobileNetV2 at the smallest input and a width of 0.1 (allowed
without pretrained weights), cut after its second block and given a head of its own, as one
does to fine-tune it: the whole network has 155 layers of these same kinds, and TensorFlow 1.15
takes a minute to load it. Its normalization starts at ones and zeros, which would hide a
mix-up of two vectors, so each gets values of its own.

Source: seed 001 (its title and question).
"""

import numpy as np

from scenarios.framework import keras

INPUT_SHAPE = (32, 32, 3)
LAST_LAYER = "block_2_add"


def _base_model():
    application = keras.applications.MobileNetV2(
        input_shape=INPUT_SHAPE, alpha=0.1, weights=None, include_top=False
    )
    features = application.get_layer(LAST_LAYER).output
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    outputs = keras.layers.Dense(4, activation="softmax")(pooled)
    model = keras.models.Model(inputs=application.input, outputs=outputs)
    rng = np.random.RandomState(7)
    model.set_weights(
        [
            weight + rng.uniform(0.0, 0.1, size=weight.shape) if weight.ndim == 1 else weight
            for weight in model.get_weights()
        ]
    )
    return model


def _set_regularizers(model):
    for layer in model.layers:
        if type(layer) in (keras.layers.Conv2D, keras.layers.Dense):
            layer.kernel_regularizer = keras.regularizers.l2(0.01)


def build_model(variant):
    model = _base_model()
    _set_regularizers(model)
    if variant == "rebuilt":
        rebuilt = keras.models.model_from_json(model.to_json())
        rebuilt.set_weights(model.get_weights())
        return rebuilt
    return model
