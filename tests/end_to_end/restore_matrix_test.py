"""What was saved by some hosts on a mesh goes on with others on another.

A generator and its alignment, by the real loops in real processes: saved by two
of four devices each on (data 4, model 2), restored by one, two and four
processes. The cheap case of every day is in `two_hosts_test.py`.
"""

import pathlib
import shutil

import numpy as np
import pytest

from gr_jax.training.metric_writer import read_metrics
from gr_jax.training.whole_steps import FILES
from tests.reference.restored_run import SAVED, STEPS, Run, launch

pytestmark = pytest.mark.slow

# Sizes of the axes, and the devices of eight that have a part.
MESHES = {
  "1 device": ({}, (0,)),
  "2 devices": ({}, (0, 4)),
  "2 x 4": ({"model": 4}, ()),
  "8 devices": ({}, ()),
  "fsdp 4 x 2": ({"fsdp": 4, "model": 2}, ()),
}
# Every process needs a part.
MATRIX = {
  1: tuple(MESHES),
  2: ("2 devices", "2 x 4", "8 devices", "fsdp 4 x 2"),
  4: ("2 x 4", "8 devices", "fsdp 4 x 2"),
}
LOSS = {False: "train/loss", True: "align/loss"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
  """Undisturbed runs, and the sums of their parameters."""
  folders = {aligns: tmp_path_factory.mktemp("saved") for aligns in LOSS}
  runs = [
    Run(str(folder), {"model": 2}, aligns=aligns)
    for aligns, folder in folders.items()
  ]
  first, second = launch(runs, hosts=2, devices=4)
  assert first == second
  return folders, dict(zip(LOSS, first))


def steps_of(directory, aligns):
  rows = read_metrics(pathlib.Path(directory) / "metrics.jsonl")
  return {row["step"]: row[LOSS[aligns]] for row in rows if LOSS[aligns] in row}


def copy(source, target, *steps):
  (target / "checkpoints").mkdir(parents=True)
  for step in steps:
    name = f"checkpoints/{step}"
    shutil.copytree(source / name, target / name)


def assert_goes_on(run, whole):
  """The next five losses within 1e-6 of the undisturbed run's."""
  found = steps_of(run.directory, run.aligns)
  expected = steps_of(whole, run.aligns)
  later = sorted(expected)[-(STEPS - SAVED) :]
  assert sorted(found) == later
  np.testing.assert_allclose(
    [found[step] for step in later],
    [expected[step] for step in later],
    rtol=0,
    atol=1e-6,
    err_msg=str(run),
  )


@pytest.mark.parametrize("aligns", [False, True], ids=["train", "align"])
@pytest.mark.parametrize("hosts", MATRIX)
def test_another_mesh_and_other_hosts_go_on_as_if_undisturbed(
  saved, tmp_path, hosts, aligns
):
  """Inside and outside of `jax.set_mesh`; parameters come back bit for bit."""
  folders, sums = saved
  runs = []
  for name in MATRIX[hosts]:
    for inside in (True, False):
      directory = tmp_path / f"{name}, {inside}"
      copy(folders[aligns], directory, SAVED)
      sizes, devices = MESHES[name]
      runs.append(
        Run(
          str(directory),
          sizes,
          devices,
          inside,
          aligns,
          params=str(folders[aligns]),
        )
      )
  found = launch(runs, hosts=hosts, devices=8 // hosts)
  assert found == [[sums[aligns]] * len(runs)] * hosts
  for run in runs:
    assert_goes_on(run, folders[aligns])


def test_both_hosts_write_half_of_a_step_and_of_the_parameters(saved):
  for tree in (f"checkpoints/{SAVED}/state", "params/state"):
    shares = [
      sum(
        path.stat().st_size
        for path in (saved[0][False] / tree / f"ocdbt.process_{host}").rglob(
          "*"
        )
        if path.is_file()
      )
      for host in range(2)
    ]
    assert min(shares) > 0.4 * sum(shares)


def test_all_hosts_go_on_from_the_last_whole_step(saved, tmp_path, capfd):
  """One that was cut short, one without metadata, one without its mark."""
  whole = saved[0][False]
  copy(whole, tmp_path, SAVED, STEPS)
  last = tmp_path / "checkpoints" / str(STEPS)
  for step in (STEPS + 1, STEPS + 2):
    shutil.copytree(last, last.with_name(str(step)))
  arrays = max(last.rglob("d/*"), key=lambda path: path.stat().st_size)
  arrays.write_bytes(arrays.read_bytes()[:1000])
  (last.with_name(str(STEPS + 1)) / "state" / "_METADATA").unlink()
  for name in (FILES, "_CHECKPOINT_METADATA"):
    (last.with_name(str(STEPS + 2)) / name).unlink()
  run = Run(str(tmp_path), {"model": 4})
  launch([run], hosts=2, devices=4)
  assert_goes_on(run, whole)
  skipped = [
    line
    for line in capfd.readouterr().err.splitlines()
    if line.startswith("checkpoint")
  ]
  for step, line, reason in zip(
    range(STEPS, STEPS + 3),
    skipped,
    (
      "bytes of",
      "state/_METADATA is missing",
      "_CHECKPOINT_METADATA is missing",
    ),
    strict=True,
  ):
    start = f"checkpoint {step} is skipped, the last whole one is {SAVED}: "
    assert line.startswith(start)
    assert reason in line
