"""What was measured of a user's file."""

from __future__ import annotations

import numpy as np
import pytest

from runner.fileprobe.jobs import require_numbers
from runner.probe.measure import Measurement


def measured(*outputs):
    found = Measurement()
    found.facts["outputs"] = [found.put("outputs", i, each) for i, each in enumerate(outputs)]
    return found


def test_outputs_without_a_number_are_none():
    # As Keras 2.0 answers where a layer cuts off more than there is.
    with pytest.raises(ValueError, match="too small"):
        require_numbers(measured(np.zeros((8, 0, 3))))
    require_numbers(measured(np.zeros((8, 0, 3)), np.zeros((8, 1))))
    require_numbers(Measurement())
