"""What a signature takes; TensorFlow's function is played by a namespace."""

from __future__ import annotations

from types import SimpleNamespace

from runner.fileprobe.describe import named_inputs


def test_a_signature_names_its_inputs():
    serve = SimpleNamespace(structured_input_signature=((), {"x": "spec"}), inputs=[])
    assert named_inputs(serve) == {"x": "spec"}


def test_a_signature_of_tensorflow_1_names_them_by_keyword_in_tensorflow_2_3():
    serve = SimpleNamespace(
        structured_input_signature=None,
        _arg_keywords=["a", "b"],
        inputs=["tensor a", "tensor b", "a variable that it captured"],
    )
    assert named_inputs(serve) == {"a": "tensor a", "b": "tensor b"}
