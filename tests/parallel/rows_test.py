"""A host's rows go out and come back to their places.

What several hosts have is tested in `tests/end_to_end/restore_matrix_test.py`.
"""

import jax
import numpy as np
import pytest

from gr_jax.parallel import rows
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch


@pytest.mark.parametrize("hosts", [1, 2])
def test_a_host_with_all_devices_has_all_rows(monkeypatch, hosts):
  monkeypatch.setattr(jax, "process_count", lambda: hosts)
  mesh = make_mesh(MeshConfig(fsdp=2, model=2))
  batch = {"x": np.arange(16).reshape(8, 2), "y": np.arange(8)}
  assert rows.own_places(8, mesh).tolist() == list(range(8))
  own = rows.own_rows_of_batch(batch, mesh)
  jax.tree.map(np.testing.assert_array_equal, own, batch)


class Split:
  """A sharding whose devices on this host have two of four pieces."""

  def addressable_devices_indices_map(self, shape):
    quarter = shape[0] // 4
    return {
      device: (slice(piece * quarter, (piece + 1) * quarter),)
      for device, piece in enumerate((3, 3, 1, 1))
    }


def test_a_host_has_the_rows_of_its_devices_once(monkeypatch):
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  monkeypatch.setattr(rows, "batch_sharding", lambda mesh: Split())
  mesh = make_mesh(MeshConfig())
  assert rows.own_places(8, mesh).tolist() == [2, 3, 6, 7]
  own = rows.own_rows_of_batch({"x": 10 * np.arange(8)}, mesh)
  assert own["x"].tolist() == [20, 30, 60, 70]


def test_rows_that_are_joined_lie_as_batches_do():
  mesh, values = make_mesh(MeshConfig(model=2)), np.arange(16.0).reshape(8, 2)
  placed = put_batch(values, mesh)
  np.testing.assert_array_equal(rows.own_rows(placed, mesh), values)
  joined = rows.join_rows(values, 8, mesh)
  assert joined.sharding == placed.sharding
  np.testing.assert_array_equal(joined, values)
