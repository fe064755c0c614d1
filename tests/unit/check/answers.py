"""Answers to be told, without a file or an environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.check.answer import (
    SCHEMA,
    Answer,
    CheckedFile,
    Group,
    Prediction,
    Reader,
    Tried,
    UsedInputs,
)
from runner.check.order import Order
from runner.check.outputs import Outputs
from runner.check.results import Result
from runner.check.words import Told, answer_words, find_best
from runner.inspect import Container, Description

FILE = CheckedFile(
    name="model <b>.h5",
    bytes=10,
    sha256="0" * 64,
    title="HDF5 file",
    kind="h5",
    writer=("tf2.3",),
    writer_source="keras_version 2.4.0",
)
PREDICTION = Prediction(expects="fails", words="fails, as lstm", scenarios=("lstm",))


def reader(name, result=Result.SAME, way="none", **more):
    tried = Tried(way=way, words="words of " + way, result=result, why="because")
    return Reader(
        environment=name,
        result=result,
        way=way,
        words="as it is" if way == "none" else f"by {way}",
        tried=(tried,),
        install=f"install {name}",
        code=more.pop("code", f"load in {name}"),
        packages={"keras": "3"},
        prediction=PREDICTION,
        **more,
    )


def told(*readers, groups=(), reference="", expected=False, allow_code=False, **description):
    made = tuple(
        Group(number=number, readers=names, reference=right)
        for number, (names, right) in enumerate(groups, 1)
    )
    return Told(
        file=FILE,
        readers=readers,
        groups=made,
        reference=reference,
        expected=expected,
        best=find_best(readers, made),
        order=Order(file=Path("model.h5"), readers=(), allow_code=allow_code),
        description=Description(
            path="model.h5", container=Container.HDF5, title="HDF5 file", **description
        ),
        outputs=Outputs(arrays=(np.array([1.0, 2.0]),)),
        wrong_name=False,
    )


def answer(*readers, **more):
    known = told(*readers, **more)
    return Answer(
        schema=SCHEMA,
        tool="1",
        when="2026-01-01T00:00:00+00:00",
        file=FILE,
        sandbox="bubblewrap",
        code_allowed=False,
        custom_objects=False,
        expected=known.expected,
        inputs=UsedInputs(
            source="the file", seed=1, names=("x",), shapes=((8, 2),), dtypes=("float32",)
        ),
        reference=known.reference,
        readers=readers,
        groups=known.groups,
        best=known.best,
        sentences=answer_words(known),
    )
