"""Where nothing of a network is used it need not run."""

import functools

import jax
import numpy as np
import pytest

from gr_jax.candidates.candidates import KINDS
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.build import initializer
from gr_jax.generators.candidates_alone import (
  CandidatesAlone,
  UsedParts,
  kinds_of,
)
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.lazy_ar import LazyAR
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.random_candidates import FEATURES, SIZES, catalogue, drawn

CONFIG = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
ROWS = 3


@functools.cache
def built(network, ends=True):
  """A network that reads candidates, its variables, its IDs and requests."""
  rng = np.random.default_rng(0)
  semantic_ids, popularity = catalogue(rng, ends)
  counts = count_catalogue(semantic_ids, popularity, alpha=1.0)
  model = network(CONFIG, 7, SIZES, ends, candidate_features=FEATURES)
  counts = {"counts": {"catalogue": counts}}
  params = jax.jit(initializer(model, counts))(jax.random.key(0))
  candidates, _ = drawn(rng, semantic_ids, rows=ROWS, requests=1)
  prompt = Prompt(
    profile=np.zeros((ROWS, 1, 1), np.int32),
    history=np.zeros((ROWS, 2, len(SIZES) + 2), np.int32),
    mask=np.ones((ROWS, 3), bool),
    candidates=candidates,
  )
  queries = np.arange(ROWS * 2, dtype=np.int32).reshape(ROWS, 2)
  return model, noisy(params) | counts, semantic_ids, (prompt, queries)


def using(variables, used):
  """The variables, of the network this much by kind of requests."""
  found = jax.tree.map(lambda x: x, variables)
  found["params"]["prior"]["candidates"]["used"] = np.float32(used)
  return found


@functools.partial(jax.jit, static_argnums=0)
def search(generator, variables, prompt, trie):
  return beam_search(generator, variables, prompt, trie, beam_size=8)


@pytest.mark.parametrize("network", [DecoderOnly, EncoderDecoder])
def test_candidates_alone_are_a_network_of_which_nothing_is_used(network):
  model, variables, ids, prompt = built(network)
  trie = build_trie(ids.ids, ids.level_sizes)
  nothing = using(variables, [0, 0, 0])
  whole = search(model, nothing, prompt, trie)
  alone = search(CandidatesAlone(model), nothing, prompt, trie)
  np.testing.assert_array_equal(alone.ids, whole.ids)
  np.testing.assert_allclose(alone.log_probs, whole.log_probs, rtol=1e-6)
  everything = search(model, using(variables, [1, 1, 1]), prompt, trie)
  assert (everything.log_probs != whole.log_probs).any()


def test_a_network_runs_where_one_of_the_requests_uses_it():
  model, variables, _, (prompt, _) = built(DecoderOnly)
  parts = UsedParts(model, using(variables, [0, 0.5, 0]))
  kinds = prompt.candidates.replace(kind=np.array([[0], [2], [2]]))
  alone = parts.answering(kinds_of(prompt.replace(candidates=kinds)))
  assert alone == CandidatesAlone(model)
  kinds = kinds.replace(kind=np.array([[0], [1], [2]]))
  assert parts.answering(kinds_of(prompt.replace(candidates=kinds))) is model
  assert parts.all_answering([0, 2]) == {alone}
  assert parts.all_answering(range(len(KINDS))) == {alone, model}


def test_a_network_that_predicts_values_always_runs():
  """Answers are ranked by these, of whatever kind the others in a batch are."""
  model, variables, _, _ = built(
    functools.partial(LazyAR, value_buckets=2), ends=True
  )
  parts = UsedParts(model, using(variables, [0, 0, 0]))
  assert parts.all_answering(range(len(KINDS))) == {model}


def test_a_generator_without_candidates_always_runs():
  model = DecoderOnly(CONFIG, 7, SIZES)
  _, _, _, (prompt, _) = built(DecoderOnly)
  parts = UsedParts(model, {"params": {}})
  assert parts.answering(kinds_of(prompt.replace(candidates=None))) is model
  assert parts.all_answering(range(len(KINDS))) == {model}
