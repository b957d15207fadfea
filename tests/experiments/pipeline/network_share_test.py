import json
import types

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import network_share
from experiments.pipeline.network_share import (
  NETWORK_SHARE,
  choose,
  smallest_of_best,
  with_best_shares,
  with_shares,
)
from gr_jax.candidates.candidates import KINDS
from gr_jax.data.row_lists import RowLists

PARAMS = {
  "params": {
    "used": jnp.ones(3),
    "prior": {"candidates": {"used": jnp.ones(3), "gate": jnp.ones(3)}},
  }
}


def used(params):
  """By kind of requests."""
  return dict(zip(KINDS, params["params"]["prior"]["candidates"]["used"]))


def test_each_kind_has_its_share_and_others_use_all():
  found = with_shares(PARAMS, {"semantic": 0.25, "next_basket": 0.0})
  assert used(found) == {
    "semantic": 0.25,
    "next_basket": 0.0,
    "personalised": 1.0,
  }
  own = found["params"]
  for kept in (own["used"], own["prior"]["candidates"]["gate"]):
    np.testing.assert_array_equal(kept, 1.0)


@pytest.fixture
def measured(monkeypatch):
  """Recalls that the share decides, in place of searches."""

  def use(figures, kinds=("semantic", "next_basket")):
    asked = [types.SimpleNamespace(kind=kind) for kind in kinds]
    monkeypatch.setattr(
      network_share, "validation_requests", lambda *_, **__: asked
    )
    monkeypatch.setattr(network_share, "make_retriever", lambda *_: RETRIEVER)

    def recalls(params, requests):
      # A few requests that all have the same figure, one that has no target.
      return {
        kind: np.array(
          [figures[kind][float(used(params)[kind])]] * 4 + [np.nan]
        )
        for kind in kinds
      }

    monkeypatch.setattr(network_share, "recalls", recalls)
    return asked

  return use


RETRIEVER = types.SimpleNamespace(with_variables=lambda params: params)


def untrained(**candidates):
  section = ConfigDict({"candidates": candidates, "seed": 0})
  return types.SimpleNamespace(
    section=section,
    candidates=object(),
    model=None,
    semantic_ids=None,
    data=None,
    writer=None,
  )


SEMANTIC = {1.0: 0.5, 0.5: 0.4, 0.25: 0.2, 0.0: 0.0}
BASKET = {1.0: 0.1, 0.5: 0.3, 0.25: 0.4, 0.0: 0.4}


def test_the_best_share_of_each_kind_is_chosen(measured, capsys):
  """Of equal ones the smallest."""
  asked = measured({"semantic": SEMANTIC, "next_basket": BASKET})
  best, rows = choose(RETRIEVER, PARAMS, asked)
  assert best == {"semantic": 1.0, "next_basket": 0.0}
  assert rows[1] == {
    "requests": "semantic", "share": 0.5, "value": 0.4, "chosen": False
  }  # fmt: skip
  chosen = [(row["requests"], row["share"]) for row in rows if row["chosen"]]
  assert chosen == [("semantic", 1.0), ("next_basket", 0.0)]
  assert "semantic 1 (1: 0.500, 0.5: 0.400" in capsys.readouterr().err


def test_what_one_standard_error_does_not_tell_apart_is_left_out():
  best = np.array([1.0, 1.0, 0.5, 0.0, np.nan])
  # Half is worse in one of four requests by 1.15 errors of the mean.
  found = {1.0: best, 0.5: best - [0, 0, 0.4, 0, 0], 0.0: best - 0.3}
  assert smallest_of_best(found) == 1.0
  lost = np.array([0.4, 0.0, 0.0, -0.3, 0.0])
  assert lost[:4].mean() < lost[:4].std() / 2
  assert smallest_of_best(found | {0.25: best - lost}) == 0.25
  # What is as good in every request needs no error.
  assert smallest_of_best({1.0: best, 0.0: best.copy()}) == 0.0


def test_all_is_used_without_validation_requests():
  assert choose(RETRIEVER, PARAMS, []) == ({}, [])


def test_the_figures_are_kept_beside_the_generator(measured, tmp_path):
  measured({"semantic": SEMANTIC, "next_basket": BASKET})
  parts = untrained(share_requests=5)
  found = with_best_shares(PARAMS, {}, parts, tmp_path, mesh=None)
  assert used(found)["next_basket"] == 0.0
  rows = json.loads((tmp_path / NETWORK_SHARE).read_text())
  assert [row["share"] for row in rows] == 2 * [1.0, 0.5, 0.25, 0.0]


def test_nothing_is_chosen_where_nobody_asks_for_it(tmp_path):
  for parts in (untrained(), types.SimpleNamespace(candidates=None)):
    assert with_best_shares(PARAMS, {}, parts, tmp_path, mesh=None) is PARAMS
  assert not list(tmp_path.iterdir())


def test_a_target_among_the_first_ten_is_worth_what_was_paid():
  """Of two requests: the second target of the first is found, in the tenth."""
  ids = np.full((2, 12), -1)
  ids[0, 9], ids[1, 10] = 7, 3
  some = network_share.ValidationRequests(
    kind="semantic",
    prompt=np.zeros((2, 1)),
    queries=np.zeros((2, 1)),
    wanted=RowLists(np.array([0, 2, 3]), np.array([5, 7, 3])),
    values=np.array([1.0, 20.0, 300.0]),
  )
  retriever = types.SimpleNamespace(
    semantic_ids=types.SimpleNamespace(num_ids=40),
    search=lambda *rows, beam_size: types.SimpleNamespace(ids=ids),
  )
  found = network_share.found_values(retriever, [some])
  np.testing.assert_array_equal(found["semantic"], [20.0, 0.0])
