import functools

import jax
import numpy as np
from flax import linen as nn

from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.retrieval.retriever import Retriever
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.noisy import noisy
from tests.reference.random_ids import random_ids
from tests.reference.small_world import semantic_ids, writer

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)


@functools.cache
def built():
  model = DecoderOnly(
    CONFIG, writer()._vocabulary.prompt_size, semantic_ids().level_sizes
  )
  prompt = writer().prompts(np.arange(11), shown=np.ones(11, bool))
  queries = writer().queries(np.arange(11))
  codes = np.zeros((11, 1, 3), np.int32)
  params = nn.unbox(
    jax.jit(model.init)(jax.random.key(0), prompt, queries[:, None], codes)
  )
  params = noisy(params)
  retriever = Retriever(model, params, semantic_ids(), batch_size=4)
  return model, params, retriever, (prompt, queries)


def test_a_wide_beam_ranks_the_whole_catalogue_by_the_model():
  model, params, retriever, (prompt, queries) = built()
  ids = semantic_ids().ids
  found = retriever.search(prompt, queries, beam_size=len(ids))
  logits = jax.jit(model.apply)(
    params,
    jax.tree.map(lambda x: x[:1], prompt),
    np.repeat(queries[:1, None], len(ids), axis=1),
    ids[None],
  )
  scores = sum(
    np.take_along_axis(
      np.asarray(jax.nn.log_softmax(level))[0], ids[:, l : l + 1], axis=1
    )[:, 0]
    for l, level in enumerate(logits)
  )
  assert sorted(found.ids[0]) == list(range(len(ids)))
  np.testing.assert_allclose(
    found.log_probs[0], np.sort(scores)[::-1], atol=1e-4
  )


def counted_short_ids():
  """A model that reads counts, of IDs of one to three codes."""
  sizes = semantic_ids().level_sizes
  codes = random_ids(np.random.default_rng(0), sizes, 30, has_ends=True)
  short = SemanticIds(codes, sizes)
  counts = count_catalogue(short, np.arange(len(codes)), alpha=0.5)
  variables = {"counts": {"catalogue": counts}}
  model = DecoderOnly(CONFIG, writer()._vocabulary.prompt_size, sizes, True)
  _, _, _, (prompt, queries) = built()
  inputs = prompt, queries[:, None], np.zeros((11, 1, 3), np.int32)
  init = functools.partial(model.apply, variables, mutable=["params"])
  _, params = jax.jit(lambda key: init(*inputs, rngs={"params": key}))(
    jax.random.key(0)
  )
  return model, noisy(nn.unbox(params)) | variables, short


def test_counts_and_early_ends_pass_through_the_search():
  model, params, short = counted_short_ids()
  _, _, _, (prompt, queries) = built()
  retriever = Retriever(model, params, short, batch_size=11)
  total = short.num_ids
  found = retriever.search(prompt, queries, beam_size=total)
  logits = jax.jit(model.apply)(
    params, prompt, np.repeat(queries[:, None], total, 1),
    np.stack([short.ids] * 11),
  )  # fmt: skip
  scores = np.zeros((11, total))
  for l, level in enumerate(logits):
    code = short.ids[:, l]
    # An end is said once: after it there is nothing left to say.
    said = code >= 0 if l == 0 else (code >= 0) | (short.ids[:, l - 1] >= 0)
    column = np.where(code < 0, level.shape[-1] - 1, code)
    each = np.asarray(jax.nn.log_softmax(level))[:, np.arange(total), column]
    scores += np.where(said, each, 0)
  for ids in found.ids:
    assert sorted(ids) == list(range(total))
  ranked = -np.sort(-scores, axis=1)
  np.testing.assert_allclose(found.log_probs, ranked, atol=1e-4)


def test_batches_do_not_change_answers():
  _, _, retriever, (prompt, queries) = built()
  whole = retriever.search(prompt, queries, beam_size=8)
  some = retriever.search(
    jax.tree.map(lambda x: x[5:7], prompt), queries[5:7], beam_size=8
  )
  np.testing.assert_array_equal(whole.ids[5:7], some.ids)


def test_one_width_per_level_finds_no_more_than_the_widest_everywhere():
  _, _, retriever, (prompt, queries) = built()
  wide = retriever.search(prompt, queries, beam_size=8)
  same = retriever.search(prompt, queries, beam_size=(8, 8, 8))
  np.testing.assert_array_equal(wide.ids, same.ids)
  rising = retriever.search(prompt, queries, beam_size=(1, 3, 8))
  assert rising.ids.shape == (11, 8)
  # One first code is kept: its best ID is that of a greedy first step.
  first = [set(semantic_ids().ids[row[row >= 0], 0]) for row in rising.ids]
  assert all(len(codes) == 1 for codes in first)
  assert (rising.log_probs <= wide.log_probs).all()
  assert (rising.log_probs < wide.log_probs).any()


def test_seen_items_do_not_come_back():
  _, _, retriever, (prompt, queries) = built()
  rng = np.random.default_rng(0)
  seen = [rng.choice(60, n, replace=False) for n in range(11)]
  excluded = fully_seen_ids(seen, semantic_ids())
  found = retriever.search(prompt, queries, beam_size=8, excluded=excluded)
  items = expand_items(found.ids, semantic_ids(), np.zeros(60), k=8, seen=seen)
  for row, gone in zip(items, seen):
    assert not set(row.tolist()) & set(gone.tolist())
    assert (row >= 0).all()


def test_an_unconstrained_search_reports_what_names_nothing():
  _, _, retriever, (prompt, queries) = built()
  found = retriever.unconstrained_search(prompt, queries, beam_size=8)
  assert ((found.ids >= -1) & (found.ids < semantic_ids().num_ids)).all()
  assert (found.ids == -1).any()


def test_other_variables_answer_as_a_retriever_of_their_own():
  model, params, retriever, asked = built()
  other = jax.tree.map(lambda x: x * 1.5, params)
  alone = Retriever(model, other, semantic_ids(), batch_size=4)
  found = retriever.with_variables(other).search(*asked, beam_size=5)
  expected = alone.search(*asked, beam_size=5)
  np.testing.assert_array_equal(found.ids, expected.ids)
  first = retriever.search(*asked, beam_size=5)
  assert (first.log_probs != found.log_probs).any()
