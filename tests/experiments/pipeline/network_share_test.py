import json
import types

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import network_share
from experiments.pipeline.fitting import save_params
from experiments.pipeline.network_share import (
  NETWORK_SHARE,
  choose,
  with_best_share,
  with_share,
)

PARAMS = {
  "params": {
    "trust": jnp.full(2, 4.0),
    "prior": {
      "candidates": {
        "gate": jnp.full(2, 4.0),
        "gate_bias": jnp.full(2, 4.0),
        "bias": jnp.full((), 4.0),
        "first": jnp.full(2, 4.0),
      }
    },
    "mlp": {"gate": jnp.full(2, 4.0)},
  }
}


def test_the_trust_and_the_gates_of_candidates_are_scaled():
  found = with_share(PARAMS, 0.25, bias=8.0)["params"]
  own = found["prior"]["candidates"]
  for scaled in (found["trust"], own["gate"], own["gate_bias"]):
    np.testing.assert_array_equal(scaled, 1.0)
  for kept in (own["first"], found["mlp"]["gate"]):
    np.testing.assert_array_equal(kept, 4.0)


@pytest.mark.parametrize(("share", "bias"), [(1, 4), (0.25, 7), (0, 8)])
def test_the_bias_moves_back_to_where_it_was_fitted(share, bias):
  found = with_share(PARAMS, share, bias=8.0)["params"]
  assert found["prior"]["candidates"]["bias"] == bias


@pytest.fixture
def measured(monkeypatch):
  """Recalls that the trust decides, in place of searches."""

  def use(figures, kinds=("semantic", "next_basket")):
    asked = [types.SimpleNamespace(kind=kind) for kind in kinds]
    monkeypatch.setattr(
      network_share, "validation_requests", lambda parts, count: asked
    )
    retriever = types.SimpleNamespace(with_variables=lambda params: params)
    monkeypatch.setattr(network_share, "Retriever", lambda *_, **__: retriever)

    def recalls(params, requests):
      share = float(params["params"]["trust"][0]) / 4
      return dict(zip(kinds, figures[share]))

    monkeypatch.setattr(network_share, "recalls", recalls)

  return use


def fitted(directory):
  (directory / "candidate_prior").mkdir()
  save_params(directory / "candidate_prior", {"bias": np.float32(4.0)})


def untrained(**candidates):
  section = ConfigDict({"candidates": candidates, "seed": 0})
  return types.SimpleNamespace(
    section=section, candidates=object(), model=None, semantic_ids=None
  )


def test_the_share_of_the_best_mean_over_kinds_is_chosen(measured, capsys):
  measured(
    {1.0: (0.5, 0.1), 0.5: (0.4, 0.3), 0.25: (0.2, 0.4), 0.0: (0.0, 0.6)}
  )
  share, rows = choose(untrained(), PARAMS, {}, bias=4.0, count=5)
  assert share == 0.5
  assert rows[0] == {"share": 1.0, "semantic": 0.5, "next_basket": 0.1}
  assert "share of 0.5" in capsys.readouterr().err


def test_of_equal_shares_the_largest_is_chosen(measured):
  measured(dict.fromkeys((1.0, 0.5, 0.25, 0.0), (0.3, 0.3)))
  assert choose(untrained(), PARAMS, {}, bias=4.0, count=5)[0] == 1.0


def test_all_is_used_without_validation_requests(measured):
  measured({}, kinds=())
  assert choose(untrained(), PARAMS, {}, bias=4.0, count=5) == (1.0, [])


def test_the_figures_are_kept_beside_the_generator(measured, tmp_path):
  measured(
    {1.0: (0.1, 0.1), 0.5: (0.1, 0.1), 0.25: (0.1, 0.1), 0.0: (0.2, 0.1)}
  )
  fitted(tmp_path)
  parts = untrained(share_requests=5)
  found = with_best_share(PARAMS, {}, parts, tmp_path)["params"]
  np.testing.assert_array_equal(found["trust"], 0.0)
  rows = json.loads((tmp_path / NETWORK_SHARE).read_text())
  assert [row["share"] for row in rows] == [1.0, 0.5, 0.25, 0.0]


def test_nothing_is_chosen_where_nobody_asks_for_it(tmp_path):
  for parts in (untrained(), types.SimpleNamespace(candidates=None)):
    assert with_best_share(PARAMS, {}, parts, tmp_path) is PARAMS
  assert not list(tmp_path.iterdir())
