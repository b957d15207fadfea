import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from experiments.pipeline.point_wise import point_wise_loss
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.prompts.prompt_encoder import FlattenItems, SumItems
from gr_jax.generators.training_examples.single import Examples
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.retrieval.retriever import Retriever
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.noisy import noisy
from tests.reference.random_ids import random_ids
from tests.reference.small_world import semantic_ids, writer

CONFIG = TransformerConfig(
  layers=2,
  width=16,
  heads=2,
  kv_heads=1,
  head_size=8,
  feed_forward=24,
  unroll=1,
)
ROWS = np.arange(100, 104)
SUMMED = SumItems()
SIZES = semantic_ids().level_sizes


def short_ids():
  """IDs of one to three codes."""
  codes = random_ids(np.random.default_rng(0), SIZES, 30, has_ends=True)
  return SemanticIds(codes, SIZES)


@functools.cache
def built(ends=False, prompt_encoder=SUMMED, counted=False, adaptor=None):
  size = writer()._vocabulary.prompt_size
  model = EncoderDecoder(
    CONFIG, size, SIZES, ends, prompt_encoder=prompt_encoder, adaptor=adaptor
  )
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  queries = writer().queries(np.array([[0, -1, 3]] * 4))
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, c, (4, 3)) for c in SIZES], axis=-1)
  inputs = (prompt, queries, codes.astype(np.int32))
  ids = short_ids() if ends else semantic_ids()
  popularity = np.arange(len(ids))
  counts = count_catalogue(ids, popularity, alpha=0.5)
  rows = np.arange(len(ids))
  transitions = count_transitions(
    ids, rows, rows // 10, window=3, neighbours=6, last=3
  )
  variables = {"catalogue": counts, "transitions": transitions}
  counts = {"counts": variables} if counted else {}
  init = functools.partial(model.apply, counts, mutable=["params"])
  # Initial values would take longer to compile than a test needs.
  _, shapes = jax.eval_shape(
    lambda key: init(*inputs, rngs={"params": key}), jax.random.key(0)
  )
  zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), nn.unbox(shapes))
  return model, noisy(zeros) | counts, inputs


@functools.partial(jax.jit, static_argnums=0)
def forward(model, params, prompt, queries, codes):
  return model.apply(params, prompt, queries, codes)


def test_kernels_say_what_arrays_say(monkeypatch):
  """Encoder and cross attention by a kernel's arguments, padding included."""
  monkeypatch.setattr("gr_jax.nn.attention_choice.SHORTEST", {"cudnn": 4})
  model, params, (prompt, queries, codes) = built()
  mask = np.array(prompt.mask)
  mask[1:3, 2:4] = False
  prompt = dataclasses.replace(prompt, mask=mask)
  kernel = model.copy(config=dataclasses.replace(CONFIG, attention="cudnn"))
  expected = forward(model, params, prompt, queries, codes)
  found = forward(kernel, params, prompt, queries, codes)
  for ours, theirs in zip(found, expected, strict=True):
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@functools.cache
def jitted(model):
  """`prefill` and `decode_step`, compiled."""
  return (
    jax.jit(functools.partial(model.apply, method="first_code")),
    jax.jit(
      functools.partial(model.apply, method="next_code"),
      static_argnames="level",
    ),
  )


WHOLE = {
  "ends": True,
  "counted": True,
  "prompt_encoder": FlattenItems(),
  "adaptor": PrefixAdaptor(dataclasses.replace(CONFIG, layers=1)),
}


@pytest.mark.parametrize("parts", [{}, WHOLE], ids=["plain", "whole"])
def test_steps_with_a_cache_equal_teacher_forcing(parts):
  model, params, (prompt, queries, codes) = built(**parts)
  packed = forward(model, params, prompt, queries, codes)
  beams = jnp.asarray(codes[:, [0, 0]])
  parents = jnp.zeros((4, 2), jnp.int32)
  prefill, decode_step = jitted(model)
  log_probs, cache = prefill(params, prompt, queries[:, 0])
  np.testing.assert_allclose(
    log_probs, jax.nn.log_softmax(packed[0][:, 0]), atol=1e-4
  )
  for level in range(1, len(SIZES)):
    log_probs, cache = decode_step(
      params, beams[:, :, level - 1], parents, cache, level=level
    )
    np.testing.assert_allclose(
      log_probs[:, 0], jax.nn.log_softmax(packed[level][:, 0]), atol=1e-4
    )


def test_targets_do_not_read_each_other():
  model, params, (prompt, queries, codes) = built()
  moved, named = queries.copy(), codes.copy()
  moved[:, 0], named[:, 0] = queries[:, 2], codes[:, 2]
  a = forward(model, params, prompt, queries, codes)
  b = forward(model, params, prompt, moved, named)
  for x, y in zip(a, b):
    np.testing.assert_allclose(x[:, 1:], y[:, 1:], atol=1e-5)
    assert np.abs(x[:, 0] - y[:, 0]).max() > 1e-3


def test_beams_follow_their_parents():
  """Swapping the beams of a step swaps what they say."""
  model, params, (prompt, queries, codes) = built(**WHOLE)
  prefill, decode_step = jitted(model)
  _, cache = prefill(params, prompt, queries[:, 0])
  step = functools.partial(decode_step, params)
  zero = jnp.zeros((4, 2), jnp.int32)
  first = jnp.stack((codes[:, 0, 0], codes[:, 1, 0]), axis=1)
  second = jnp.stack((codes[:, 0, 1], codes[:, 1, 1]), axis=1)
  _, cache = step(first, zero, cache, level=1)
  straight, _ = step(second, zero + jnp.arange(2), cache, level=2)
  swapped, _ = step(second[:, ::-1], zero + jnp.array([1, 0]), cache, level=2)
  np.testing.assert_allclose(straight, swapped[:, ::-1], atol=1e-5)


def test_the_last_code_is_not_read():
  model, params, (prompt, queries, codes) = built()
  changed = codes.copy()
  changed[..., -1] = 0
  a, b = (forward(model, params, prompt, queries, c) for c in (codes, changed))
  chex.assert_trees_all_equal(a, b)


def test_words_that_are_not_there_change_nothing():
  model, params, (prompt, queries, codes) = built()
  longer = np.pad(queries, ((0, 0), (0, 0), (0, 2)), constant_values=-1)
  a, b = (forward(model, params, prompt, q, codes) for q in (queries, longer))
  for x, y in zip(a, b):
    np.testing.assert_allclose(x, y, atol=1e-5)


def test_the_order_of_words_is_read():
  model, params, (prompt, queries, codes) = built()
  words = queries.copy()
  words[..., :2] = queries[..., 1::-1]
  assert (words >= 0).all(axis=-1).any()
  a, b = (forward(model, params, prompt, q, codes) for q in (queries, words))
  assert np.abs(a[0] - b[0]).max() > 1e-3


def test_hidden_people_are_not_read():
  model, params, (prompt, queries, codes) = built()
  hidden = prompt.replace(mask=np.zeros_like(prompt.mask))
  other = hidden.replace(history=np.roll(prompt.history, 1, axis=0))
  a, b = (forward(model, params, p, queries, codes) for p in (hidden, other))
  for x, y in zip(a, b):
    np.testing.assert_allclose(x, y, atol=1e-5)
    assert np.isfinite(x).all()


def test_ends_add_one_column_after_the_first_level():
  model, params, inputs = built(**WHOLE)
  logits = jax.eval_shape(model.apply, params, *inputs)
  columns = [level.shape[-1] for level in logits]
  assert columns == [SIZES[0], SIZES[1] + 1, SIZES[2] + 1]


def test_a_wide_beam_ranks_all_ids_also_short_ones_by_the_model():
  model, params, (prompt, queries, _) = built(**WHOLE)
  ids = short_ids()
  total = ids.num_ids
  retriever = Retriever(model, params, ids, batch_size=4)
  found = retriever.search(prompt, queries[:, 0], beam_size=total)
  logits = forward(
    model,
    params,
    prompt,
    np.repeat(queries[:, :1], total, 1),
    np.stack([ids.ids] * 4),
  )
  scores = np.zeros((4, total))
  for l, level in enumerate(logits):
    code = ids.ids[:, l]
    # An end is said once: after it there is nothing left to say.
    said = code >= 0 if l == 0 else (code >= 0) | (ids.ids[:, l - 1] >= 0)
    column = np.where(code < 0, level.shape[-1] - 1, code)
    each = np.asarray(jax.nn.log_softmax(level))[:, np.arange(total), column]
    scores += np.where(said, each, 0)
  for row in found.ids:
    assert sorted(row) == list(range(total))
  ranked = -np.sort(-scores, axis=1)
  np.testing.assert_allclose(found.log_probs, ranked, atol=1e-3)


@pytest.mark.slow
def test_the_loss_of_other_generators_learns_it():
  model, params, (prompt, queries, codes) = built(**WHOLE)
  counts = {"counts": params["counts"]}
  batch = Examples(prompt, queries, codes, np.ones((4, 3), bool))

  @jax.jit
  def step(learned):
    (loss, _), grads = jax.value_and_grad(
      lambda p: point_wise_loss(model, p, batch, counts), has_aux=True
    )(learned)
    return loss, jax.tree.map(lambda p, g: p - 0.03 * g, learned, grads)

  learned = {"params": params["params"]}
  losses = []
  for _ in range(30):
    loss, learned = step(learned)
    losses.append(float(loss))
  assert losses[-1] < 0.9 * losses[0]
