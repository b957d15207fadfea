"""The second look asks the validation requests, and only some of them."""

import numpy as np

from experiments.pipeline.second_look import second_look
from gr_jax.data.row_lists import RowLists


class Requests:
  """As `EvalRequests`, in what is read."""

  def __init__(self, kind, count, seen):
    self.kind, self.count = kind, count
    self.seen = RowLists(np.array([0, seen]), np.zeros(seen, np.int64))

  def first(self, count):
    return Requests(self.kind, min(count, self.count), len(self.seen.rows))


class Evaluator:
  """Gives a row of every level, segment, metric and cutoff."""

  def __init__(self):
    self.asked = []

  def results(self, requests, seen):
    self.asked.append((requests.kind, requests.count, seen))
    rows = [
      {"level": level, "segment": segment, "metric": metric, "k": k}
      for level in ("item", "id")
      for segment in ("all", "tail")
      for metric in ("recall", "ndcg")
      for k in (1, 10)
    ]
    return rows, []


def test_some_requests_of_every_kind_are_asked_with_and_without_seen_items():
  evaluator = Evaluator()
  validation = [Requests("semantic", 3, 0), Requests("next_basket", 90, 5)]
  rows = second_look(evaluator, validation, count=50)
  assert evaluator.asked == [
    ("semantic", 3, "kept"),
    ("next_basket", 50, "kept"),
    ("next_basket", 50, "out"),
  ]
  one = {"level": "item", "segment": "all", "metric": "recall", "k": 10}
  assert rows == [one] * 3


def test_without_validation_requests_there_is_nothing_to_see():
  assert second_look(Evaluator(), [], count=50) == []
