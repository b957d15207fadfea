"""Examples are the ends and the middle of all requests, by rank."""

import numpy as np
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.examples import GROUPS, examples
from gr_jax.data.requests import TEST
from gr_jax.evaluation.metrics import hit_matrix
from tests.reference.small_world import shop


@pytest.fixture(scope="module", params=("personalised", "next_basket"))
def part(request):
  table = shop().requests
  kinds = draw_eval_requests(table, split=TEST, count=0, seed=0)
  return next(one for one in kinds if one.kind == request.param)


def _answers(part):
  rng = np.random.default_rng(1)
  return np.stack([rng.permutation(60)[:20] for _ in part.rows])


def _examples(part, items):
  texts = shop().catalogue.texts
  return examples(part, items, part.targets, texts=texts, seed=0)


def test_the_best_come_first_and_ranks_never_fall(part):
  items = _answers(part)
  rows = _examples(part, items)
  groups = [row["group"] for row in rows]
  assert list(dict.fromkeys(groups)) == list(GROUPS)
  assert len(rows) == min(10, len(part.rows))
  ranks = [row["rank"] or 21 for row in rows]
  assert ranks == sorted(ranks)
  found = hit_matrix(items, part.targets)
  every = np.where(found.any(axis=1), found.argmax(axis=1) + 1, 21)
  assert ranks[:3] == sorted(every)[:3]
  assert ranks[-3:] == sorted(every)[-3:]


def test_a_row_says_what_the_request_shows(part):
  rows = _examples(part, _answers(part))
  texts = set(shop().catalogue.texts)
  for row in rows:
    assert (row["query"] is not None) == (part.kind == "personalised")
    assert set(row["history"]) <= texts
    assert len(row["history"]) == min(3, row["bought"])
    assert len(row["answers"]) == 5
    shown = [one["taken"] for one in row["answers"]]
    assert any(shown) == (row["rank"] is not None and row["rank"] <= 5)
    assert 0 < len(row["taken"]) <= row["targets"]


def test_few_requests_are_each_shown_once(part):
  few = part.first(4)
  rows = _examples(few, _answers(few))
  assert [row["group"] for row in rows] == ["best"] * 3 + ["worst"]


def test_the_same_seed_draws_the_same(part):
  items = _answers(part)
  assert _examples(part, items) == _examples(part, items)
