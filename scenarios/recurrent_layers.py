"""Recurrent layers, alone and inside the layers that wrap them.

Cause: Keras 2 stores `time_major` with every recurrent layer, which Keras 3 does not know;
`Orthogonal` was renamed; cells and wrapped layers keep their weights one level deeper,
where the loaders of the two generations look in different places. `reset_after` and the
recurrent activation changed their defaults from TensorFlow 1 to 2: a file of weights alone
does not say which were meant, so `defaults`, `lstm_defaults` and `gru_reset_before` leave them
to the version that builds the model. Only the first is refused, for its bias has another shape.

In `.keras` the shape of the input, an argument of the first layer in Keras 2, is refused by
Keras 3 before `time_major` is; `input_layer` puts an `Input` before the layer.

Source: keras-team/keras issues 20750 (time_major), 20406 (Orthogonal), 19898 (wrappers), 19375
(duplicate names of a Bidirectional layer's weights).
"""

from scenarios.framework import keras

INPUT_SHAPE = (6, 4)


def build_model(variant):
    layers = keras.layers
    made = {
        "": lambda: [layers.LSTM(5, input_shape=INPUT_SHAPE)],
        "input_layer": lambda: [layers.Input(shape=INPUT_SHAPE), layers.LSTM(5)],
        "gru": lambda: [layers.GRU(5, reset_after=True, input_shape=INPUT_SHAPE)],
        "defaults": lambda: [layers.GRU(5, input_shape=INPUT_SHAPE)],
        "lstm_defaults": lambda: [layers.LSTM(5, input_shape=INPUT_SHAPE)],
        "gru_reset_before": lambda: [layers.GRU(5, reset_after=False, input_shape=INPUT_SHAPE)],
        "cell": lambda: [layers.RNN(layers.LSTMCell(5), input_shape=INPUT_SHAPE)],
        "bidirectional": lambda: [layers.Bidirectional(layers.LSTM(5), input_shape=INPUT_SHAPE)],
        "time_distributed": lambda: [
            layers.TimeDistributed(layers.Dense(5), input_shape=INPUT_SHAPE),
            layers.Flatten(),
        ],
    }
    return keras.Sequential(made[variant]() + [layers.Dense(3)])
