"""Requests that came later read candidates as a server's do."""

import types

import numpy as np

from experiments.updates.candidates import candidates_of
from experiments.updates.grown_log import of_run
from tests.experiments.updates.small_logs import FIRST, LAST, built, frame
from tests.experiments.updates.small_logs import more as grown_by


class Items:
  """Four items without facts."""

  vectors = np.zeros((4, 2))

  def __len__(self) -> int:
    return 4


def test_queries_that_training_never_saw_are_read_as_at_serving():
  log = grown_by(of_run(built(frame(FIRST))), frame(LAST))
  texts = log.requests.queries.tolist()
  assert texts == ["p", "q"]
  known = types.SimpleNamespace(
    items=Items(),
    trained_row={"p": 0, "q": -1}.get,
    reader=str.upper,
    query_vectors=lambda texts: np.ones((len(texts), 2), np.float32),
    writer=types.SimpleNamespace(of=lambda log: log),
  )
  parent = types.SimpleNamespace(candidates=known)
  found = candidates_of(parent, log, range(4), None, np.zeros((4, 2)))
  assert found.requests.queries.tolist() == ["p", "Q"]
  assert found.trained_query.tolist() == [0, -1]
  assert log.requests.queries.tolist() == texts
