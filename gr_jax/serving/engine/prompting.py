"""Requests of the server as prompts of the generator."""

from collections.abc import Sequence

import numpy as np

from gr_jax.candidates.live import LiveCandidates
from gr_jax.generators.reading import (
  AnyPrompt,
  AnyPromptConfig,
  AnyVocabulary,
)
from gr_jax.retrieval import prompting
from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.requests import Invalid, SearchRequest


def write_prompts(
  requests: Sequence[SearchRequest],
  items: Items,
  vocabulary: AnyVocabulary,
  config: AnyPromptConfig,
  candidates: LiveCandidates | None = None,
) -> tuple[AnyPrompt, np.ndarray]:
  """As `prompting.write_prompts`.

  Items of a history that nobody knows are left out; see `unknown_history`.
  """
  texts = []
  for request in requests:
    events = ((items.row(e.id), e.seconds_ago) for e in request.history)
    texts.append(
      prompting.PromptRequest(
        request.query,
        tuple((row, age) for row, age in events if row >= 0),
        request.profile.user_id,
        tuple(f"{k}={v}" for k, v in request.profile.facts.items()),
      )
    )
  return prompting.write_prompts(
    texts, items.semantic_ids, vocabulary, config, candidates
  )


def unknown_history(request: SearchRequest, items: Items) -> list[str]:
  """The item ids of a history that the catalogue does not know."""
  return sorted({e.id for e in request.history if items.row(e.id) < 0})


def check_query(request: SearchRequest, vocabulary: AnyVocabulary) -> None:
  """Checks that a query, if any, can be answered.

  Raises:
    Invalid: the run was trained without queries.
  """
  if request.query is not None and not vocabulary.words:
    raise Invalid(prompting.NO_QUERIES)


def read_words(
  request: SearchRequest, vocabulary: AnyVocabulary
) -> tuple[list[str], dict[str, str]]:
  """The unknown words of a query, and what others were read as."""
  if request.query is None:
    return [], {}
  words = vocabulary.known_words.read(request.query)
  return (
    list(dict.fromkeys(each.word for each in words if not each.known)),
    {
      each.word: " ".join(each.known)
      for each in words
      if each.known and not each.is_itself
    },
  )
