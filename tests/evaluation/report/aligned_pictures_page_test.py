"""The page of an aligned flow model."""

import numpy as np

from gr_jax.evaluation.report.aligned_pictures_page import (
  aligned_pictures_page,
)


def report(**parts):
  def row(metric, before, after):
    apart = after - before
    return {
      "metric": metric, "before": before, "after": after,
      "difference": apart, "low": apart - 0.01, "high": apart + 0.01, "n": 7,
    }  # fmt: skip

  return {
    "results": [
      row("reward", 0.4, 0.55),
      row("exact", 0.1, 0.25),
      row("count", 0.5, 0.5),
      row("object", 0.3, 0.2),
    ],
    "fidelity": {"spearman": 0.96},
    "history": {"align": [{"step": 1, "align/reward": 0.5}]},
    "seconds": {"flow": 60.0, "align": 30.0},
    "commits": {"flow": "abc", "align": "abc"},
    "config": {"name": "sol_rl", "align": {"steps": 10}},
  } | parts


PICTURES = {
  name: np.zeros((2, 4, 4, 3), np.float32) for name in ("before", "after")
}
CAPTIONS = ["a red circle", "two blue squares"]


def test_it_says_what_changed_and_by_how_much():
  page = aligned_pictures_page(report(), PICTURES, CAPTIONS)
  assert "from 0.400 to 0.550" in page
  assert "from 10.0% to 25.0%" in page
  assert "-0.100" in page
  assert "-0.110 to -0.090" in page
  assert "0.960" in page
  assert "two blue squares" in page


def test_without_an_explorer_nothing_is_said_of_one():
  page = aligned_pictures_page(report(fidelity={}), PICTURES, CAPTIONS)
  assert "explorer" not in page


def validation(step, gold, proxy):
  return {"step": step, "eval/reward": gold, "eval/proxy": proxy}


def test_a_proxy_stands_beside_the_judge_and_the_stop_is_said():
  rows = [validation(0, 0.5, 0.3), validation(20, 0.4, 0.45)]
  stop = {"kept": 0, "sentence": "alignment stopped at update 20: exploited"}
  found = report(history={"align": rows}, stop=stop)
  page = aligned_pictures_page(found, PICTURES, CAPTIONS)
  assert "aligned with a learned scorer" in page
  assert "Alignment stopped at update 20: exploited." in page
  assert "judge (gold), 0.500 to 0.400" in page
  assert "blind to places" in page


def test_the_judge_as_reward_has_no_proxy():
  page = aligned_pictures_page(report(stop=None), PICTURES, CAPTIONS)
  assert "aligned with a judge" in page
  assert "proxy" not in page
  assert "blind" not in page


def test_stages_of_several_commits_are_warned_of():
  mixed = report(commits={"flow": "abc", "align": "def"})
  page = aligned_pictures_page(mixed, PICTURES, CAPTIONS)
  assert "Made by several commits (abc, def)" in page
