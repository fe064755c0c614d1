"""The job that loads a user's file and saves it again: a step of a chain.

Beside what a load leaves, `saved/NAME` in the job's folder of results is the model in each format
that was asked for, and `report.json` has `saved` and `changes`.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

import numpy as np

from runner.fileprobe import describe, graph_parts, native, parts
from runner.probe import artifact, formats
from runner.probe.jobs import Stopped, Workshop, _Stage
from runner.probe.keras_api import KerasApi
from runner.probe.remedies import Inference

Job = Dict[str, Any]
Findings = Dict[str, Any]
FOLDER = "saved"


def convert_file(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Findings:
    """Load by one way, measure, compare with the reference, save in each format."""
    from runner.fileprobe import jobs

    inputs = jobs.read_inputs(job)
    loaded = jobs.load(api, job, folder, inputs)
    report = describe.describe_loaded(loaded)
    if isinstance(loaded, Inference) and graph_parts.FOLDER not in job["save"]:
        raise Stopped("save", TypeError("what was loaded only predicts: Keras saves models alone"))
    report["changes"] = []
    given: Any = None
    if inputs is not None:
        given = describe.fit_inputs(loaded, inputs, job.get("input_names", []))
        with _Stage("call"):
            if not isinstance(loaded, Inference):
                api.predict(loaded, given)
                if job.get("native"):
                    report["changes"] = native.make_native(api, loaded)
            found = jobs.measure_loaded(api, loaded, given, set(job["aspects"]))
        artifact.write_oracle(job["result"], found, given, [])
        report.update(describe.describe_measured(found))
        if job.get("against"):
            report["compared"] = jobs.compare_with(job, found)
    report["changes"] += _fixed_sizes(loaded, given)
    folder = os.path.join(job["result"], FOLDER)
    report["saved"] = save_each(loaded, given, job, folder)
    jobs._write_report(job, report)
    return {"facts": {"loaded": jobs.kind_of(loaded), "called": inputs is not None}}


def _fixed_sizes(loaded: Any, given: Any) -> List[str]:
    """Say which inputs a function takes in any shape: of its operations a model takes one."""
    specs = getattr(loaded, "specs", None) or []
    return [
        "input {}: any number of sizes became {}".format(name, np.ndim(array))
        for name, spec, array in zip(getattr(loaded, "names", []), specs, given or [])
        if spec.shape.rank is None
    ]


def save_each(model: Any, given: Any, job: Job, folder: str) -> Dict[str, Any]:
    """Save a model in each format, or its parts; return {format: {"file", "error"}}.

    `given` are inputs that it was called with. Of a function there are its operations alone.
    """
    wanted: List[str] = job["save"]
    if isinstance(model, Inference):
        wanted = [graph_parts.FOLDER]
    os.makedirs(folder, exist_ok=True)
    saved = {}
    for name in wanted:
        try:
            if name == parts.FOLDER:
                parts.write_parts(model, os.path.join(folder, name))
            elif name == graph_parts.FOLDER:
                names = job.get("input_names", [])
                graph_parts.write_operations(model, given, names, os.path.join(folder, name))
            else:
                formats.save_model(model, name, folder)
        except Exception as error:
            said = "{}: {}".format(type(error).__name__, error)
            saved[name] = {"file": "", "error": said[:2000]}
            continue
        file = formats.PAYLOAD.get(name, name)
        saved[name] = {
            "file": "{}/{}".format(FOLDER, file),
            "error": "",
            "written": formats.recognise(os.path.join(folder, file)),
        }
    return saved
