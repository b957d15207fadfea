import errno
import subprocess
import sys

import grain
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.training import checkpoints
from gr_jax.training.checkpoints import (
  Checkpoints,
  load_params,
  save_params,
)
from gr_jax.training.state import TrainState
from gr_jax.training.stopping import Best


def state(value, mesh):
  tree = TrainState(
    jnp.asarray(value, jnp.int32), {"w": jnp.full((8, 4), value, jnp.float32)},
    (),
  )  # fmt: skip
  return jax.device_put(tree, replicated(mesh))


def batches():
  return iter(grain.MapDataset.range(100).repeat().to_iter_dataset())


@pytest.fixture
def mesh():
  return make_mesh(MeshConfig())


def test_state_and_place_in_the_input_come_back(tmp_path, mesh):
  source = batches()
  for _ in range(5):
    next(source)
  checkpoints = Checkpoints(tmp_path)
  assert checkpoints.latest is None
  checkpoints.save(5, state(3, mesh), source)
  expected = next(source)

  fresh = batches()
  restored = checkpoints.restore(checkpoints.latest, state(0, mesh), fresh)
  np.testing.assert_array_equal(restored.params["w"], np.full((8, 4), 3.0))
  assert next(fresh) == expected
  checkpoints.close()


def test_training_goes_on_from_the_last_whole_step(tmp_path, mesh, capsys):
  """The best one of those that are whole counts, too."""
  source, checkpoints = batches(), Checkpoints(tmp_path)
  for step, loss in ((1, 0.2), (2, 0.1)):
    next(source)
    checkpoints.save(step, state(step, mesh), source, loss=loss)
  checkpoints.close()
  arrays = max(tmp_path.glob("2/**/d/*"), key=lambda path: path.stat().st_size)
  content = bytearray(arrays.read_bytes())
  content[-1] ^= 1
  arrays.write_bytes(content)
  again, fresh = Checkpoints(tmp_path), batches()
  assert (again.latest, again.best) == (1, Best(1, 0.2))
  assert capsys.readouterr().err.startswith("checkpoint 2 is skipped, the last")
  restored = again.restore(1, state(0, mesh), fresh)
  np.testing.assert_array_equal(restored.params["w"], np.full((8, 4), 1.0))
  assert next(fresh) == 1
  for step in (2, 3):  # The step that was damaged is written anew.
    again.save(step, state(step, mesh), fresh)
  again.close()
  assert Checkpoints(tmp_path).latest == 3
  assert not capsys.readouterr().err


def test_a_checkpoint_restores_on_another_mesh(tmp_path, mesh):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, state(2, mesh), batches())
  other = make_mesh(MeshConfig(data=4, model=2))
  target = jax.sharding.NamedSharding(
    other, jax.sharding.PartitionSpec(None, "model")
  )
  like = state(0, mesh)
  like = like.replace(params=jax.device_put(like.params, target))
  restored = checkpoints.restore(1, like)
  assert restored.params["w"].sharding == target
  np.testing.assert_array_equal(restored.params["w"], np.full((8, 4), 2.0))
  checkpoints.close()


def test_only_the_latest_steps_stay(tmp_path, mesh):
  checkpoints = Checkpoints(tmp_path, keep=2)
  for step in (1, 2, 3):
    checkpoints.save(step, state(step, mesh), batches())
  checkpoints.close()
  kept = sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit())
  assert kept == [2, 3]


def test_the_step_of_the_lowest_held_out_loss_stays(tmp_path, mesh):
  checkpoints = Checkpoints(tmp_path, keep=1)
  assert checkpoints.best is None
  losses = {1: 3.0, 2: 0.1, 3: None, 4: 0.1, 5: 0.5, 6: None}
  for step, loss in losses.items():
    checkpoints.save(step, state(step, mesh), batches(), loss=loss)
  assert (checkpoints.best, checkpoints.latest) == (Best(2, 0.1), 6)
  checkpoints.close()
  kept = sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit())
  assert kept == [2, 6]
  again = Checkpoints(tmp_path)
  assert again.best == Best(2, 0.1)
  assert (again.loss(2), again.loss(6)) == (0.1, None)
  best = again.restore(2, state(0, mesh))
  np.testing.assert_array_equal(best.params["w"], np.full((8, 4), 2.0))
  again.close()


def test_a_full_disk_is_an_error_of_the_disk(tmp_path, monkeypatch):
  """Orbax has it as the text of a ValueError, as of a wrong shape."""
  texts = [
    "RESOURCE_EXHAUSTED: Failed writing: No space left on device [code='28']",
    "a shape is wrong",
  ]

  def fail(*args, **options):
    raise ValueError(texts.pop(0))

  monkeypatch.setattr(checkpoints.ocp, "save", fail)
  with pytest.raises(OSError, match="No space left") as full:
    save_params(tmp_path, {})
  assert full.value.errno == errno.ENOSPC
  with pytest.raises(ValueError, match="a shape is wrong"):
    save_params(tmp_path, {})


def test_parameters_come_back_where_they_are_wanted(tmp_path, mesh):
  params = state(3, mesh).params
  for _ in range(2):  # A stage that was cut off writes them again.
    save_params(tmp_path, params)
  other = make_mesh(MeshConfig(data=4, model=2))
  target = jax.sharding.NamedSharding(
    other, jax.sharding.PartitionSpec(None, "model")
  )
  found = load_params(tmp_path, jax.device_put(params, target))
  assert found["w"].sharding == target
  np.testing.assert_array_equal(found["w"], params["w"])


_SAVES = """
import pathlib, sys
from gr_jax.parallel.host_memory import keep_freed_memory

assert keep_freed_memory()
import grain
import jax
import jax.numpy as jnp
from gr_jax.training.checkpoints import Checkpoints

def peak():
  lines = open("/proc/self/status").read().splitlines()
  return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM"))

@jax.jit
def step(x):
  y = jnp.outer(x[:8_000], x[:8_000])  # 256 MB.
  return x + 1e-9 * (y.T @ y[:, :4]).sum()

x = jnp.ones(10_000_000)
batches = iter(grain.MapDataset.range(9).to_iter_dataset())
checkpoints = Checkpoints(pathlib.Path(sys.argv[1]))
peaks = []
for number in range(5):
  for _ in range(3):
    x = jax.block_until_ready(step(x))
  peaks.append(peak())
  checkpoints.save(number, x, batches)
checkpoints.close()
print((peaks[-1] - peaks[1]) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_saves_leave_no_holes_that_a_step_cannot_use(tmp_path):
  done = subprocess.run(
    [sys.executable, "-c", _SAVES, str(tmp_path / "saved")],
    capture_output=True, text=True, check=True,
  )  # fmt: skip
  assert float(done.stdout) < 100
