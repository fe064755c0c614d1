"""The jobs on a user's file: one function a kind, in `KINDS`.

A job gets its order (docs/formats.md), an empty folder to work in, and in `job["result"]` another
whose files are handed to the host. It returns the facts of an observation, raises `Stopped` where
the file is at fault, and anything else where this tool is.
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, Dict, Optional

import numpy as np

from runner.fileprobe import convert, describe, refusal
from runner.fileprobe.ways import WAYS, FileCode, FileLoading
from runner.probe import artifact, measure
from runner.probe import jobs as probe_jobs
from runner.probe.compare import compare_aspects
from runner.probe.jobs import Stopped, Workshop, _Stage
from runner.probe.keras_api import Arrays, Given, KerasApi
from runner.probe.remedies import Inference
from runner.probe.results import Tolerance

Job = Dict[str, Any]
Findings = Dict[str, Any]

REPORT = "report.json"


def add_kinds() -> None:
    """Have a child of the probe know these kinds of jobs."""
    probe_jobs._JOBS.update(KINDS)


def load_file(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Findings:
    """Load a file by one way, call it on the given inputs, describe and record it.

    Leaves `report.json`, and where it was called `oracle.json` and `oracle.npz`, in the layout of
    an artifact's.
    """
    inputs = read_inputs(job)
    loaded = load(api, job, folder, inputs)
    report = describe.describe_loaded(loaded)
    _write_report(job, report)
    if inputs is None:
        return {"facts": {"loaded": kind_of(loaded), "called": False}}
    given = describe.fit_inputs(loaded, inputs, job.get("input_names", []))
    with _Stage("call"):
        found = measure_loaded(api, loaded, given, set(job["aspects"]))
    artifact.write_oracle(job["result"], found, given, [])
    report.update(describe.describe_measured(found))
    if job.get("against"):
        report["compared"] = compare_with(job, found)
    _write_report(job, report)
    return {"facts": {"loaded": kind_of(loaded), "called": True}}


def load(api: KerasApi, job: Job, folder: str, inputs: Optional[Arrays]) -> Any:
    """Return what the way of the job loads from its file.

    Raises Stopped with `CodeRefused` where the file holds bytecode that may not run.
    """
    loading = FileLoading(api, job, folder, FileCode(api, job, inputs))
    with refusal.code_refused(job["allow_code"]) as tried:
        try:
            loaded = WAYS[job["way"]](loading)
        except Exception as error:
            if not tried:
                raise Stopped("load", error)
    if tried:
        raise Stopped("load", refusal.CodeRefused("the file holds Python bytecode; it did not run"))
    return loaded


def kind_of(loaded: Any) -> str:
    """Return what was loaded: a model of Keras, or a function that predicts alone."""
    return "inference_only" if isinstance(loaded, Inference) else "keras_model"


def read_inputs(job: Job) -> Optional[Arrays]:
    """Return the inputs of the job, in the order of the model's; None where there are none."""
    if not job.get("inputs"):
        return None
    path = os.path.join(job["files"], job["inputs"])
    with np.load(path, allow_pickle=False) as stored:
        return Given([stored[name] for name in sorted(stored.files)])


def measure_loaded(api: KerasApi, loaded: Any, inputs: Arrays, aspects: Any) -> measure.Measurement:
    """Return the Measurement of what was loaded; whatever it raises is its own fault."""
    if isinstance(loaded, Inference):
        found = measure.measure_outputs(loaded.predict(inputs))
    else:
        try:
            found = measure.measure_model(api, loaded, inputs, [], aspects)
        except measure.Unusable as stop:
            # The stage is named by who asks.
            raise stop.error
    require_numbers(found)
    return found


def require_numbers(found: measure.Measurement) -> None:
    """Refuse outputs without a number in them: any two of them would agree.

    Raises:
        ValueError: every output is empty.
    """
    outputs = [found.arrays[key] for key in found.facts.get("outputs") or []]
    if outputs and not any(array.size for array in outputs):
        raise ValueError("its outputs are empty: inputs of this size are too small for it")


def compare_with(job: Job, found: measure.Measurement) -> Dict[str, Any]:
    """Return {aspect: result}, held against the oracle in the folder `against` of the files."""
    oracle, _, _ = artifact.read_oracle(os.path.join(job["files"], job["against"]))
    tolerance = Tolerance(job.get("rtol", 1e-4), job.get("atol", 1e-5))
    asked = {aspect for aspect in job["aspects"] if oracle.facts.get(aspect) is not None}
    return compare_aspects(oracle, found, asked, tolerance)


def _write_report(job: Job, report: Dict[str, Any]) -> None:
    with io.open(os.path.join(job["result"], REPORT), "w", encoding="utf-8") as out:
        out.write(json.dumps(report, sort_keys=True))


KINDS: Dict[str, Any] = {"file_load": load_file, "file_convert": convert.convert_file}
