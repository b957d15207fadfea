"""One host does everything itself; two are in `tests/end_to_end`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import multihost_utils

from gr_jax.parallel import hosts


def test_the_only_host_writes_and_waits_for_nobody():
  assert hosts.is_first()
  hosts.wait_for_all("here")


def test_the_only_host_keeps_its_arrays():
  tree = {"a": jnp.arange(3), "b": (jnp.ones(2),)}
  kept = hosts.own_copy(tree)
  assert jax.tree.map(lambda x, y: x is y, tree, kept) == {
    "a": True,
    "b": (True,),
  }


def test_others_do_not_write(monkeypatch):
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  assert not hosts.is_first()


@pytest.mark.parametrize(("hosts_", "count"), [(2, 8), (3, 7), (4, 2)])
def test_hosts_share_rows_evenly_and_each_has_all(monkeypatch, hosts_, count):
  rows = {"a": np.arange(count), "b": np.arange(2 * count).reshape(count, 2)}
  parts, seen = [], []

  def work(some):
    seen.append(len(some["a"]))
    return some["a"][:, None] * 10 + some["b"]

  def keep(part, *, tiled):
    assert tiled
    parts.append(part)
    return np.concatenate(parts)

  whole = hosts.rows_by_all(work, rows)
  monkeypatch.setattr(jax, "process_count", lambda: hosts_)
  monkeypatch.setattr(multihost_utils, "process_allgather", keep)
  for host in range(hosts_):
    monkeypatch.setattr(jax, "process_index", lambda host=host: host)
    found = hosts.rows_by_all(work, rows)
  np.testing.assert_array_equal(found, whole)
  assert seen == [count] + [-(-count // hosts_)] * hosts_
