import json
import types

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import network_share
from experiments.pipeline.alignment_choice import (
  HITS,
  choose_params,
  kept_before,
  read_choice,
)


@pytest.mark.parametrize(
  ("hits", "stays"), [((0.5, 0.2, 0.6), False), ((0.5, 0.9, 0.5), True)]
)
def test_what_finds_no_more_in_the_end_is_not_used(hits, stays):
  rows = [{"step": 0, HITS: hits[0]}, {"align/loss": 1.0}]
  rows += [{HITS: value} for value in hits[1:]]
  sentence = kept_before(rows)
  assert bool(sentence) == stays
  assert not stays or "0.500 found" in sentence
  assert not kept_before([])


def params(weight, used):
  prior = {"candidates": {"used": jnp.full(3, float(used))}}
  return {"params": {"weight": jnp.full(2, float(weight)), "prior": prior}}


BEFORE, AFTER = params(1, 0.5), params(2, 1)


def stages(candidates, **counts):
  generator = types.SimpleNamespace(
    params=BEFORE | {"counts": {}} | counts,
    writer=types.SimpleNamespace(candidates=candidates),
    model=None,
    mesh=None,
  )
  tokenized = types.SimpleNamespace(semantic_ids=None)
  return types.SimpleNamespace(
    generator=generator, tokenized=tokenized, data=None
  )


def validation(keep_better=True):
  return ConfigDict({"requests": 4, "seed": 0, "keep_better": keep_better})


@pytest.fixture
def measured(monkeypatch):
  """Recalls by (weight, share), in place of searches."""

  def use(figures, paid=(0.0,), worth=None):
    searched = [types.SimpleNamespace(kind="semantic", values=np.array(paid))]
    found = types.SimpleNamespace(with_variables=lambda variables: variables)

    def recalls(variables, requests):
      del requests
      own = variables["params"]
      share = own["prior"]["candidates"]["used"][1]
      return {
        "semantic": np.full(3, figures[float(own["weight"][0])][float(share)])
      }

    def found_values(variables, requests):
      del requests
      weight = float(variables["params"]["weight"][0])
      return {"semantic": np.full(3, (worth or {})[weight])}

    replaced = {
      "found_values": found_values,
      "validation_requests": lambda *_, **__: searched,
      "make_retriever": lambda *_: found,
      "recalls": recalls,
    }
    for name, value in replaced.items():
      monkeypatch.setattr(network_share, name, value)

  return use


def shares_of(of_half):
  return {1.0: 0.1, 0.5: of_half, 0.25: 0.2, 0.0: 0.1}


def test_the_aligned_one_is_used_as_much_as_is_best(measured, tmp_path):
  measured({1.0: {0.5: 0.3}, 2.0: shares_of(0.4)})
  found = choose_params(validation(), stages(object()), AFTER, tmp_path)
  assert found["params"]["weight"][0] == 2
  assert found["params"]["prior"]["candidates"]["used"][1] == 0.5
  choice = read_choice(tmp_path)
  assert choice["kept_before"] == ""
  chosen = [row for row in choice["network_share"] if row["chosen"]]
  assert [row["share"] for row in chosen] == [0.5]
  assert chosen[0]["value"] == pytest.approx(0.4)


def test_the_one_before_stays_where_it_is_as_good(measured, tmp_path):
  measured({1.0: {0.5: 0.4}, 2.0: shares_of(0.4)})
  found = choose_params(validation(), stages(object()), AFTER, tmp_path)
  assert found["params"]["weight"][0] == 1
  assert found["params"]["prior"]["candidates"]["used"][1] == 0.5
  said = read_choice(tmp_path)["kept_before"]
  assert "0.400 after it, 0.400 before" in said
  # Nobody searched for the better one.
  found = choose_params(validation(False), stages(object()), AFTER, tmp_path)
  assert found["params"]["weight"][0] == 2
  assert read_choice(tmp_path)["kept_before"] == ""


def test_without_candidates_the_searches_of_the_alignment_decide(tmp_path):
  for last, weight in ((0.4, 1), (0.6, 2)):
    rows = [{"step": 0, HITS: 0.5}, {"step": 9, HITS: last}]
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "metrics.jsonl").write_text(text)
    found = choose_params(validation(), stages(None), AFTER, tmp_path)
    assert found["params"]["weight"][0] == weight


@pytest.mark.parametrize("candidates", [None, object()])
def test_where_values_are_predicted_they_decide(measured, tmp_path, candidates):
  """The aligned one finds less, which is worth more."""
  finds_less = {1.0: {0.5: 0.4}, 2.0: shares_of(0.3)}
  valued = stages(candidates, values={})
  for after, weight in ((9.0, 2), (7.0, 1)):
    measured(finds_less, paid=(0.0, 5.0), worth={1.0: 8.0, 2.0: after})
    found = choose_params(validation(), valued, AFTER, tmp_path)
    assert found["params"]["weight"][0] == weight
  said = read_choice(tmp_path)["kept_before"]
  assert "value@10 on validation requests is 7.000 after it, 8.000" in said


def test_where_nothing_was_paid_recall_decides(measured, tmp_path):
  measured({1.0: {0.5: 0.4}, 2.0: shares_of(0.3)}, paid=(0.0, 0.0))
  valued = stages(object(), values={})
  found = choose_params(validation(), valued, AFTER, tmp_path)
  assert found["params"]["weight"][0] == 1
  assert "recall@10" in read_choice(tmp_path)["kept_before"]
