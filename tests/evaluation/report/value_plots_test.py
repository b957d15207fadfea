import re

from gr_jax.evaluation.report import value_plots


def _label(picture):
  return re.search(r'aria-label="([^"]*)"', picture)[1]


def bucket(predicted, value):
  row = {"predicted": predicted, "value": value, "n": 9}
  return row | {"low": value - 0.5, "high": value + 0.5}


def test_every_bucket_has_its_dot():
  rows = [bucket(1.0, 2.0), bucket(3.0, 3.25), bucket(9.0, 4.0)]
  figure = value_plots.reliability(rows)
  assert "3 buckets" in figure.caption
  spoken = "1 predicted, 2 paid; 3 predicted, 3.25 paid; 9 predicted, 4 paid"
  assert spoken in _label(figure.picture)
  # Values of nothing have no logarithm.
  assert value_plots.reliability([bucket(0.0, 0.5), *rows]).picture


def test_only_the_weight_that_is_used_has_the_large_dot():
  tried = [
    {"rerank": g, "value": v, "lost": 6 - v, "error": 0.25}
    for g, v in ((0.0, 5.0), (0.5, 6.0), (1.0, 5.5))
  ]
  used, other = (
    value_plots.value_by_weight(tried, chosen) for chosen in (0.5, 0.7)
  )
  assert _label(used.picture) == "Value by weight. 0: 5; 0.5: 6; 1: 5.5"
  assert len(used.picture) > len(other.picture)
