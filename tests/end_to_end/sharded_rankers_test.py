"""Rankers beside a generator learn on a mesh what they learn on one device."""

import contextlib
import functools
import re
from typing import NamedTuple

import chex
import jax
import numpy as np
import pytest

from gr_jax.data.request_lists import training_log
from gr_jax.dense import sasrec_training
from gr_jax.dense.sasrec import SASRec
from gr_jax.dense.sasrec_training import SASRecConfig
from gr_jax.dual_encoder import training as dual_training
from gr_jax.dual_encoder.network import DualEncoder
from gr_jax.dual_encoder.training import DenseConfig
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.parallel.mesh import MODEL, batch_parts
from gr_jax.ranking.impressions import page_impressions
from gr_jax.ranking.sim import training as sim_training
from gr_jax.ranking.sim.features import PairWriter, make_tables
from gr_jax.ranking.sim.model import PreferenceConfig
from gr_jax.ranking.sim.network import NetworkConfig
from gr_jax.training import scan_fit
from tests.reference import small_dense
from tests.reference.compiled_text import HOST, gathers
from tests.reference.sharded import MESHES, MIXED, OPTIMIZER, mesh_of
from tests.reference.small_world import shop, writer

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=2, head_size=8, feed_forward=24
)
close = functools.partial(chex.assert_trees_all_close, rtol=1e-5, atol=1e-5)


def sasrec():
  model = SASRec(CONFIG, len(shop().catalogue))
  config = SASRecConfig(length=6, batch_size=16, negatives=20, steps=2)
  params, _ = sasrec_training.fit(
    model, *training_log(shop().requests), config=config
  )
  return params


def dual_encoder():
  # Eight devices divide its table.
  tokens = -(-writer().num_tokens // 8) * 8
  rng = np.random.default_rng(0)
  vectors = [
    rng.normal(size=(size, 8)).astype(np.float32)
    for size in (len(shop().catalogue), len(shop().requests.queries))
  ]
  return dual_training.fit(
    DualEncoder(small_dense.CONFIG, tokens, 3),
    small_dense.pair_writer(),
    *vectors,
    config=DenseConfig(batch_size=16, steps=2),
  )


def preference():
  requests = shop().requests
  rng = np.random.default_rng(0)
  vectors = [rng.normal(size=(n, 5)) for n in (60, len(requests.queries))]
  config = PreferenceConfig(
    network=NetworkConfig(kept=4, width=8, hidden=(8,)),
    window=12,
    epochs=1,
    batch_size=16,
  )
  rows = page_impressions(requests, np.arange(8), num_items=60)
  assert len(rows.items) >= 32
  few = rows._replace(**{k: v[:32] for k, v in rows._asdict().items()})
  return sim_training._train(
    few,
    PairWriter(requests, config.window),
    make_tables(shop().catalogue, *vectors, depth=1),
    config,
    lambda done, total: None,
  )


# States or vectors of a row, whose batch is shared.
OF_A_ROW = {"sasrec": "6,16", "dual_encoder": "7,16", "preference": "12,5"}
RANKERS = {
  "sasrec": sasrec,
  "dual_encoder": dual_encoder,
  "preference": preference,
}


class Learned(NamedTuple):
  """Parameters after two steps, and the compiled text of a step."""

  params: dict
  text: str


def learned(name, monkeypatch, mesh=None) -> Learned:
  """The whole training, with `OPTIMIZER`, on a mesh or without."""
  texts = []

  def seen(run, *inputs, **options):
    texts.append(run.lower(*inputs, **options).compile().as_text())
    return run(*inputs, **options)

  with monkeypatch.context() as patch:
    for module in (sasrec_training, dual_training):
      patch.setattr(module, "make_optimizer", lambda *_: OPTIMIZER)
    patch.setattr(sim_training.optax, "adamw", lambda *_, **__: OPTIMIZER)
    for name_of_run in ("_run_chunk", "_run_batches"):
      run = functools.partial(seen, getattr(scan_fit, name_of_run))
      patch.setattr(scan_fit, name_of_run, run)
    with jax.set_mesh(mesh) if mesh else contextlib.nullcontext():
      return Learned(RANKERS[name](), texts[0])


@pytest.mark.parametrize("name", RANKERS)
@pytest.mark.parametrize(
  "mesh",
  [
    MIXED,
    *(
      pytest.param(mesh, marks=pytest.mark.slow)
      for mesh in MESHES.values()
      if mesh is not MIXED
    ),
  ],
  ids=["mixed", *(name for name in MESHES if name != "mixed")],
)
def test_a_ranker_learns_the_same_on_a_mesh(name, mesh, monkeypatch):
  where = mesh_of(*mesh)
  one, many = (learned(name, monkeypatch, on) for on in (None, where))
  close(jax.device_get(many.params), jax.device_get(one.params))
  assert not HOST.search(many.text)
  # Gradients are of a part of the batch, then summed.
  assert "all-reduce" in many.text
  for text, parts in ((one.text, 1), (many.text, batch_parts(where))):
    found = re.findall(rf"f32\[(\d+),{OF_A_ROW[name]}\]", text)
    assert max(map(int, found)) == 16 // parts
  for array in jax.tree.leaves(many.params):
    split = MODEL in array.sharding.spec
    rows = array.shape[0] if array.ndim else 0
    assert not split or array.addressable_shards[0].data.shape[0] < rows
    for gather in gathers(many.text, where):
      assert not split or gather.shape != array.shape, gather


@pytest.mark.parametrize("name", ["sasrec", "dual_encoder"])
def test_rows_of_its_table_lie_over_model(name, monkeypatch):
  params = learned(name, monkeypatch, mesh_of(*MIXED)).params["params"]
  split = [
    key
    for key, array in params.items()
    if isinstance(array, jax.Array) and MODEL in array.sharding.spec
  ]
  assert split == [{"sasrec": "items", "dual_encoder": "table"}[name]]
