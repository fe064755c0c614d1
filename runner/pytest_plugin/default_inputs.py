"""The inputs of a model that its user gives none for: drawn to the shapes that the model says.

Its text becomes part of a scenario's module and runs in the environments: the oldest declared
Python's syntax, no import, no annotation, and names that no user's file has.
"""

_MATRIX_FREE = 8
"""Size of a dimension that the model leaves open: the samples, first of all."""


class _MatrixModels:
    """Builds models, and draws inputs for the first of them."""

    def __init__(self, build):
        self._build = build
        self._ready = None
        self._shapes = None

    def build_model(self, variant):
        """Return a new model; the one that `inputs` looked at, if it is still new."""
        model, self._ready = self._ready, None
        if model is None:
            model = self._build()
        if self._shapes is None:
            self._shapes = _matrix_shapes(model)
        return model

    def inputs(self, rng, variant):
        """Return an array for each input of the model."""
        if self._shapes is None:
            self._ready = self.build_model(variant)
        if not self._shapes:
            raise ValueError(
                "the model does not say its inputs: give its first layer an input shape, "
                "or the mark `inputs=`"
            )
        drawn = [_matrix_draw(rng, shape, dtype) for shape, dtype in self._shapes]
        return drawn[0] if len(drawn) == 1 else drawn


def _matrix_shapes(model):
    """Return shape and type of each input, without None; an empty list if the model has none."""
    try:
        found = list(model.inputs or [])
    except AttributeError:
        found = []
    return [(_matrix_shape(each), _matrix_type(each)) for each in found]


def _matrix_shape(tensor):
    shape = getattr(tensor, "_keras_shape", None) or tensor.shape
    if hasattr(shape, "as_list"):
        shape = shape.as_list()
    return tuple(_MATRIX_FREE if size is None else int(size) for size in shape)


def _matrix_type(tensor):
    dtype = tensor.dtype
    return str(getattr(dtype, "name", dtype)).split(".")[-1].split("_ref")[0]


def _matrix_draw(rng, shape, dtype):
    if dtype.startswith(("float", "bfloat")):
        exact = dtype if dtype in ("float16", "float64") else "float32"
        return rng.uniform(size=shape).astype(exact)
    if dtype.startswith(("int", "uint", "bool")):
        return rng.randint(0, 2, size=shape).astype(dtype)
    raise TypeError(
        "nothing is drawn for inputs of the type {}: give the mark `inputs=`".format(dtype)
    )
