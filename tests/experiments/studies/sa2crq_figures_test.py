"""Figures of a made-up study."""

import numpy as np

from experiments.studies import sa2crq_figures
from experiments.studies.sa2crq_measure import METRICS, SEGMENTS

USERS = {"semantic": np.arange(6)}


def made_up(value, decodings=("catalogue", "free")):
  """Of one seed: six requests, of which the head has three."""
  table = np.full((6, len(METRICS)), value, np.float32)
  found = {}
  for decoding in decodings:
    found[decoding] = {segment: table.copy() for segment in SEGMENTS}
    found[decoding]["head"][3:] = np.nan
    found[decoding]["new"][:] = np.nan
  return {"semantic": found}


FOUND = {
  "tiger": {0: made_up(0.2), 1: made_up(0.4)},
  "arm": {0: made_up(0.5), 1: made_up(0.5)},
  "slow": {1: made_up(0.1)},
  "bm25": {0: made_up(0.3, ("catalogue",))},
}


def row(arm, metric="recall@100", segment="all", decoding="catalogue"):
  rows = sa2crq_figures.compared([arm], "tiger", FOUND, USERS)
  wanted = (metric, segment, decoding)
  (found,) = [
    r for r in rows if (r["metric"], r["segment"], r["decoding"]) == wanted
  ]
  return found


def test_differences_are_per_request_and_seed():
  found = row("arm")
  assert found["value"] == 0.5
  assert found["difference"] == 0.2
  assert (found["agreeing"], found["compared"], found["n"]) == (2, 2, 6)


def test_an_arm_of_fewer_seeds_is_compared_on_those_it_has():
  found = row("slow")
  assert found["difference"] == -0.3
  assert (found["seeds"], found["compared"]) == (1, 1)


def test_what_has_one_answer_stands_beside_every_seed():
  found = row("bm25")
  assert found["difference"] == 0.0
  assert (found["seeds"], found["compared"]) == (1, 2)


def test_a_segment_counts_the_requests_that_have_it():
  assert row("arm", segment="head")["n"] == 3
  rows = sa2crq_figures.compared(["arm"], "tiger", FOUND, USERS)
  assert not [r for r in rows if r["segment"] == "new"]


def test_hallucination_is_told_of_the_free_beam_alone():
  rows = sa2crq_figures.compared(list(FOUND), "tiger", FOUND, USERS)
  told = {r["decoding"] for r in rows if r["metric"] == "hallucination"}
  assert told == {"free"}
  assert not [r for r in rows if r["arm"] == "bm25" and r["decoding"] == "free"]


def test_a_baseline_does_not_differ_from_itself():
  rows = sa2crq_figures.compared(["tiger"], "tiger", FOUND, USERS)
  assert all(r["difference"] == r["below"] == r["above"] == 0 for r in rows)
