"""Requests as the arrays that the generator was trained on.

The rules of a prompt live in `PromptWriter`, which reads requests of a log. A
batch of requests becomes such a log, of one user each, so that serving and
training cannot drift apart.
"""

from collections.abc import Sequence

import numpy as np

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, Requests
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import Prompt, PromptConfig, PromptWriter
from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.requests import SearchRequest
from gr_jax.tokenizers.semantic_ids import SemanticIds


def write_prompts(
  requests: Sequence[SearchRequest],
  items: Items,
  vocabulary: Vocabulary,
  config: PromptConfig,
) -> tuple[Prompt, np.ndarray]:
  """Returns the prompt of `B` rows and the queries `[B, Wq]`.

  Both have one shape, whatever is in them.

  Items of a history that nobody knows are left out; see `unknown_history`.
  """
  events = [_known_events(request, items) for request in requests]
  rows, places = np.unique(
    np.array([row for each in events for row, _ in each], np.int64),
    return_inverse=True,
  )
  ids = items.semantic_ids
  # One more item, of nobody's history: arrays without rows cannot be indexed.
  codes = np.zeros((len(rows) + 1, ids.num_levels), np.int32)
  codes[:-1] = ids.codes[rows]
  log = _log(requests, events, places)
  writer = PromptWriter(
    log, SemanticIds(codes, ids.level_sizes), vocabulary, config
  )
  B = len(requests)
  prompt = writer.prompts(np.arange(B), shown=np.ones(B, bool))
  return _fixed_profile(prompt, requests, vocabulary), writer.queries(log.query)


def unknown_history(request: SearchRequest, items: Items) -> list[str]:
  """The item ids of a history that the catalogue does not know."""
  return sorted({e.id for e in request.history if items.row(e.id) < 0})


def profile_width(vocabulary: Vocabulary) -> int:
  """The most tokens of a profile: the user and one value a field."""
  fields = {fact.partition("=")[0] for fact in vocabulary.facts}
  return 1 + len(fields)


def _known_events(
  request: SearchRequest, items: Items
) -> list[tuple[int, int]]:
  found = ((items.row(e.id), e.seconds_ago) for e in request.history)
  return [(row, age) for row, age in found if row >= 0]


def _facts(request: SearchRequest) -> tuple[str, ...]:
  return tuple(f"{name}={fact}" for name, fact in request.profile.facts.items())


def _log(
  requests: Sequence[SearchRequest],
  events: list[list[tuple[int, int]]],
  places: np.ndarray,
) -> Requests:
  B, total = len(requests), len(places)
  sizes = [len(each) for each in events]
  ends = np.cumsum(sizes, dtype=np.int64)
  ages = [age for each in events for _, age in each]
  queries = [r.query for r in requests if r.query is not None]
  has_query = np.array([r.query is not None for r in requests])
  return Requests(
    user_ids=object_array([*(r.profile.user_id or "" for r in requests), ""]),
    profiles=object_array([*(_facts(r) for r in requests), ()]),
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
  prompt: Prompt, requests: Sequence[SearchRequest], vocabulary: Vocabulary
) -> Prompt:
  """The profile in its one width, without users that nobody named."""
  first = vocabulary.offsets["user"]
  user = (prompt.profile >= first) & (
    prompt.profile < first + vocabulary.user_buckets
  )
  stranger = np.array([r.profile.user_id is None for r in requests])
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
  return Prompt(profile.astype(np.int32), prompt.history, mask)
