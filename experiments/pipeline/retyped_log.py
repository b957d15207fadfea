"""A training log in which some queries are typed by others.

Candidates of its requests show what words, vectors and the counts of near
queries (`gr_jax.candidates.sources.near_queries`) are worth where nobody typed
the very query before, as people who type do. `[OURS]`
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from experiments.pipeline.embed import Vectors
from gr_jax.candidates.query_reader import QueryReader, typed_vectors
from gr_jax.data import request_lists
from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import request_mask
from gr_jax.generators.prompts.vocabulary import ranked_words
from gr_jax.text.encoder import unit_rows
from gr_jax.text.known_words import KnownWords
from gr_jax.text.retyped import Retyped

# Forms of one query that others type.
_FORMS = 8

# The share of requests that type the text of an item that they want.
_NAMED = 0.25


class RetypedLog(NamedTuple):
  """A log whose last queries are typed.

  Attributes:
    requests: the log.
    trained_query: `[Q]`, the row of each query in the training log, -1 for
      those that are typed.
    query_vectors: `[Q, D]`.
    changed: `[R]` bool, requests that type their query in other words.
  """

  requests: Requests
  trained_query: np.ndarray
  query_vectors: np.ndarray
  changed: np.ndarray


def retyped_log(
  log: Requests, typed: np.ndarray, catalogue: Catalogue, vectors: Vectors
) -> RetypedLog:
  """The log with other texts for the queries of some requests.

  Three of four are changed (`gr_jax.text.retyped`), the others are the text of
  an item that the request led to.

  Args:
    log: the log.
    typed: `[R]` bool, those requests.
    catalogue: the items.
    vectors: those of queries, and what gives those of others; where it cannot,
      the queries stay as they are.
  """
  queries, trained = log.queries, np.arange(len(log.queries))
  rows = np.flatnonzero(typed & (log.query >= 0))
  if vectors.encode is None or not len(rows):
    return RetypedLog(log, trained, vectors.queries, np.zeros(len(log), bool))
  rng = np.random.default_rng(0)
  searches = log.query[request_mask(log)]
  words = ranked_words(queries[searches[searches >= 0]])
  retyped = Retyped(words, unit_rows(vectors.encode(words)))
  texts: list[str] = catalogue.texts.tolist()
  distinct, form_of = _forms(log, rows, rng)
  named = distinct - len(queries) * _FORMS
  written = [
    texts[item] if item >= 0 else retyped(queries[form // _FORMS], rng)
    for form, item in zip(distinct.tolist(), named.tolist())
  ]
  reader = QueryReader(KnownWords(words)).with_items(texts)
  read = [reader(query) for query in written]
  width = vectors.queries.shape[1]
  query = log.query.copy()
  query[rows] = len(queries) + form_of
  changed = np.zeros(len(log), bool)
  changed[rows] = named[form_of] < 0
  return RetypedLog(
    dataclasses.replace(
      log, query=query, queries=np.append(queries, object_array(read))
    ),
    np.append(trained, np.full(len(read), -1)),
    np.append(
      vectors.queries, typed_vectors(vectors.encode, written, read, width), 0
    ),
    changed,
  )


def _forms(
  log: Requests, rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
  """What requests `[n]` type: the distinct forms, and the one of each.

  A form is `query * FORMS + number`, or `Q * FORMS + item`.
  """
  forms = log.query[rows] * np.int64(_FORMS)
  forms += rng.integers(_FORMS, size=len(rows))
  wanted = request_lists.targets(log, rows)
  named = (wanted.sizes > 0) & (rng.random(len(rows)) < _NAMED)
  one = wanted.offsets[:-1][named] + rng.integers(wanted.sizes[named])
  forms[named] = len(log.queries) * _FORMS + wanted.rows[one]
  return np.unique(forms, return_inverse=True)
