import itertools

import chex
import jax
import numpy as np
import pytest

from gr_jax.data.requests import CLICKED, EXPOSED, TEST, TRAIN
from gr_jax.generators.priors.left_out import FutureEvents
from gr_jax.rl.prompts import (
  PromptBatchConfig,
  clicked_requests,
  mixed_experts,
  prompt_batches,
)
from tests.reference.small_world import semantic_ids, shop, writer


def kinds_of_ids(row):
  """`{id: best kind}` of a page."""
  requests, ids = shop().requests, semantic_ids()
  page = slice(*requests.page_offsets[row : row + 2])
  found = {}
  for item, kind in zip(requests.page_item[page], requests.page_kind[page]):
    name = int(ids.id_of_item[item])
    found[name] = max(int(kind), found.get(name, EXPOSED))
  return found


def batches(future=None, every=1, **changes):
  config = PromptBatchConfig(batch_size=8, **changes)
  rows = clicked_requests(shop().requests, split=TRAIN)[::every]
  return iter(
    prompt_batches(
      shop().requests,
      rows,
      writer(),
      semantic_ids(),
      config=config,
      future=future,
    )
  )


@pytest.mark.parametrize("split", [TRAIN, TEST])
def test_clicked_requests_are_those_of_the_split_with_a_click(split):
  expected = [
    row
    for row in range(len(shop().requests))
    if shop().requests.split[row] == split
    and max(kinds_of_ids(row).values()) >= CLICKED
  ]
  assert clicked_requests(shop().requests, split=split).tolist() == expected


def test_a_split_without_clicks_is_named():
  with pytest.raises(ValueError, match="no request of split 7"):
    clicked_requests(shop().requests, split=7)


def test_experts_of_each_kind_have_places_of_their_own():
  found = mixed_experts(shop().requests, semantic_ids(), clicked=2, exposed=3)
  for row in range(0, len(found), 7):
    kinds = kinds_of_ids(row)
    clicked = [i for i in found[row, :2].tolist() if i >= 0]
    exposed = [i for i in found[row, 2:].tolist() if i >= 0]
    assert all(kinds[i] >= CLICKED for i in clicked)
    assert all(kinds[i] == EXPOSED for i in exposed)
    liked = sum(kind >= CLICKED for kind in kinds.values())
    assert len(clicked) == min(2, liked)
    assert len(exposed) == min(3, len(kinds) - liked)


def test_an_epoch_asks_every_request_once():
  rows = clicked_requests(shop().requests, split=TRAIN)
  steps = len(rows) // 8
  rows = [batch.rows for batch in itertools.islice(batches(), steps)]
  assert len(np.unique(rows)) == 8 * steps


def test_batches_carry_what_their_requests_say():
  batch = next(batches(every=2, hidden_share=0.0, clicked=1, positives=2))
  expected = writer().prompts(batch.rows, shown=np.ones(8, bool))
  jax.tree.map(np.testing.assert_array_equal, batch.prompt, expected)
  queries = writer().queries(shop().requests.query[batch.rows])
  np.testing.assert_array_equal(batch.queries, queries)
  np.testing.assert_array_equal(batch.positives[:, 0], batch.experts[:, 0])


def test_hidden_requests_show_no_history():
  batch = next(batches(hidden_share=1.0))
  assert not batch.prompt.mask.any()


def test_rows_carry_what_they_leave_out_of_counts():
  id_of_item = semantic_ids().id_of_item
  future = FutureEvents.of_training(shop().requests, id_of_item, window=2)
  batch = next(batches(future, every=2))
  chex.assert_trees_all_equal(batch.left_out, future(batch.rows))
  assert (batch.left_out.events >= 0).any()
  assert next(batches()).left_out is None
