"""The files for Slurm, Kubernetes and hosted CI: their commands, run with a stand-in for the tool.

No cluster is here: the shell lines are executed with the variables that one sets, the tool's
arguments are parsed by its own command line, and the documents are held against their kinds.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from command_lines import try_line

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "containers" / "cluster"


@pytest.fixture
def shell(tmp_path):
    """Runs a shell command whose `python` writes down its arguments; gives them, or the error."""
    stand_in = tmp_path / "bin" / "python"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\n')
    stand_in.chmod(0o755)

    def run(words, **variables):
        path = f"{stand_in.parent}:{os.environ['PATH']}"
        ended = subprocess.run(
            words, env={"PATH": path, **variables}, capture_output=True, text=True, timeout=60
        )
        said = tmp_path / "said"
        arguments = said.read_text().splitlines() if said.exists() else []
        said.unlink(missing_ok=True)
        return ended, arguments

    return run


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def parse(arguments):
    try_line(shlex.join(["python", *arguments]))


def test_each_task_of_a_slurm_array_measures_its_shard(shell):
    shards = []
    for task in range(1, 13):
        ended, arguments = shell(
            ["sh", str(CLUSTER / "slurm.sh")],
            SHARED="/shared/matrix",
            SLURM_ARRAY_TASK_ID=str(task),
            SLURM_ARRAY_TASK_COUNT="12",
            SLURM_CPUS_PER_TASK="2",
        )
        assert ended.returncode == 0, ended.stderr
        parse(arguments)
        shards.append(option(arguments, "--shard"))
        assert option(arguments, "--out") == f"/shared/matrix/part-{task}"
        assert option(arguments, "--store").endswith(f"matrix-{task}")
    assert shards == [f"{task}/12" for task in range(1, 13)]


def test_the_first_array_saves_a_selection(shell):
    ended, arguments = shell(
        ["sh", str(CLUSTER / "slurm.sh")],
        STAGE="saves",
        SHARED="/shared",
        SELECTION="--profile smoke --format h5",
        SLURM_ARRAY_TASK_ID="2",
        SLURM_ARRAY_TASK_COUNT="4",
    )
    assert ended.returncode == 0, ended.stderr
    parse(arguments)
    assert "--saves-only" in arguments and "--out" not in arguments
    assert option(arguments, "--format") == "h5"


def test_outside_an_array_it_says_what_is_missing(shell):
    task = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4"}
    for variables, said in [
        ({}, "SHARED"),
        ({"SHARED": "/s"}, "SLURM_ARRAY_TASK_ID"),
        ({"SHARED": "/s", "STAGE": "odd", **task}, "not odd"),
    ]:
        ended, arguments = shell(["sh", str(CLUSTER / "slurm.sh")], **variables)
        assert ended.returncode != 0 and said in ended.stderr and not arguments


def test_each_pod_of_the_indexed_job_measures_its_shard(shell):
    documents = list(yaml.safe_load_all((CLUSTER / "kubernetes.yaml").read_text()))
    assert [each["metadata"]["name"] for each in documents] == ["matrix-saves", "matrix-loads"]
    for each in documents:
        assert (each["apiVersion"], each["kind"]) == ("batch/v1", "Job")
        spec = each["spec"]
        assert spec["completionMode"] == "Indexed"
        assert spec["parallelism"] <= spec["completions"]
        pod = spec["template"]["spec"]
        assert pod["restartPolicy"] == "Never"
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    [loads] = documents[1]["spec"]["template"]["spec"]["containers"]
    number = documents[1]["spec"]["completions"]
    shards = []
    for index in range(number):
        words = [*loads["command"], *loads["args"]]
        ended, arguments = shell(words, JOB_COMPLETION_INDEX=str(index))
        assert ended.returncode == 0, ended.stderr
        parse(arguments)
        shards.append(option(arguments, "--shard"))
        assert option(arguments, "--out") == f"/shared/part-{index + 1}"
    assert shards == [f"{index + 1}/{number}" for index in range(number)]


def test_the_workflow_of_hosted_ci_has_a_job_for_each_shard_and_its_commands_parse():
    workflow = yaml.safe_load((CLUSTER / "hosted-ci.yml").read_text())
    jobs = workflow["jobs"]
    assert (jobs["loads"]["needs"], jobs["merge"]["needs"]) == ("saves", "loads")
    shards = jobs["loads"]["strategy"]["matrix"]["shard"]
    assert shards == list(range(1, len(shards) + 1)) and len(shards) <= 256
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    measuring = [each.removeprefix("python -m ") for each in commands if " nox -s " in each]
    assert len(measuring) == 3
    assert sum("--shard" in line for line in measuring) == 1
    for line in measuring:
        for shard in shards:
            filled = re.sub(r"\$\{\{ matrix\.shard \}\}", str(shard), line)
            assert f"--shard {shard}/{len(shards)}" in filled or "--shard" not in filled
            try_line(filled.replace("*", "1"))
