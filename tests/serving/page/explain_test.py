import functools
import math

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.serving.page.explain import code_log_probs, explain, prefix_tree
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, writer

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)


@functools.cache
def built():
  """A model with early ends, one prompt, and IDs of every length."""
  model = DecoderOnly(
    CONFIG, writer()._vocabulary.prompt_size, semantic_ids().level_sizes, True
  )
  prompt = writer().prompts(np.array([3]), shown=np.ones(1, bool))
  queries = writer().queries(np.array([3]))
  ids = semantic_ids().ids.copy()
  ids[::3, 2] = -1
  ids[::6, 1:] = -1
  ids = np.unique(np.repeat(ids, 2, axis=0), axis=0)
  params = nn.unbox(
    jax.jit(model.init)(
      jax.random.key(0), prompt, queries[:, None], ids[None, :1]
    )
  )
  return model, noisy(params), (prompt, queries), ids


@functools.cache
def explained():
  model, params, prompt, ids = built()
  return ids, code_log_probs(model, params, prompt, ids)


def test_terms_are_those_of_the_model_read_at_once():
  model, params, (prompt, queries), ids = built()
  queries = np.repeat(queries[:, None], len(ids), axis=1)
  logits = jax.jit(model.apply)(params, prompt, queries, ids[None])
  wanted = np.zeros(ids.shape)
  for level, each in enumerate(logits):
    log_probs = np.asarray(jax.nn.log_softmax(each))[0]
    for row, codes in enumerate(ids):
      if level == 0 or codes[level - 1] >= 0:
        column = codes[level] if codes[level] >= 0 else log_probs.shape[1] - 1
        wanted[row, level] = log_probs[row, column]
  np.testing.assert_allclose(explained()[1], wanted, atol=1e-4)


def test_more_ids_than_one_pass_holds_change_nothing():
  model, params, prompt, _ = built()
  ids, alone = explained()
  many = code_log_probs(model, params, prompt, np.tile(ids, (4, 1)))
  assert len(many) > 64
  np.testing.assert_allclose(many, np.tile(alone, (4, 1)), atol=1e-5)


def test_a_parent_is_the_sum_of_its_children():
  ids, log_probs = explained()
  tree = prefix_tree(ids, log_probs, np.arange(1, len(ids) + 1))
  nodes = {tuple(node["prefix"]): node for node in tree}
  assert len(nodes) == len(tree)
  for prefix, node in nodes.items():
    below = [n for p, n in nodes.items() if p[:-1] == prefix]
    above = nodes.get(prefix[:-1], {"total": 0.0})
    assert node["total"] == pytest.approx(above["total"] + node["log_prob"])
    mass = sum(math.exp(n["total"]) for n in below)
    assert mass <= math.exp(node["total"]) * (1 + 1e-5)
    for name in ("ids", "answers"):
      assert not below or node[name] == sum(n[name] for n in below)
  roots = [node for prefix, node in nodes.items() if len(prefix) == 1]
  assert sum(node["ids"] for node in roots) == len(ids)


def test_the_tree_goes_down_before_it_goes_on_likely_first():
  ids, log_probs = explained()
  tree = prefix_tree(ids, log_probs, np.ones(len(ids), int))
  seen = set()
  for i, node in enumerate(tree):
    prefix = tuple(node["prefix"])
    assert len(prefix) == 1 or prefix[:-1] in seen
    if i and len(prefix) > 1:
      assert tuple(tree[i - 1]["prefix"][: len(prefix) - 1]) == prefix[:-1]
    seen.add(prefix)
  roots = [node["total"] for node in tree if len(node["prefix"]) == 1]
  assert roots == sorted(roots, reverse=True)


def test_the_terms_of_an_answer_sum_to_its_score(make_service, search_of):
  service = make_service()
  request = search_of(
    "red cup", history=["B1", "B2"], filters={"in_stock": True}
  )
  (answer,) = service.answer([request])
  tree = explain(request, answer.items, service.serving)
  totals = {tuple(node["prefix"]): node["total"] for node in tree}
  for item in answer.items:
    codes = item["semantic_id"]
    # The run's products round to bfloat16, once more for another batch.
    assert totals[tuple(codes)] == pytest.approx(item["score"], abs=5e-3)
  assert all(node["topic"]["category"].startswith("KITCHEN") for node in tree)
  assert sum(n["answers"] for n in tree if len(n["prefix"]) == 1) == len(
    answer.items
  )


def test_no_answer_has_no_prefixes(make_service, search_of):
  assert explain(search_of("cup"), [], make_service().serving) == []
