"""A run that is killed in every stage ends as one that was left alone."""

import json
import os
import pathlib
import signal
import time

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from tests.reference import journey_run, small_run

pytestmark = pytest.mark.slow
STAGES = ("data", "vectors", "tokenizer", "generator", "evaluation")


def under_way(workdir: pathlib.Path, stage: str) -> bool:
  """Whether a stage has left something and is not done."""
  if stage == "generator":
    # Orbax renames a checkpoint to its number when it is whole.
    folder = workdir / stage / "checkpoints"
    return any(path.name.isdigit() for path in folder.glob("*"))
  return (workdir / f"{stage}.partial").is_dir()


def kill_in(stage: str, workdir: pathlib.Path) -> None:
  """Runs until a stage is under way, then SIGKILL."""
  run = small_run.start(journey_run.CONFIG, workdir, *journey_run.FEW)
  while run.poll() is None and not under_way(workdir, stage):
    time.sleep(0.004)
  os.killpg(run.pid, signal.SIGKILL)
  output, _ = run.communicate()
  assert run.returncode == -signal.SIGKILL, output
  assert not (workdir / stage / "manifest.json").exists(), output


def figures(workdir: pathlib.Path) -> dict:
  """The report without what a clock says."""
  report = json.loads((workdir / "report.json").read_text())
  report.pop("seconds")
  timed = ("per_second", "share_of_matmul_peak")
  rows = report["history"]["generator"]
  report["history"]["generator"] = [
    {k: v for k, v in row.items() if not k.endswith(timed)} for row in rows
  ]
  return report


def parameters(workdir: pathlib.Path):
  """The state of the last checkpoint as nested dictionaries of arrays."""
  folder = workdir / "generator" / "checkpoints"
  with ocp.training.Checkpointer(folder) as checkpoints:
    last = checkpoints.latest
    kept = checkpoints.checkpointables_metadata(last).metadata["state"]
    return checkpoints.load_checkpointables(last, {"state": kept})["state"]


@pytest.fixture(scope="module")
def undisturbed(shared) -> pathlib.Path:
  return journey_run.make(shared / "journey_run")


@pytest.fixture(scope="module")
def killed(undisturbed, tmp_path_factory) -> pathlib.Path:
  """Killed once in every stage; each run goes on where the last was cut."""
  del undisturbed  # First, so that it fills the compilation cache.
  workdir = tmp_path_factory.mktemp("killed")
  for stage in STAGES:
    kill_in(stage, workdir)
  output = journey_run.finish(workdir)
  for stage in STAGES[:-1]:
    assert f"{stage}: loaded from {workdir / stage}" in output
  return workdir


def test_the_report_has_the_same_figures(undisturbed, killed):
  assert figures(killed) == figures(undisturbed)


def test_the_codes_are_the_same(undisturbed, killed):
  ids = [
    np.load(workdir / "tokenizer" / "semantic_ids" / "codes.npy")
    for workdir in (undisturbed, killed)
  ]
  np.testing.assert_array_equal(*ids)


def test_the_training_is_bit_exact(undisturbed, killed):
  states = [parameters(workdir) for workdir in (undisturbed, killed)]
  assert int(states[0]["step"]) == 40
  assert len(jax.tree.leaves(states[0]["params"])) > 5
  jax.tree.map(np.testing.assert_array_equal, *states)


def test_nothing_half_made_is_left(killed):
  left = {path.name for path in killed.iterdir()}
  assert left == {*STAGES, ".lock", "report.json", "report.html"}
