"""The cross-version compatibility matrix of saved Keras models: how data moves."""

__version__ = "0.1.0"
