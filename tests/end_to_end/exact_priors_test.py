"""Search with priors is enumeration: every change, filter and candidate.

Two random catalogues change step by step, one of a generator that reads
candidates, one of a generator that reads repeats and transitions. After every
step a beam as wide as the catalogue must rank just the IDs that the filter lets
through, each with the log-probability that looking at all items gives it
(`enumerated_scores`). A filter and a removal take IDs out and leave the
probability of the others as it is.
"""

import functools

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from hypothesis import stateful

from gr_jax.decoding.beam_search import beam_search
from gr_jax.generators.code_head import CodeHead
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.serving.catalogue.items import NewItem
from gr_jax.serving.requests import Filters
from tests.reference import enumerated_scores
from tests.reference.changing_catalogue import (
  ALL_IDS,
  ALPHA,
  CAPACITY,
  FEATURES,
  LAST,
  LEVELS,
  PATHS,
  SIZE,
  SIZES,
  VOCABULARY,
  Changing,
)

NETWORK = TransformerConfig(
  layers=1, width=8, heads=2, kv_heads=1, head_size=4, feed_forward=12
)
# The trust in the network's scores by level, and its use by kind of request.
TRUST, USED = np.array([0.9, 1.3, 0.6]), np.array([0.0, 0.5, 1.0])
SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def model(candidates: bool) -> DecoderOnly:
  return DecoderOnly(
    NETWORK,
    VOCABULARY.prompt_size,
    SIZES,
    ends=True,
    candidate_features=FEATURES if candidates else 0,
  )


@functools.partial(jax.jit, static_argnames="candidates")
@chex.assert_max_traces(n=2)
def search(variables, prompt, trie, allowed, *, candidates):
  return beam_search(
    model(candidates),
    variables,
    prompt,
    trie,
    beam_size=CAPACITY,
    allowed=allowed,
  )


@functools.partial(jax.jit, static_argnames="candidates")
@chex.assert_max_traces(n=2)
def network_states(variables, prompt, queries, ids, *, candidates):
  """Per level `[3, R, D]`, before every code of `ids` `[R, L]`."""

  def only_states(method, inputs, options, context):
    of_head = isinstance(context.module, CodeHead)
    if of_head and context.method_name == "logits":
      return inputs[1]
    return method(*inputs, **options)

  B, R = len(queries), len(ids)
  with nn.intercept_methods(only_states):
    return model(candidates).apply(
      variables,
      prompt,
      jnp.broadcast_to(queries[:, None], (B, R, queries.shape[-1])),
      jnp.broadcast_to(ids, (B, R, LEVELS)),
    )


@functools.cache
def parameters(candidates: bool):
  """Random ones, the same for all catalogues."""
  rng = np.random.default_rng(0)
  catalogue = Changing.new(rng, candidates)
  prompt, queries = catalogue.prompts()
  init = functools.partial(
    model(candidates).apply, catalogue.snapshot.counts, mutable=["params"]
  )
  _, shapes = jax.eval_shape(
    lambda key, *inputs: init(*inputs, rngs={"params": key}),
    jax.random.key(0),
    prompt,
    queries[:, None],
    np.zeros((3, 1, LEVELS), np.int32),
  )
  found = jax.tree.map(
    lambda x: 0.4 * rng.standard_normal(x.shape, np.float32),
    nn.unbox(shapes)["params"],
  )
  if candidates:
    found["trust"] = TRUST.astype(np.float32)
    found["prior"]["candidates"]["used"] = USED.astype(np.float32)
  return found


def enumerated(catalogue, params, prompt, states, ids):
  """`[3, R]`, the log-probabilities of `ids` `[R, L]`."""
  items = catalogue.snapshot.items
  everything = enumerated_scores.Catalogue(
    items.semantic_ids.codes, items.popularity + ALPHA, SIZES
  )
  found = np.zeros((3, len(ids)))
  for row in range(3):
    scale = np.ones(LEVELS)
    if catalogue.snapshot.candidates:
      used = USED[prompt.candidates.kind[row, 0]]
      scale = used * TRUST
      bias = enumerated_scores.candidate_bias(
        everything,
        params["prior"]["candidates"],
        catalogue.source.of_request[row],
        used=used,
      )
    else:
      bias = enumerated_scores.history_bias(
        everything, params["prior"], *of_history(catalogue, params, prompt, row)
      )
    for place, codes in enumerate(ids):
      found[row, place] = enumerated_scores.log_prob(
        codes,
        np.array([level[row, place] for level in states], np.float64),
        params=params,
        catalogue=everything,
        prompt_size=VOCABULARY.prompt_size,
        scale=scale,
        bias=bias,
      )
  return found


def of_history(catalogue, params, prompt, row):
  """The history's codes and weights, and those of its neighbours."""
  there = prompt.mask[row, 1:]
  tokens = prompt.history[row][there].astype(int)
  offsets = np.array(VOCABULARY.code_offsets)
  codes = tokens[:, :LEVELS]
  codes = np.where(codes < 0, -1, codes - offsets)
  weights = np.exp(params["prior"]["scale"][tokens[:, LEVELS:]].sum(axis=1))
  table = catalogue.snapshot.counts["counts"]["transitions"]
  known = [tuple(each) for each in table.ids.tolist()]
  neighbours, weights_of = table.neighbours.tolist(), table.weights.tolist()
  bought = [tuple(each) for each in codes.tolist()]
  ages = np.exp(params["prior"]["transitions"]["age"])
  found = [
    (known[other], ages[k] * weight)
    for k, item in enumerate(bought[::-1][:LAST])
    if item in known
    for other, weight in zip(
      neighbours[known.index(item)], weights_of[known.index(item)]
    )
    if known[other] not in bought
  ]
  return (codes, weights), (
    np.array([one for one, _ in found], int).reshape(-1, LEVELS),
    np.array([weight for _, weight in found], float),
  )


def check(catalogue, candidates):
  """The search of all three requests is enumeration."""
  snapshot, params = catalogue.snapshot, parameters(candidates)
  variables = {"params": params} | snapshot.counts
  prompt, queries = catalogue.prompts()
  passing = snapshot.passing(catalogue.filters)
  found = jax.device_get(
    search(
      variables,
      (prompt, queries),
      snapshot.live.trie,
      snapshot.allowed(passing),
      candidates=candidates,
    )
  )
  codes = snapshot.items.semantic_ids.codes
  allowed = np.unique(codes[passing], axis=0).reshape(-1, LEVELS)
  padded = np.zeros((CAPACITY, LEVELS), np.int32)
  padded[: len(allowed)] = allowed
  states = network_states(
    variables, prompt, queries, padded, candidates=candidates
  )
  expected = enumerated(
    catalogue, params, prompt, jax.device_get(states), allowed
  )
  for row in range(3):
    count, scores = len(allowed), found.log_probs[row]
    by_codes = dict(zip(map(tuple, allowed.tolist()), expected[row]))
    # Each of them once, the best first, and nothing behind them.
    mine = [by_codes.pop(tuple(c)) for c in found.codes[row, :count].tolist()]
    np.testing.assert_allclose(scores[:count], mine, rtol=0, atol=1e-5)
    assert (scores[1:] <= scores[:-1]).all()
    np.testing.assert_array_equal(found.ids[row, count:], -1)
    rows, _ = snapshot.expand(found.ids[row], passing, k=len(passing))
    assert sorted(rows) == np.flatnonzero(passing).tolist()


class WithCandidates(stateful.RuleBasedStateMachine):
  """A catalogue of a generator that reads candidates."""

  candidates = True

  @stateful.initialize(seed=SEEDS)
  def begin(self, seed):
    self.found = Changing.new(np.random.default_rng(seed), self.candidates)
    self.added = 0

  @stateful.rule(seed=SEEDS)
  def add_an_item(self, seed):
    """With any ID while there is room, else with one that is there."""
    rng = np.random.default_rng(seed)
    items = self.found.snapshot.items
    full = items.semantic_ids.num_ids == CAPACITY
    codes = rng.choice(items.semantic_ids.ids if full else ALL_IDS, 1)
    path = " > ".join(PATHS[rng.integers(3)])
    new = NewItem(f"new {self.added}", "plain", path)
    self.added += 1
    self.found.change(items.with_facts([new], codes))
    # Those who know it at once: it is a candidate of half of the requests.
    row = len(items)
    for features in self.found.source.of_request[:2]:
      if len(features) < SIZE:
        features[row] = rng.normal(size=FEATURES).astype(np.float32)

  @stateful.rule(seed=SEEDS)
  def remove_or_bring_back_an_item(self, seed):
    rng = np.random.default_rng(seed)
    items = self.found.snapshot.items
    row = rng.integers(len(items))
    if items.present[row] and items.present.sum() > 1:
      items = items.without([items.item_ids[row]])
    else:
      items = items._with("present", {items.item_ids[row]: True})
    self.found.change(items)

  @stateful.rule(
    categories=st.sampled_from([None, ("dry",), ("dry > tea", "fresh")]),
    excluded=st.sets(st.integers(0, 15)),
  )
  def change_the_filter(self, categories, excluded):
    allowed = {"categories": categories} if categories else {}
    gone = tuple(str(each) for each in excluded)
    self.found.filters = Filters(exclude=gone, **allowed)

  @stateful.rule(seed=SEEDS)
  def ask_anew(self, seed):
    self.found.ask(np.random.default_rng(seed))

  @stateful.rule(seed=SEEDS)
  def draw_other_candidates(self, seed):
    self.found.draw_candidates(np.random.default_rng(seed))

  @stateful.invariant()
  def search_is_enumeration(self):
    if hasattr(self, "found"):
      check(self.found, self.candidates)


class WithHistory(WithCandidates):
  """A catalogue of a generator that reads repeats and transitions."""

  candidates = False


SETTINGS = hypothesis.settings(max_examples=30, stateful_step_count=8)
TestCandidatesAreEnumerated = WithCandidates.TestCase
TestCandidatesAreEnumerated.settings = SETTINGS
TestHistoriesAreEnumerated = WithHistory.TestCase
TestHistoriesAreEnumerated.settings = SETTINGS
