import numpy as np

from experiments.pipeline.value_rerank import best_rerank
from gr_jax.data.requests import CLICKED
from gr_jax.evaluation import worth
from gr_jax.retrieval.retriever import Retrieved
from tests.reference.small_world import semantic_ids, shop


def requests_of(count):
  """Requests, and for each one of its targets that cost something."""
  log = shop().requests
  paid = (log.page_kind >= CLICKED) & (log.page_value > 0)
  rows, first = np.unique(log.page_request[paid], return_index=True)
  items, values = log.page_item[paid][first], log.page_value[paid][first]
  targets = semantic_ids().id_of_item[items]
  return log, rows[:count], targets[:count], values[:count]


def test_a_target_that_is_found_is_worth_what_the_log_says():
  log, rows, targets, values = requests_of(5)
  ids = np.stack([np.full(5, -1), targets], axis=1)
  np.testing.assert_allclose(
    worth.found_in_log(ids, log, rows, id_of_item=semantic_ids().id_of_item),
    values,
  )
  assert not worth.found_in_log(
    ids[:, :1], log, rows, id_of_item=semantic_ids().id_of_item
  ).any()


def test_validation_chooses_what_finds_the_most_value():
  """The target lies below ten others, and its value lifts it."""
  log, rows, targets, _ = requests_of(20)
  others = np.stack([np.setdiff1d(np.arange(40), t)[:11] for t in targets])
  ids = np.concatenate([others, targets[:, None]], axis=1)
  log_probs = -np.arange(12.0)[None].repeat(20, 0)
  high = np.ones(ids.shape)
  high[:, -1] = 1e9
  options = {"requests": log, "rows": rows, "semantic_ids": semantic_ids()}
  for values, wanted in ((high, 1.0), (np.ones(ids.shape), 0.0)):
    found = Retrieved(ids, log_probs, values)
    best, figures = best_rerank(found, choices=(1.0, 0.0), **options)
    assert best == wanted
    assert [row["rerank"] for row in figures] == [0.0, 1.0]
    lost = {row["rerank"]: row["lost"] for row in figures}
    assert lost[wanted] == 0
    assert min(lost.values()) == 0
