"""Requests as the arrays that the generator was trained on.

The rules of a prompt live in the writers of prompts, which read requests of a
log. A batch of requests becomes such a log, of one user each, so that searching
and training cannot drift apart.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gr_jax.candidates.live import LiveCandidates
from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, Requests
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.reading import (
  AnyPrompt,
  AnyPromptConfig,
  AnyVocabulary,
  make_writer,
)
from gr_jax.tokenizers.semantic_ids import SemanticIds

NO_QUERIES = (
  "this run was trained without queries: ask for the next basket, or train it "
  "on data with searches."
)


class PromptRequest(NamedTuple):
  """The part of a request that its prompt reads.

  Attributes:
    query: the words; None asks for the next basket.
    history: catalogue rows and the seconds since their purchase, oldest first.
    user_id: None for a stranger.
    facts: "field=value".
  """

  query: str | None = None
  history: tuple[tuple[int, int], ...] = ()
  user_id: str | None = None
  facts: tuple[str, ...] = ()


def write_prompts(
  requests: Sequence[PromptRequest],
  semantic_ids: SemanticIds,
  vocabulary: AnyVocabulary,
  config: AnyPromptConfig,
  candidates: LiveCandidates | None = None,
) -> tuple[AnyPrompt, np.ndarray]:
  """Returns the prompt of `B` rows and the queries `[B, Wq]`.

  Both have one shape, whatever is in them.

  Args:
    requests: `B` requests.
    semantic_ids: the IDs of the catalogue.
    vocabulary: the tokens.
    config: the sizes.
    candidates: those of a generator that reads candidates.
  """
  rows, places = np.unique(
    np.array([row for r in requests for row, _ in r.history], np.int64),
    return_inverse=True,
  )
  # One more item, of nobody's history: arrays without rows cannot be indexed.
  codes = np.zeros((len(rows) + 1, semantic_ids.num_levels), np.int32)
  codes[:-1] = semantic_ids.codes[rows]
  log = _log(requests, places)
  of_catalogue = np.append(rows, 0).astype(np.int32)[log.event_item]
  writer = make_writer(
    log,
    SemanticIds(codes, semantic_ids.level_sizes),
    vocabulary,
    config,
    candidates
    and candidates.of(dataclasses.replace(log, event_item=of_catalogue)),
  )
  B = len(requests)
  prompt = writer.prompts(np.arange(B), shown=np.ones(B, bool))
  if isinstance(prompt, Prompt) and isinstance(vocabulary, Vocabulary):
    prompt = _fixed_profile(prompt, requests, vocabulary)
  return prompt, writer.queries(log.query)


def profile_width(vocabulary: Vocabulary) -> int:
  """The most tokens of a profile: the user and one value a field."""
  fields = {fact.partition("=")[0] for fact in vocabulary.facts}
  return 1 + len(fields)


def _log(requests: Sequence[PromptRequest], places: np.ndarray) -> Requests:
  B, total = len(requests), len(places)
  ends = np.cumsum([len(r.history) for r in requests], dtype=np.int64)
  ages = [age for r in requests for _, age in r.history]
  queries = [r.query for r in requests if r.query is not None]
  has_query = np.array([r.query is not None for r in requests])
  return Requests(
    user_ids=object_array([*(r.user_id or "" for r in requests), ""]),
    profiles=object_array([*(r.facts for r in requests), ()]),
    # The last user is nobody, with one event.
    user_offsets=np.concatenate([[0], ends, [total + 1]]),
    event_item=np.append(places, places.max(initial=-1) + 1).astype(np.int32),
    # Now is 0, and every event lies before it.
    event_time=np.append(-np.maximum(ages, 1), -1).astype(np.int64),
    user=np.arange(B, dtype=np.int32),
    time=np.zeros(B, np.int64),
    history_end=ends,
    query=np.where(has_query, np.cumsum(has_query) - 1, -1).astype(np.int32),
    split=np.full(B, TEST, np.int8),
    page_offsets=np.zeros(B + 1, np.int64),
    page_item=np.zeros(0, np.int32),
    page_kind=np.zeros(0, np.int8),
    page_value=np.zeros(0, np.float32),
    queries=object_array(queries),
  )


def _fixed_profile(
  prompt: Prompt, requests: Sequence[PromptRequest], vocabulary: Vocabulary
) -> Prompt:
  """The profile in its one width, without users that nobody named."""
  first = vocabulary.offsets["user"]
  user = (prompt.profile >= first) & (
    prompt.profile < first + vocabulary.user_buckets
  )
  stranger = np.array([r.user_id is None for r in requests])
  profile = np.where(user & stranger[:, None, None], -1, prompt.profile)
  # Tokens that are there stand first, and what is cut is padding.
  order = np.argsort(profile < 0, axis=-1, kind="stable")
  profile = np.take_along_axis(profile, order, axis=-1)
  width = profile_width(vocabulary)
  profile = np.pad(profile, ((0, 0), (0, 0), (0, width)), constant_values=-1)[
    ..., :width
  ]
  mask = prompt.mask.copy()
  mask[:, 0] = (profile >= 0).any(axis=(1, 2))
  profile = profile.astype(np.int32)
  return dataclasses.replace(prompt, profile=profile, mask=mask)
