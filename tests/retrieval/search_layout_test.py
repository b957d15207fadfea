"""Parameters laid out for a GPU give the answers of those that were trained."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.build import initializer
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.retrieval import compiled_search
from gr_jax.retrieval import search_layout as search_layout_module
from gr_jax.retrieval.search_layout import search_layout
from tools.benchmarks.generator import Sizes

SIZES = Sizes(
  9,
  level_sizes=(8, 8),
  ids=20,
  batch=2,
  history=3,
  beam=4,
  layers=2,
  width=8,
  heads=2,
  kv_heads=1,
  feed_forward=8,
)


@pytest.fixture(scope="module")
def given():
  model = SIZES.model("bfloat16")
  shapes = jax.eval_shape(initializer(model, {}), jax.random.key(0))
  rng = np.random.default_rng(0)
  params = jax.tree.map(
    lambda x: jnp.asarray(rng.standard_normal(x.shape, np.float32)),
    nn.unbox(shapes),
  )
  return model, params, SIZES.prompts()


def test_a_search_finds_the_same_ids_with_the_same_scores(given):
  model, params, prompt = given
  trie = build_trie(SIZES.catalogue(), SIZES.level_sizes)
  search = jax.jit(functools.partial(beam_search, model, beam_size=SIZES.beam))
  expected = search(params, prompt, trie)
  found = search(search_layout(model, params, platform="gpu"), prompt, trie)
  np.testing.assert_array_equal(found.ids, expected.ids)
  np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)


def test_kernels_of_blocks_alone_are_rounded_and_layers_stand_apart(given):
  model, params, _ = given
  found = search_layout(model, {**params, "counts": 1}, platform="gpu")
  assert found["counts"] == 1
  transformer = found["params"]["transformer"]
  assert set(transformer) == {"block_0", "block_1", "norm"}
  for path, leaf in jax.tree.leaves_with_path(found["params"]):
    rounded = path[-1].key == "kernel"
    assert leaf.dtype == (jnp.bfloat16 if rounded else jnp.float32), path
  exact = search_layout(SIZES.model("float32"), params, platform="gpu")
  assert {x.dtype for x in jax.tree.leaves(exact)} == {jnp.dtype("float32")}


def test_layers_of_a_deep_network_stay_stacked(given, monkeypatch):
  model, params, _ = given
  monkeypatch.setattr(search_layout_module, "MOST_APART", 1)
  found = search_layout(model, params, platform="gpu")
  assert set(found["params"]["transformer"]) == {"blocks", "norm"}
  kernel = found["params"]["transformer"]["blocks"]["mlp"]["up"]["dense"]
  assert kernel["kernel"].dtype == jnp.bfloat16


def test_other_platforms_and_other_networks_keep_what_they_have(given):
  model, params, _ = given
  assert search_layout(model, params) is params
  assert search_layout(model, params, platform="tpu") is params
  other = EncoderDecoder.__new__(EncoderDecoder)
  assert search_layout(other, params, platform="gpu") is params


def test_a_compiler_that_lacks_an_option_compiles_without(monkeypatch):
  class Lowered:
    def compile(self, options=None):
      if options:
        raise jax.errors.JaxRuntimeError("No such compile option: 'x'")
      return "compiled"

  monkeypatch.setattr(compiled_search, "OPTIONS", {"cpu": {"x": 0}})
  assert compiled_search.compile_search(Lowered()) == "compiled"
  monkeypatch.setattr(
    Lowered,
    "compile",
    lambda *_: (_ for _ in ()).throw(jax.errors.JaxRuntimeError("no memory")),
  )
  with pytest.raises(jax.errors.JaxRuntimeError, match="no memory"):
    compiled_search.compile_search(Lowered())
