"""Which figures meet a bar, and which say nothing of it."""

import pytest

from tools.device import bars


def row(check, what, metric, value, side="gr_jax"):
  return {
    "check": check,
    "what": what,
    "metric": metric,
    "value": value,
    "side": side,
  }


def searched(
  batch, p99, requests, side="gr_jax", beam=50, check="search", more=""
):
  what = f"beam {beam}, batch {batch}{more}"
  return [
    row(check, what, "p99_ms", p99, side),
    row(check, what, "requests_per_s", requests, side),
  ]


def test_the_bar_of_a_search_takes_the_best_batch_that_is_soon_enough():
  rows = [
    *searched(1, 10, 100),
    *searched(8, 50, 160),
    *searched(16, 51, 300),
    *searched(64, 1, 900, beam=500),
    *searched(1, 400, 8, side="torch"),
  ]
  _, soon, ratio, *_ = bars.verdicts(rows)
  assert (soon.value, soon.met) == (160, True)
  assert (ratio.value, ratio.met) == (300 / 8, True)
  apart = searched(8, 49, 170, check="unstacked search", more=", unstacked")
  assert bars.verdicts(rows + apart)[1].value == 170
  _, soon, ratio, *_ = bars.verdicts(searched(16, 51, 300))
  assert (soon.value, soon.met) == (0, False)
  assert (ratio.value, ratio.met) == (None, None)


@pytest.mark.parametrize(("share", "met"), [(0.4, True), (0.39, False)])
def test_the_bar_of_training_is_that_of_the_largest_model(share, met):
  rows = [row("training", "0.5B", "share_of_peak", 0.9)]
  assert bars.verdicts(rows)[0].met is None
  rows += [row("training", "1.7B", "share_of_peak", share)]
  assert bars.verdicts(rows)[0].met is met


def test_one_attention_that_differs_or_fails_misses_the_bar():
  equal = row("kernels", "beams", "equal", True)
  differs = row("kernels", "cudnn, pages", "equal", False)
  failed = {"check": "kernels", "error": "out of memory"}
  cut_off = {"check": "kernels", "skipped": "the rest"}
  for rows, met in (
    ([equal], True),
    ([equal, differs], False),
    ([equal, failed], False),
    ([differs, cut_off], False),
    ([equal, cut_off], None),
    ([], None),
  ):
    assert bars.verdicts(rows)[3].met is met
