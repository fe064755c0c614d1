"""Makes the HDF5 files that no Keras writes, for the tests of inspect; needs h5py.

    .matrix/environments/keras3.15-*/bin/python tests/capture_hdf5.py tests/unit/data/inspect

`links.h5`: links out of the file, links in a circle, a virtual dataset, data in another file, an
absurd shape. `latest.h5`: groups and attributes in the newest layout, more than fit a header.
"""

import sys
from pathlib import Path

import h5py
import numpy as np


def write_links(path):
    with h5py.File(path, "w") as file:
        layers = file.create_group("layers")
        layers["external"] = h5py.ExternalLink("other.h5", "/secret")
        layers["soft"] = h5py.SoftLink("/layers/soft")
        layers["circle"] = file["/"]
        layers.create_dataset("absurd", shape=(2**20, 2**20, 2**10), dtype="f4", chunks=(64, 64, 1))
        layers.create_dataset("elsewhere", shape=(4,), dtype="f4", external=[("raw.bin", 0, 16)])
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource("other.h5", "data", shape=(4,))
        layers.create_virtual_dataset("virtual", layout)


def write_latest(path):
    with h5py.File(path, "w", libver="latest") as file:
        for index in range(60):
            file.create_group(f"layers/group_with_a_long_name_{index}")
        variables = file.create_group("vars", track_order=True)
        for index in range(12):
            variables.create_dataset(str(index), data=np.zeros((index + 1, 3), "float32"))
            variables.attrs[f"attribute{index}"] = f"value {index}"
        variables.attrs["numbers"] = np.arange(3)
        variables.attrs["texts"] = np.array([b"ab", b"cde"])
        variables.attrs["half"] = 0.5


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_links(folder / "links.h5")
    write_latest(folder / "latest.h5")
