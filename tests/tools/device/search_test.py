"""Latencies, and answers that are none."""

import numpy as np
import pytest

from gr_jax.decoding.beams import SearchResult
from tools.device import search


def test_latencies_are_quantiles_and_requests_those_of_all_calls():
  seconds = np.array([0.1, 0.1, 0.1, 0.5])
  found = {
    f.metric: f.value for f in search.latency_figures("x", seconds, batch=8)
  }
  assert found["p50_ms"] == pytest.approx(100)
  assert found["p99_ms"] == pytest.approx(1e3 * np.percentile(seconds, 99))
  assert found["requests_per_s"] == pytest.approx(8 * 4 / 0.8)


def test_answers_that_repeat_an_id_or_rise_are_no_answers():
  good = SearchResult(
    np.array([[2, 0]]), np.array([[-1.0, -2.0]]), np.zeros((1, 2, 2))
  )
  search.check_answers(good, ids=3, beam=2)
  for bad, message in (
    (good._replace(ids=np.array([[2, 2]])), "1 different"),
    (good._replace(ids=np.array([[3, 0]])), "none of the 3"),
    (good._replace(log_probs=np.array([[-2.0, -1.0]])), "do not fall"),
  ):
    with pytest.raises(ValueError, match=message):
      search.check_answers(bad, ids=3, beam=2)
