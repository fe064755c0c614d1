"""Carry out one job: a save with its oracle, or a load with its comparison.

A job returns what it found or raises Stopped with the stage at which the model, not
we, failed. Anything else that escapes is a harness error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from typing import AbstractSet, Any, Callable, Dict, List, Tuple

from runner.probe import artifact, clock, damage, formats, measure
from runner.probe.compare import compare_aspects
from runner.probe.keras_api import Arrays, KerasApi, Model
from runner.probe.measure import Measurement
from runner.probe.remedies import LEGACY, REMEDIES, Inference, Loading
from runner.probe.results import Tolerance
from runner.probe.user_code import UserCode, load_user_code

Job = Dict[str, Any]
Findings = Dict[str, Any]

TRAINING_STEPS = 3
LEGACY_FRAMEWORK = "tf_keras"


class Stopped(Exception):
    """The model's own fault at a stage: prepare, save, load, call or train."""

    def __init__(self, stage: str, error: Any) -> None:
        super().__init__(stage)
        self.stage = stage
        self.error = error


class Workshop:
    """What jobs of one child share: imported frameworks and executed user code."""

    def __init__(self, api: KerasApi, make_api: Callable[[str], KerasApi]) -> None:
        self._apis = {api.name: api}
        self._default = api.name
        self._make_api = make_api
        self._codes: Dict[Any, UserCode] = {}

    def api(self, remedy: str) -> KerasApi:
        """Return the Keras the remedy runs against."""
        name = LEGACY_FRAMEWORK if remedy == LEGACY else self._default
        if self._default != LEGACY_FRAMEWORK:
            hide_legacy_keras(name != LEGACY_FRAMEWORK)
        if name not in self._apis:
            with clock.timed("import"):
                self._apis[name] = self._make_api(name)
        return self._apis[name]

    def code(self, api: KerasApi, scenario: Dict[str, Any]) -> UserCode:
        """Return the scenario's executed module; executed once, as it may register."""
        key = (api.name, scenario["module"], scenario["variant"])
        if key not in self._codes:
            self._codes[key] = load_user_code(api.name, scenario["module"], scenario["variant"])
        return self._codes[key]


def hide_legacy_keras(hidden: bool) -> None:
    """Make `import tf_keras` fail, or work again.

    It is installed for the remedy alone: whoever loads without it does not have it.
    """
    if hidden:
        # Python's own mark for a module that shall not be found.
        sys.modules.setdefault(LEGACY_FRAMEWORK, None)  # type: ignore[arg-type]
    elif sys.modules.get(LEGACY_FRAMEWORK, True) is None:
        del sys.modules[LEGACY_FRAMEWORK]


def run_job(workshop: Workshop, job: Job, folder: str) -> Findings:
    """Run a job in the empty `folder`, which is the current one; return its findings."""
    api = workshop.api(job.get("remedy", "none"))
    with clock.timed("clear"):
        api.clear()
    return _JOBS[job["kind"]](workshop, api, job, folder)


def _save(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Findings:
    scenario = job["scenario"]
    # The same for every writer: a model that is saved again is the same model.
    api.seed(scenario_seed(scenario))
    with _Stage("prepare"):
        code = workshop.code(api, scenario)
        inputs, targets = code.inputs(), code.targets()
        model = code.build_model()
        code.compile_model(model)
        if scenario["trained"]:
            measure.train(api, model, inputs, targets, TRAINING_STEPS)
        model = code.finish_model(model)
    aspects = set(scenario["aspects"])
    try:
        oracle = measure.measure_model(api, model, inputs, targets, aspects)
    except measure.Unusable as stop:
        raise Stopped("prepare", stop.error)
    weights = model.get_weights()
    payload = os.path.join(folder, "payload")
    os.mkdir(payload)
    damaged = _write_payload(model, job, payload, weights)
    changed = _changed_by_saving(api, model, oracle, inputs, targets, aspects)
    if "training_step" in aspects:
        with _Stage("prepare"):
            oracle.facts["training_step"] = measure.training_step(api, model, inputs, targets)
    _require_every_aspect(oracle, aspects)
    artifact.write_oracle(folder, oracle, inputs, targets)
    written = formats.recognise(os.path.join(payload, formats.PAYLOAD[job["format"]]))
    manifest = artifact.write_manifest(
        folder,
        {
            "writer": job["environment"],
            "scenario": scenario["id"],
            "format": job["format"],
            "written": written,
            "damage": damaged,
        },
    )
    _deliver(folder, job["artifact"])
    return {
        "facts": {
            "written": written,
            "damage": damaged,
            "changed_by_saving": changed,
            "files": len(manifest["files"]),
            "bytes": _size(job["artifact"]),
            "sha256": manifest["sha256"],
        }
    }


def scenario_seed(scenario: Dict[str, Any]) -> int:
    """Return the seed of what is drawn by chance before a save: of the scenario, not the writer.

    A load is not seeded: a reader that forgot the weights must not draw the writer's again.
    """
    name = "{}/{}".format(scenario["id"], scenario["variant"])
    return int(hashlib.sha256(name.encode("utf-8")).hexdigest()[:7], 16)


def _write_payload(model: Model, job: Job, payload: str, weights: Arrays) -> str:
    """Save, and damage if asked to; return a sentence on the damage."""
    specification = job["scenario"]["damage"]

    def save() -> None:
        formats.save_model(model, job["format"], payload)

    if specification == damage.INTERRUPTED:
        damage.save_interrupted(save)
        return "the saving process was killed in the middle"
    with _Stage("save"):
        save()
    path = os.path.join(payload, formats.PAYLOAD[job["format"]])
    if not os.path.exists(path):
        raise Stopped(
            "save", FileNotFoundError("the save returned but wrote no " + os.path.basename(path))
        )
    return damage.damage_file(path, specification, weights) if specification else ""


def _changed_by_saving(
    api: KerasApi,
    model: Model,
    oracle: Measurement,
    inputs: Arrays,
    targets: Arrays,
    aspects: AbstractSet[str],
) -> List[str]:
    """Return the aspects in which the live model is no longer what was about to be saved."""
    try:
        after = measure.measure_model(api, model, inputs, targets, aspects)
    except measure.Unusable as stop:
        return ["unusable: {}".format(type(stop.error).__name__)]
    results = compare_aspects(oracle, after, set(after.facts), Tolerance(1e-6, 1e-7))
    return sorted(aspect for aspect, result in results.items() if result["status"] != "agrees")


def _require_every_aspect(oracle: Measurement, aspects: AbstractSet[str]) -> None:
    unmeasured = sorted(a for a in aspects if oracle.facts.get(a) is None)
    if unmeasured:
        raise ValueError("the scenario asks for {} but its model has none".format(unmeasured))


def _deliver(folder: str, destination: str) -> None:
    """Move the artifact to its place: built beside, renamed, so never seen half done."""
    parent = os.path.dirname(destination)
    os.makedirs(parent, exist_ok=True)
    beside = os.path.join(parent, ".tmp-{}-{}".format(os.path.basename(destination), os.getpid()))
    shutil.rmtree(beside, ignore_errors=True)
    os.mkdir(beside)
    for name in ("payload", "oracle.json", "oracle.npz", "manifest.json"):
        shutil.move(os.path.join(folder, name), os.path.join(beside, name))
    shutil.rmtree(destination, ignore_errors=True)
    os.rename(beside, destination)


def _size(folder: str) -> int:
    payload = os.path.join(folder, "payload")
    return sum(
        os.path.getsize(os.path.join(parent, name))
        for parent, _, names in os.walk(payload)
        for name in names
    )


def _load(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Findings:
    loaded, loading = _load_payload(workshop, api, job, folder)
    with clock.timed("compare"):
        aspects = _compare_loaded(api, job, loaded, named=not loading.from_code)
    return {
        "aspects": aspects,
        "facts": {"loaded": "inference_only" if isinstance(loaded, Inference) else "keras_model"},
    }


def _make(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Findings:
    """Load an artifact and save the model again: a new artifact with the oracle of the first."""
    loaded, _ = _load_payload(workshop, api, dict(job, sibling=""), folder)
    made = os.path.join(folder, "made")
    payload = os.path.join(made, "payload")
    os.makedirs(payload)
    path = os.path.join(payload, formats.PAYLOAD[job["save_format"]])
    with _Stage("save"):
        if isinstance(loaded, Inference):
            raise TypeError("what was loaded only predicts: there is no model to be saved")
        formats.save_model(loaded, job["save_format"], payload)
        if not os.path.exists(path):
            raise FileNotFoundError("the save returned but wrote no " + os.path.basename(path))
    for name in artifact.ORACLE:
        shutil.copyfile(os.path.join(job["artifact"], name), os.path.join(made, name))
    written = formats.recognise(path)
    manifest = artifact.write_manifest(
        made,
        {
            "writer": job["environment"],
            "scenario": job["scenario"]["id"],
            "format": job["save_format"],
            "written": written,
            "damage": "",
            "made_from": job["made_from"],
            "steps": job["steps"],
        },
    )
    _deliver(made, job["made"])
    return {
        "facts": {
            "written": written,
            "damage": "",
            "steps": job["steps"],
            "files": len(manifest["files"]),
            "bytes": _size(job["made"]),
            "sha256": manifest["sha256"],
        }
    }


def _load_payload(workshop: Workshop, api: KerasApi, job: Job, folder: str) -> Tuple[Any, Loading]:
    """Load a copy of the artifact as the remedy does."""
    scenario = job["scenario"]
    # A copy: a load that writes to its file must not change what the others read.
    shutil.copytree(os.path.join(job["artifact"], "payload"), os.path.join(folder, "payload"))
    if job["sibling"]:
        shutil.copytree(os.path.join(job["sibling"], "payload"), os.path.join(folder, "sibling"))
    path = os.path.join("payload", formats.PAYLOAD[job["format"]])
    with _Stage("prepare"):
        if scenario["reader_knows"] == "registered":
            workshop.code(api, scenario).before_loading(path)
    loading = Loading(
        api,
        job["format"],
        path,
        os.path.join("sibling", formats.PAYLOAD["saved_model"]) if job["sibling"] else "",
        lambda: workshop.code(api, scenario),
    )
    with _Stage("load"):
        return REMEDIES[job["remedy"]](loading), loading


def _compare_loaded(api: KerasApi, job: Job, loaded: Any, named: bool) -> Findings:
    aspects = set(job["aspects"])
    # Each format was saved from a model of its own: the oracle is that of what was loaded.
    oracle, inputs, targets = artifact.read_oracle(job["sibling"] or job["artifact"])
    try:
        found = _measure_loaded(api, loaded, inputs, targets, aspects)
    except measure.Unusable as stop:
        raise Stopped(stop.stage, stop.error)
    tolerance = Tolerance(job["scenario"]["rtol"], job["scenario"]["atol"])
    oracle = _tamper(oracle, set(job.get("tampered", ())))
    return compare_aspects(oracle, found, aspects, tolerance, named=named)


def _measure_loaded(
    api: KerasApi, loaded: Any, inputs: Arrays, targets: Arrays, aspects: AbstractSet[str]
) -> Measurement:
    if isinstance(loaded, Inference):
        try:
            with clock.timed("call"):
                outputs = loaded.predict(inputs)
        except Exception as error:  # whatever it raises when called is the finding
            raise measure.Unusable("call", error)
        return measure.measure_outputs(outputs, loaded.owner)
    found = measure.measure_model(api, loaded, inputs, targets, aspects)
    if "training_step" in aspects and getattr(loaded, "optimizer", None) is not None:
        found.facts["training_step"] = measure.training_step(api, loaded, inputs, targets)
    return found


def _tamper(oracle: Measurement, aspects: AbstractSet[str]) -> Measurement:
    """Falsify the oracle for a control: the comparison must then find a difference."""
    for aspect in aspects:
        for name in oracle.arrays:
            if name.startswith(aspect + "/"):
                oracle.arrays[name] = oracle.arrays[name] + 1
    return oracle


class _Stage:
    """Turn what the model raises in a stage into Stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.timed = clock.timed(name)

    def __enter__(self) -> None:
        self.timed.__enter__()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.timed.__exit__(kind, error, trace)
        if isinstance(error, Exception):
            raise Stopped(self.name, error)


_JOBS = {"save": _save, "load": _load, "make": _make}
