"""A finished run as a search for items, in a program and without a server."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gr_jax.decoding.beams import BeamSize, at_least
from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.retrieval.load import Artefacts, load_artefacts
from gr_jax.retrieval.prompting import (
  NO_QUERIES,
  PromptRequest,
  write_prompts,
)
from gr_jax.retrieval.retriever import Retriever
from gr_jax.text.known_words import ReadWord
from gr_jax.text.words import split_words

_DAY = 86_400


class FoundItem(NamedTuple):
  """One item of an answer.

  Attributes:
    item_id: the id in the catalogue.
    text: the words of the item.
    log_prob: the log-probability of its semantic ID, which items may share.
    semantic_id: the codes, -1 after an early end.
    value: what it is worth, by a generator that predicts values, by which items
      are then ranked as well; else None.
  """

  item_id: str
  text: str
  log_prob: float
  semantic_id: tuple[int, ...]
  value: float | None = None


class ItemSearch:
  """Searches the catalogue of a run with its generator.

  Args:
    artefacts: the run.
    beam: the IDs that a search keeps, at every level or at each; the last
      level keeps `k` at least.
  """

  def __init__(self, artefacts: Artefacts, *, beam: BeamSize = 50):
    self.artefacts = artefacts
    self._beam = beam
    self._row = {
      item_id: row for row, item_id in enumerate(artefacts.catalogue.item_ids)
    }
    self._retriever = Retriever(
      artefacts.model,
      artefacts.variables,
      artefacts.semantic_ids,
      batch_size=1,
    )

  def search(
    self,
    query: str | None = None,
    history: Sequence[str | tuple[str, float]] = (),
    *,
    k: int = 10,
    exclude: Sequence[str] = (),
    user_id: str | None = None,
    facts: Mapping[str, str] | None = None,
  ) -> list[FoundItem]:
    """The most probable items, best first.

    Args:
      query: the words; None asks for the next basket.
      history: item ids of purchases, oldest first; a pair has the days since.
      k: the number of items.
      exclude: item ids that the answer must not hold.
      user_id: the shopper, if the run knows shoppers.
      facts: values by field, as in training.

    Raises:
      ValueError: an item that the catalogue does not know, a query without a
        word, or any query where the run was trained without them.
    """
    if query is not None and not split_words(query):
      raise ValueError(f"query {query!r} holds no word.")
    if query is not None and not self.artefacts.vocabulary.words:
      raise ValueError(NO_QUERIES)
    artefacts, ids = self.artefacts, self.artefacts.semantic_ids
    request = PromptRequest(
      query, self._events(history), user_id, _pairs(facts or {})
    )
    prompt, queries = write_prompts(
      [request],
      ids,
      artefacts.vocabulary,
      artefacts.prompt,
      artefacts.candidates,
    )
    seen = [np.array([self._known(item) for item in exclude], np.int64)]
    found = self._retriever.search(
      prompt,
      queries,
      beam_size=at_least(self._beam, k),
      excluded=fully_seen_ids(seen, ids),
    )
    popularity = artefacts.catalogue.popularity
    answers = expand_items(found.ids, ids, popularity, k=k, seen=seen)[0]
    rows: list[int] = answers[answers >= 0].tolist()
    log_probs = dict(zip(found.ids[0].tolist(), found.log_probs[0].tolist()))
    values: dict[int, float] = {}
    if found.values is not None:
      values = dict(zip(found.ids[0].tolist(), found.values[0].tolist()))
    return [
      FoundItem(
        artefacts.catalogue.item_ids[row],
        artefacts.catalogue.texts[row],
        log_probs[int(ids.id_of_item[row])],
        tuple(ids.codes[row].tolist()),
        values.get(int(ids.id_of_item[row])),
      )
      for row in rows
    ]

  def read(self, query: str) -> list[ReadWord]:
    """The words of a query, and the trained words that each is read as."""
    return self.artefacts.vocabulary.known_words.read(query)

  def _events(
    self, history: Sequence[str | tuple[str, float]]
  ) -> tuple[tuple[int, int], ...]:
    pairs = [(e, 0.0) if isinstance(e, str) else e for e in history]
    events = [(self._known(item), round(_DAY * days)) for item, days in pairs]
    # A stable sort: purchases of one time stay in the order given.
    return tuple(sorted(events, key=lambda event: -event[1]))

  def _known(self, item_id: str) -> int:
    row = self._row.get(item_id)
    if row is None:
      raise ValueError(f"the catalogue has no item {item_id!r}.")
    return row


def _pairs(facts: Mapping[str, str]) -> tuple[str, ...]:
  return tuple(f"{field}={value}" for field, value in facts.items())


def load(
  workdir: str | os.PathLike, *, beam: BeamSize = 50, weights: str = ""
) -> ItemSearch:
  """Loads a finished run.

  Args:
    workdir: the `--workdir` of `python -m gr_jax.main`.
    beam: the IDs that a search keeps, at every level or at each; the last
      level keeps `k` at least.
    weights: "nvfp4", or another of `weights.WEIGHTS`: the format of the
      kernels; "" leaves them as they were trained.

  Raises:
    FileNotFoundError: there is no such folder, or a stage is not finished.
    ValueError: a file is damaged, the stages are not of one run, or the kernels
      cannot have that format.
  """
  artefacts = load_artefacts(pathlib.Path(workdir), weights=weights)
  return ItemSearch(artefacts, beam=beam)
