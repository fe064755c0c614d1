"""The cross-version compatibility matrix of saved Keras models: how data moves."""
