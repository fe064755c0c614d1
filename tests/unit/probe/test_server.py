"""The probe's processes: each harm costs exactly one job, and the next job runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_probe import ALONE, Bench

from runner.domain.request import Limits
from runner.probe.server import chains


def job(name, chain="", *, isolated=False):
    return {"id": name, "chain": chain, "isolated": isolated}


def ids(found):
    return [[each["id"] for each in chain] for chain in found]


def test_neighbours_of_one_chain_share_a_child():
    jobs = [job("a"), job("b"), job("c", "x"), job("d", "x"), job("e", "y"), job("f")]
    assert ids(chains(jobs, 10, "fork")) == [["a", "b"], ["c", "d"], ["e"], ["f"]]


def test_an_isolated_job_shares_with_nobody():
    jobs = [job("a"), job("b", isolated=True), job("c"), job("d", isolated=True)]
    jobs.append(job("e", isolated=True))
    assert ids(chains(jobs, 10, "fork")) == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_a_chain_has_a_maximal_length():
    assert ids(chains([job(name) for name in "abcde"], 2, "fork")) == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]


def test_fresh_processes_take_one_job_each():
    assert ids(chains([job("a"), job("b")], 10, "fresh")) == [["a"], ["b"]]
    assert chains([], 10, "fork") == []


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_batch_from_its_header_to_its_footer(bench):
    saved = bench.run([bench.save("")])
    assert saved.code == 0, saved.printed
    assert [each["type"] for each in saved.records] == ["header", "start", "observation", "footer"]
    header = saved.records[0]
    assert (header["environment"], header["framework"]) == ("fake", "keras")
    assert header["start_method"] == "fork"
    assert "numpy" in header["versions"]
    assert saved.records[-1]["jobs"] == 1
    assert saved.observations[0]["facts"]["written"] == "hdf5"
    manifest = json.loads((bench.artifact("") / "manifest.json").read_text())
    assert manifest["sha256"] == saved.observations[0]["facts"]["sha256"]

    loaded = bench.run([bench.load("")])
    found = loaded.observations[0]
    assert (found["status"], found["stage"]) == ("done", "")
    assert set(found["aspects"]) == set(bench.load("").payload["aspects"])
    assert {each["status"] for each in found["aspects"].values()} == {"agrees"}
    assert {"clear", "load", "call", "compare"} <= set(found["parts_s"])
    assert sum(found["parts_s"].values()) <= found["duration_s"] + 0.001


def test_variables_of_a_reader_act_in_its_process_alone(bench):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    utf8 = {"PYTHONUTF8": "1"}
    bench.save_all("locale", "")
    jobs = [
        bench.load("locale", reader_variables=plain),
        bench.load("", 1),
        bench.load("locale", 2, reader_variables=utf8),
    ]
    answer = bench.run(jobs)
    first, between, last = answer.observations
    assert (first["status"], first["exception"]) == ("raised", "UnicodeDecodeError")
    assert between["status"] == last["status"] == "done"
    assert [each["start_method"] for each in answer.observations] == ["spawn", "fork", "spawn"]


HARMS = [
    ("segfault", "crashed", "SIGSEGV"),
    ("abort", "crashed", "SIGABRT"),
    ("die", "crashed", "SIGKILL"),
    ("exit", "crashed", "exit code 3"),
    ("system_exit", "crashed", "exit code"),
    ("interrupt", "crashed", ""),
    ("hang", "timed_out", "within 1 s"),
    ("grow", "out_of_memory", "over 400 MB"),
    ("huge", "out_of_memory", "Unable to allocate"),
    ("raise", "raised", "no such layer"),
    ("unprintable", "raised", "the exception's own text raised RuntimeError"),
    # What it leaves running holds the pipe open.
    ("orphan", "crashed", "exit code 5"),
]


def _assert_footer(record, jobs):
    starts_s = record.pop("starts_s")
    assert record == {"type": "footer", "jobs": jobs}
    assert starts_s > 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_harm_costs_exactly_one_job(bench, method):
    harms = [harm for harm, _, _ in HARMS]
    bench.save_all("", *harms)
    jobs = [bench.load("", 100)]
    for number, harm in enumerate(harms):
        limit_s = 30.0 if harm == "grow" else 1.0
        jobs += [bench.load(harm, timeout_s=limit_s), bench.load("", 101 + number)]
    answer = bench.run(jobs, method)
    assert answer.code == 0, answer.printed
    assert [each["id"] for each in answer.observations] == [each.id for each in jobs]
    _assert_footer(answer.records[-1], len(jobs))
    for found in answer.observations:
        if found["id"].startswith("fake/"):
            assert found["status"] == "done", found
            assert {each["status"] for each in found["aspects"].values()} == {"agrees"}
    for harm, status, said in HARMS:
        found = answer.observation(harm)
        assert found["status"] == status, found
        assert said in found["message"], found
        assert found["start_method"] == method


HOSTILE = {
    "forge": {"harness_error"},
    # Of itself a job may say anything, but only one thing.
    "forge_itself": {"harness_error", "raised"},
    "garbage": {"harness_error"},
    "flood": {"harness_error", "crashed", "timed_out"},
    "close": {"crashed", "harness_error"},
    "read": {"done", "timed_out"},
    "ruin": {"done", "harness_error", "raised"},
    "die_later": {"done", "crashed"},
    "hide": {"done"},
}
"""Each may have these outcomes itself; its neighbours are right whichever it is."""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_job_speaks_for_nobody_else(bench, method):
    bench.save_all("", *HOSTILE)
    jobs = [bench.load("", 100)]
    for number, harm in enumerate(HOSTILE):
        jobs += [bench.load(harm, timeout_s=5.0), bench.load("", 101 + number, timeout_s=5.0)]
    answer = bench.run(jobs, method, unlink=True)
    assert answer.code == 0, answer.printed
    assert [each["id"] for each in answer.observations] == [each.id for each in jobs]
    _assert_footer(answer.records[-1], len(jobs))
    wrong = [
        found
        for found in answer.observations
        if found["id"].startswith("fake/") and found["status"] != "done"
    ]
    assert wrong == []
    found = {harm: answer.observation(harm)["status"] for harm in HOSTILE}
    assert {harm for harm in HOSTILE if found[harm] not in HOSTILE[harm]} == set(), found
    assert "forged" not in {each.get("message") for each in answer.observations[::2]}
    assert not list(bench.temporary.glob("probe-*"))


def test_a_job_that_is_lost_after_others_is_tried_in_a_fresh_child(bench):
    bench.save_all("segfault", "")
    answer = bench.run([bench.load(""), bench.load("segfault"), bench.load("", 1)])
    found = answer.observation("segfault")
    assert (found["status"], found["position"]) == ("crashed", 0)
    starts = [each["id"] for each in answer.records if each["type"] == "start"]
    assert len(starts) == 4


def test_a_process_left_behind_ends_the_chain(bench):
    bench.save_all("escape", "")
    answer = bench.run([bench.load("", 1), bench.load("escape"), bench.load("", 2)])
    assert [each["position"] for each in answer.observations] == [0, 1, 0]


def test_what_a_job_prints_without_end_is_not_kept_without_end(bench):
    bench.save_all("flood")
    found = bench.run([bench.load("flood", timeout_s=5.0)]).observations[0]
    assert len(found["output"]) <= 6000


def test_what_a_dying_job_printed_is_kept(bench):
    bench.save_all("die", "print", "")
    answer = bench.run([bench.load("print"), bench.load("die"), bench.load("")])
    assert answer.observation("die")["output"] == "last words\n"
    assert answer.observation("print")["output"] == "said by the job\n"
    assert answer.observations[-1]["output"] == ""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_jobs_leave_running_ends_with_their_child(bench, method):
    bench.save_all("escape", "orphan", "count")
    jobs = [bench.load("escape", remedy=ALONE), bench.load("orphan"), bench.load("count")]
    answer = bench.run(jobs, method)
    assert answer.observation("count")["output"] == "1 at work\n", answer


def test_faults_are_filed_under_the_stage_at_which_the_model_failed(bench):
    bench.save_all("raise", "call_later", "diverge")
    saves = bench.run([bench.save("build"), bench.save("call"), bench.save("save")])
    assert [each["stage"] for each in saves.observations] == ["prepare", "prepare", "save"]
    nothing = bench.run([bench.save("nothing")]).observations[0]
    assert (nothing["status"], nothing["stage"]) == ("raised", "save")
    assert "wrote no model.h5" in nothing["message"]
    assert not bench.artifact("nothing").exists()

    loads = bench.run([bench.load("raise"), bench.load("call_later"), bench.load("diverge")])
    assert [each["status"] for each in loads.observations] == ["raised", "raised", "done"]
    assert [each["stage"] for each in loads.observations] == ["load", "call", ""]
    aspects = loads.observation("diverge")["aspects"]
    differing = {name for name, each in aspects.items() if each["status"] == "differs"}
    assert differing == {"outputs", "weights"}


def test_what_is_drawn_by_chance_is_the_same_in_every_save_of_a_scenario(bench):
    folder = bench.artifact("random")
    seen = []
    for harms in (["random"], ["", "random"], ["forget", "random"]):
        bench.save_all(*harms)
        seen.append({name: (folder / name).read_bytes() for name in ("oracle.json", "oracle.npz")})
        seen[-1]["payload"] = (folder / "payload" / "model.h5").read_bytes()
    assert seen[0] == seen[1] == seen[2]
    forget = (bench.artifact("forget") / "oracle.npz").read_bytes()
    assert forget != seen[0]["oracle.npz"]


def test_a_reader_that_draws_its_weights_anew_does_not_draw_the_writer_s(bench):
    bench.save_all("random", "forget")
    answer = bench.run([bench.load("random"), bench.load("forget")])
    assert answer.observation("random")["aspects"]["weights"]["status"] == "agrees"
    assert answer.observation("forget")["aspects"]["weights"]["status"] == "differs"


def test_a_job_that_registers_ends_its_chain(bench):
    bench.save_all("register", "")
    jobs = [bench.load(""), bench.load("register"), bench.load("", 1), bench.load("", 2)]
    positions = [each["position"] for each in bench.run(jobs).observations]
    assert positions == [0, 1, 0, 1]


def test_isolated_jobs_and_long_chains_start_fresh_children(bench):
    bench.save_all("")
    jobs = [bench.load("", number) for number in range(1, 6)]
    jobs.insert(2, bench.load("", 9, ALONE))
    answer = bench.run(jobs, limits=Limits(memory_mb=400, chain_length=2))
    assert [each["position"] for each in answer.observations] == [0, 1, 0, 0, 1, 0]


def test_a_chain_ends_where_its_memory_does(bench):
    bench.save_all("")
    jobs = [bench.load("", number) for number in range(1, 4)]
    answer = bench.run(jobs, limits=Limits(memory_mb=400, chain_memory_mb=1))
    assert [each["position"] for each in answer.observations] == [0, 0, 0]


def test_a_job_changes_neither_the_artifact_nor_the_folder_of_the_next(bench):
    bench.save_all("delete", "chdir", "")
    before = (bench.artifact("delete") / "payload" / "model.h5").read_bytes()
    jobs = [bench.load("delete"), bench.load("delete", 1), bench.load("chdir"), bench.load("")]
    answer = bench.run(jobs)
    assert [each["status"] for each in answer.observations] == ["done"] * 4
    assert (bench.artifact("delete") / "payload" / "model.h5").read_bytes() == before
    assert not list(bench.temporary.glob("probe-*"))


def test_a_hop_saves_again_what_it_loaded_with_the_oracle_of_the_original(bench):
    bench.save_all("")
    job = bench.make("")
    found = bench.run([job]).observations[0]
    assert (found["status"], found["facts"]["steps"]) == ("done", ["fake/none/h5"])
    made, original = Path(job.payload["made"]), bench.artifact("")
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["sha256"] == found["facts"]["sha256"]
    assert manifest["oracle"] == json.loads((original / "manifest.json").read_text())["oracle"]
    # It is an artifact like any other, which a load may be given.
    load = bench.load("")
    payload = {**load.payload, "artifact": str(made)}
    answer = bench.run([replace(load, payload=payload)])
    statuses = {each["status"] for each in answer.observations[0]["aspects"].values()}
    assert statuses == {"agrees"}


def test_a_damaged_artifact_folder_is_our_fault(bench):
    bench.save_all("")
    (bench.artifact("") / "oracle.npz").write_bytes(b"not an archive")
    found = bench.run([bench.load("")]).observations[0]
    assert found["status"] == "harness_error"


def test_fresh_and_automatic_start_methods(bench):
    bench.save_all("")
    jobs = [bench.load("", 1), bench.load("", 2)]
    fresh = bench.run(jobs, "fresh")
    assert [each["position"] for each in fresh.observations] == [0, 0]
    assert {each["start_method"] for each in fresh.observations} == {"fresh"}
    assert bench.run(jobs, "auto").records[0]["start_method"] == "fork"


def test_children_that_cannot_start_are_our_fault_and_end(bench):
    bench.save_all("")
    (bench.root / "keras.py").write_text("raise ImportError('broken')", encoding="utf-8")
    answer = bench.run([bench.load("", 1), bench.load("", 2)], "fresh")
    assert answer.code == 0
    assert [each["status"] for each in answer.observations] == ["harness_error"] * 2


def test_a_framework_that_cannot_be_imported_ends_the_probe(bench):
    (bench.root / "keras.py").write_text("raise ImportError('broken')", encoding="utf-8")
    answer = bench.run([bench.load("")])
    assert answer.code not in {0, 2}
    assert answer.observations == []
    assert "broken" in answer.printed
