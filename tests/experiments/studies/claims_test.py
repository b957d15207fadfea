"""A claim is decided by its row and its bar alone."""

import dataclasses

import pytest

from experiments.studies import claims
from experiments.studies.claims import Claim
from tests.experiments.studies.record_test import record

ROW = {
  "world": "shop", "metric": "hits", "arm": "b", "baseline": "a", "value": 0.6,
  "value_low": 0.5, "value_high": 0.7, "difference": 0.2, "low": 0.1,
  "high": 0.3, "n": 50, "seeds": 3,
}  # fmt: skip
ORIGIN = {"command": "a command", "commit": "abc", "machine": "a machine"}


def decided(row=ROW, **fields):
  claim = Claim("TIGER", "b is above a", "[OURS]", ".1", "hits", "b", "a")
  for name, value in fields.items():
    object.__setattr__(claim, name, value)
  (found,) = claims.decide([claim], record(rows=[row], origin=ORIGIN))
  return found


@pytest.mark.parametrize(
  ("ends", "bar", "verdict"),
  [
    ((0.1, 0.3), claims.ABOVE, "met"),
    ((-0.1, 0.3), claims.ABOVE, "missed"),
    ((-0.1, 0.3), claims.NOT_BELOW, "met"),
    ((-0.3, -0.1), claims.NOT_BELOW, "missed"),
    ((-0.3, -0.1), claims.BELOW, "met"),
    ((0.1, 0.3), claims.NOT_ABOVE, "missed"),
    ((0.1, 0.3), claims.at_least(0.2), "met"),
    ((0.1, 0.3), claims.at_most(0.1), "missed"),
  ],
)
def test_a_bar_decides(ends, bar, verdict):
  found = decided(ROW | dict(zip(("low", "high"), ends)), bar=bar)
  assert found["verdict"] == verdict
  assert found["bar"] == bar.text
  assert (found["low"], found["high"]) == ends


def test_a_row_of_a_claim_has_the_form_of_claims_json():
  assert list(decided()) == [
    "system", "claim", "source", "paper", "study", "world", "metric", "arm",
    "baseline", "value", "low", "high", "q", "n", "seeds", "bar", "verdict",
    "command", "commit", "machine",
  ]  # fmt: skip
  assert decided()["commit"] == "abc"


def test_a_difference_has_the_q_of_its_row_and_a_figure_alone_has_none():
  row = ROW | {"q": 0.2}
  assert decided(row)["q"] == decided(row, figure=claims.relative)["q"] == 0.2
  # The bar decides alone; the q says how far it is to be believed.
  assert decided(row)["verdict"] == "met"
  assert decided(row, figure=claims.value)["q"] is None
  assert decided()["q"] is None


def test_figures_are_differences_shares_of_the_baseline_or_values():
  assert decided()["value"] == 0.2
  relative = decided(figure=claims.relative)
  assert relative["value"] == pytest.approx(0.2 / 0.4)
  assert relative["low"] == pytest.approx(0.1 / 0.4)
  assert relative["metric"] == "hits, relative"
  assert decided(figure=claims.ratio)["value"] == pytest.approx(0.6 / 0.4)
  value = decided(figure=claims.value)
  assert [value[name] for name in ("value", "low", "high")] == [0.6, 0.5, 0.7]


@pytest.mark.parametrize("fields", [{"arm": "c"}, {"metric": "others"}])
def test_what_no_row_holds_is_open_and_has_no_figure(fields):
  found = decided(**fields)
  assert found["verdict"] == "open"
  for name in ("value", "low", "high", "n", "seeds", "commit", "machine"):
    assert found[name] is None


def test_a_share_of_nothing_is_open():
  nothing = ROW | {"value": 0.2, "difference": 0.2}
  assert decided(nothing, figure=claims.relative)["verdict"] == "open"


def test_facts_of_variants_decide_as_well():
  world = {
    "seeds": [0, 1], "prefill": {"b": {"ms": 2.0}, "a": {"ms": 4.0}},
  }  # fmt: skip
  claim = Claim(
    "GenRec", "faster", "", "", "prefill/ms", "b", "a", claims.at_most(0.6),
    claims.ratio,
  )  # fmt: skip
  (found,) = claims.decide(
    [claim], record(worlds={"shop": world}, rows=[], origin=ORIGIN)
  )
  assert (found["value"], found["verdict"], found["seeds"]) == (
    0.5,
    "met",
    None,
  )


def test_a_claim_is_decided_in_its_worlds():
  claim = Claim("TIGER", "x", "", "", "hits", "b", "a", worlds=("sea",))
  assert claims.decide([claim], record(rows=[ROW], origin=ORIGIN)) == []


def test_a_claim_of_every_kind_is_decided_in_each():
  claim = Claim("TIGER", "b is above a", "", "", "{kind}/hits", "b", "a")
  world = {"requests": {"next_basket": 4, "semantic": 5}, "seeds": [0]}
  rows = [ROW | {"metric": "semantic/hits"}]
  found = claims.decide(
    [claim], record(worlds={"shop": world}, rows=rows, origin=ORIGIN)
  )
  assert [(one["claim"], one["verdict"]) for one in found] == [
    ("b is above a, next basket", "open"),
    ("b is above a, semantic", "met"),
  ]


def test_a_claim_that_is_optional_is_left_out_without_a_row():
  claim = Claim(
    "TIGER", "b is above a", "[OURS]", "", "hits", "b", "a", optional=True
  )
  shown = record(rows=[ROW], origin=ORIGIN)
  (found,) = claims.decide([claim], shown)
  assert found["verdict"] == "met"
  absent = dataclasses.replace(claim, metric="misses")
  assert claims.decide([absent], shown) == []
