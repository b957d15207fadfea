import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.lazy_ar import LazyAR, build
from gr_jax.generators.prompts.prompt_encoder import MergeItems
from gr_jax.generators.value_scores import value_aware_scores
from gr_jax.generators.values import value_variables
from gr_jax.objectives.value_buckets import ValueBuckets
from gr_jax.objectives.value_scale import ValueScale
from tests.reference.small_lazy_ar import CONFIG, MEANS, apply, built, inputs
from tests.reference.small_world import semantic_ids

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def only_decoder():
  """A decoder with the parameters of a `LazyAR` without early layers."""
  model, params = built(early=0, buckets=0)
  decoder = DecoderOnly(CONFIG, model.prompt_size, model.level_sizes)
  return decoder, model, params


def test_without_early_layers_it_is_the_decoder_bit_for_bit():
  decoder, model, params = only_decoder()
  prompt, queries, codes = inputs()
  drawn = decoder.init(jax.random.key(0), *inputs())
  chex.assert_trees_all_equal_structs(nn.unbox(drawn), params)
  chex.assert_trees_all_equal(
    apply(decoder, params, prompt, queries, codes),
    apply(model, params, prompt, queries, codes),
  )
  for generator in (decoder, model):
    first = apply(generator, params, prompt, queries[:, 0], method="first_code")
    step = apply(
      generator,
      params,
      jnp.asarray(codes[:, :1, 0]),
      jnp.zeros((4, 1), jnp.int32),
      first[1],
      level=1,
      method="next_code",
    )
    if generator is decoder:
      wanted = first[0], step[0]
  chex.assert_trees_all_equal(wanted, (first[0], step[0]))


CASES = {
  "two of three": {},
  "one of three": {"early": 1},
  "none": {"early": 0},
  "merged": {"prompt_encoder": MergeItems()},
  "counted": {"counted": True},
}
SLOW = ("one of three", "none", "merged")


@pytest.mark.parametrize(
  "case",
  [pytest.param(c, marks=pytest.mark.slow if c in SLOW else ()) for c in CASES],
)
def test_steps_with_a_cache_equal_the_packed_forward_pass(case):
  model, params = built(**CASES[case])
  prompt, queries, codes = inputs()
  packed = apply(
    model, params, prompt, queries, codes, method=value_aware_scores
  )
  beams = jnp.asarray(codes[:, :1])
  parents = jnp.zeros((4, 1), jnp.int32)
  log_probs, cache = apply(
    model, params, prompt, queries[:, 0], method="first_code"
  )
  wanted = [jax.nn.log_softmax(x[:, 0]) for x in packed.codes]
  np.testing.assert_allclose(log_probs, wanted[0], **CLOSE)
  for level in (1, 2):
    code = beams[:, :, level - 1]
    log_probs, cache = apply(
      model, params, code, parents, cache, level=level, method="next_code"
    )
    np.testing.assert_allclose(log_probs[:, 0], wanted[level], **CLOSE)
  params = params | value_variables(ValueBuckets(MEANS[:2], MEANS))
  values = apply(
    model, params, beams[:, :, 2], parents, cache, method="next_value"
  )
  wanted = jax.nn.softmax(packed.values[:, 0]) @ MEANS
  np.testing.assert_allclose(values[:, 0], wanted, **CLOSE)


def test_a_search_finds_the_scores_of_the_uncached_forward_pass():
  """Beams that keep every ID have all of them, with exact scores and values."""
  model, params = built()
  buckets = ValueBuckets(MEANS[:2], MEANS)
  params = params | value_variables(buckets, scale=ValueScale(0.5, 2.0))
  prompt, queries, _ = inputs()
  ids = semantic_ids()
  trie = build_trie(ids.ids, ids.level_sizes)
  search = jax.jit(functools.partial(beam_search, model, beam_size=ids.num_ids))
  found = search(params, (prompt, queries[:, 0]), trie)
  codes = np.broadcast_to(ids.ids, (4, *ids.ids.shape))
  alone = np.broadcast_to(queries[:, :1], (4, len(ids.ids), queries.shape[-1]))
  scores = apply(model, params, prompt, alone, codes, method=value_aware_scores)
  wanted = sum(
    np.take_along_axis(
      np.asarray(jax.nn.log_softmax(x)), codes[..., level, None], axis=-1
    )[..., 0]
    for level, x in enumerate(scores.codes)
  )
  values = 0.5 * np.asarray(jax.nn.softmax(scores.values) @ MEANS) ** 2
  for have, all_ids in ((found.log_probs, wanted), (found.values, values)):
    want = np.take_along_axis(all_ids, np.asarray(found.ids), axis=1)
    np.testing.assert_allclose(have, want, **CLOSE)
  chex.assert_trees_all_equal(
    np.sort(found.ids, axis=1), np.tile(np.arange(ids.num_ids), (4, 1))
  )


@pytest.mark.parametrize("early", [-1, 3])
def test_a_late_layer_has_to_read_the_code_before(early):
  with pytest.raises(ValueError, match=f"early_layers is {early} of 3 layers"):
    LazyAR(CONFIG, 4, (3, 3), early_layers=early)


def test_values_have_two_buckets_at_least():
  with pytest.raises(ValueError, match="value_buckets is 1"):
    LazyAR(CONFIG, 4, (3, 3), value_buckets=1)


def test_values_are_predicted_with_their_means_alone():
  model, params = built()
  prompt, queries, codes = inputs()
  read = jax.eval_shape(model.prefill, params, (prompt, queries[:, 0]))
  step = functools.partial(jax.eval_shape, model.predict_value)
  with pytest.raises(ValueError, match="variables have no"):
    step(params, codes[:, :, 2], np.zeros((4, 3), int), read[1])


def test_a_section_says_how_many_layers_are_early():
  parts = {"prompt_size": 4, "level_sizes": (3, 3)}
  model = build({"early_layers": 2}, config=CONFIG, **parts)
  assert model == LazyAR(CONFIG, 4, (3, 3), early_layers=2)
  section = {"early_layers": 0, "value": {"buckets": 5}}
  assert build(section, config=CONFIG, **parts).value_buckets == 5
