"""One host does everything itself; two are in `tests/end_to_end`."""

import jax
import jax.numpy as jnp

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
