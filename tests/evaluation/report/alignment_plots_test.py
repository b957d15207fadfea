"""Pictures of an alignment."""

import re

from gr_jax.evaluation.report.alignment_plots import gold_and_proxy, watched

ROWS = [
  {"step": 0, "eval/reward": 0.8, "eval/proxy": 0.3},
  {"step": 5, "align/reward": 0.4, "align/brightness": 0.2},
  {"step": 10, "eval/reward": 0.7, "eval/proxy": 0.5, "align/brightness": 0.4},
]


def spoken(figure):
  return re.search(r'aria-label="([^"]*)"', figure.picture)[1]


def lines(figure):
  """The heights of the points of each curve, from its first one."""
  paths = re.findall(
    r'<path d="(M [^"]*)"[^>]*stroke-width: 1.8', figure.picture
  )
  points = [re.findall(r"[ML] [\d.]+ ([\d.]+)", path) for path in paths]
  return [[float(first) - float(y) for y in rest] for first, *rest in points]


def test_gold_falls_and_the_proxy_rises_from_one_level():
  (figure,) = gold_and_proxy(ROWS)
  text = spoken(figure)
  assert "judge (gold), 0.800 to 0.700" in text
  assert "learned from (proxy), 0.300 to 0.500" in text
  # Those of the legend come after.
  (gold,), (proxy,) = lines(figure)[:2]
  assert gold < 0 < proxy
  # On one scale: the proxy rose by twice as much.
  assert abs(proxy + 2 * gold) < 0.1


def test_the_update_whose_parameters_are_used_is_marked():
  assert "used" not in spoken(gold_and_proxy(ROWS)[0])
  (figure,) = gold_and_proxy(ROWS, kept=0)
  assert "parameters of update 0 are used" in spoken(figure)


def test_pictures_are_watched_update_by_update():
  (figure,) = watched(ROWS)
  assert "brightness, mean |x| from 0.2 to 0.4" in spoken(figure)
  assert "saturation" not in figure.picture


def test_what_is_not_there_is_not_drawn():
  assert gold_and_proxy([{"step": 0, "eval/reward": 0.8}]) == []
  assert watched([{"step": 0, "eval/reward": 0.8}]) == []
