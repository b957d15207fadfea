import functools

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import candidate_fit
from experiments.pipeline.candidate_fit import (
  drawn_rows,
  fitted_prior,
  held_out_rows,
  with_prior,
)
from experiments.pipeline.candidates import candidate_writers
from experiments.pipeline.eval_requests import draw_eval_requests
from gr_jax.data import request_lists
from gr_jax.data.requests import VALID
from gr_jax.generators.priors.candidate_prior import CandidatePrior
from tests.reference import small_world, tiny_tokenizers

SECTION = ConfigDict(
  {
    "candidates": {"size": 12, "fit_requests": 80, "fit_steps": 20},
    "examples": {"hidden_share": 0.2},
    "count_alpha": 2.0,
    "seed": 0,
  }
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  folder = tmp_path_factory.mktemp("data")
  data = tiny_tokenizers.data(folder)
  vectors = tiny_tokenizers.vectors(folder)
  ids = small_world.semantic_ids()
  return data, candidate_writers(SECTION, data, ids, vectors)


draw = functools.partial(drawn_rows, hidden_share=0.2, alpha=2.0, seed=0)


def test_targets_are_those_of_learned_requests_among_the_candidates(made):
  data, writers = made
  rows = draw(data, writers, count=80)
  learned = np.flatnonzero(writers.requests)
  sizes = request_lists.targets(data.requests, learned).sizes
  assert len(rows.mask) == 80
  assert rows.wanted.sum(axis=1).max() <= sizes.max()
  assert rows.wanted.any()
  assert not (rows.wanted & ~rows.mask).any()


def test_some_retyped_requests_want_any_item_of_the_type_of_a_target(made):
  data, writers = made
  none = np.zeros_like(writers.retyped)
  plain = draw(data, writers._replace(retyped=none), count=400)
  found = draw(data, writers._replace(retyped=~none), count=400)
  np.testing.assert_array_equal(found.features, plain.features)
  assert not (plain.wanted & ~found.wanted).any()
  led = plain.wanted.any(axis=1)
  more = (found.wanted & ~plain.wanted).any(axis=1)
  assert 0.05 < more[led].mean() < 0.3
  assert not more[~led].any()


def test_an_item_of_no_known_category_is_alone():
  categories = np.array([[0, 1], [0, 2], [0, 1], [0, -1], [0, -1]])
  items = np.array([[0, 1, 2, 3, 4], [3, 4, 2, -1, -1], [1, 2, 0, 3, -1]])
  hit = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 1, 0, 0]], bool)
  found = candidate_fit._of_same_type(items, hit, categories)
  expected = [[1, 0, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
  np.testing.assert_array_equal(found, expected)
  none = candidate_fit._of_same_type(items, hit, categories[:, :0])
  np.testing.assert_array_equal(none, hit)


def test_shares_are_those_of_popularity(made):
  data, writers = made
  rows = draw(data, writers, count=10)
  count = data.catalogue.popularity + 2.0
  possible = (count / count.sum()).astype(np.float32)
  assert np.isin(rows.shares[rows.mask], possible).all()
  assert (rows.shares[~rows.mask] == 0).all()


def test_validation_requests_read_what_they_are_asked_with(made):
  data, writers = made
  rows = held_out_rows(data, writers, count=5, alpha=2.0, seed=0)
  kinds = draw_eval_requests(data.requests, split=VALID, count=5, seed=0)
  begin = 0
  for kind in kinds:
    items, features = writers.used.items(
      kind.rows[:, None], shown=np.full(len(kind.rows), kind.shows_history)
    )
    some = slice(begin, begin + len(kind.rows))
    np.testing.assert_array_equal(rows.mask[some], items[:, 0] >= 0)
    np.testing.assert_allclose(
      rows.features[some], features[:, 0], rtol=1e-3, atol=1e-3
    )
    wanted = kind.targets
    for k, found in enumerate(rows.wanted[some]):
      mine = wanted.rows[wanted.offsets[k] : wanted.offsets[k + 1]]
      np.testing.assert_array_equal(found, np.isin(items[k, 0], mine))
    begin += len(kind.rows)
  assert begin == len(rows.mask)


def test_half_of_the_requests_have_a_query_where_there_are_enough(made):
  data, writers = made
  rows = draw(data, writers, count=40)
  column = rows.features[..., writers.used.names.index("query")]
  asked = np.where(rows.mask, column, -9).max(axis=1) > 0
  assert asked.sum() == 20


def test_what_was_fitted_is_loaded(made, tmp_path):
  data, writers = made
  prior = CandidatePrior(len(writers.used.names), levels=2, width=4)
  one = fitted_prior(SECTION, data, writers, prior, tmp_path)
  two = fitted_prior(SECTION, data, None, prior, tmp_path)
  jax.tree.map(np.testing.assert_array_equal, one, two)
  assert [x.name for x in tmp_path.iterdir()] == ["candidate_prior"]


def test_gates_stay_as_they_were_drawn():
  own = {name: jax.numpy.ones(2) for name in ("gate", "gate_bias", "first")}
  params = {"params": {"prior": {"candidates": own}, "table": 1}}
  fitted = {name: np.full(2, 7.0) for name in own}
  found = with_prior(params, fitted)["params"]
  assert found["table"] == 1
  values = {k: float(x[0]) for k, x in found["prior"]["candidates"].items()}
  assert values == {"gate": 1.0, "gate_bias": 1.0, "first": 7.0}
