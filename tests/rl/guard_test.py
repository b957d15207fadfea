"""When an alignment is exploiting its reward."""

import json

import numpy as np
import pytest

from gr_jax.rl.guard import Guarded, RewardGuard, read_stop
from gr_jax.training.finite import NotFinite

GUARD = RewardGuard(fall=0.01)


def rows(gold, proxy):
  return [
    {"step": 10 * k, "eval/reward": g, "eval/proxy": p}
    for k, (g, p) in enumerate(zip(gold, proxy, strict=True))
  ]


def test_it_stops_where_gold_falls_by_a_point_and_the_proxy_rises():
  stop = GUARD.stop(rows([0.5, 0.6, 0.58], [0.3, 0.4, 0.5]))
  assert (stop.kept, stop.step) == (10, 20)
  assert (stop.gold, stop.proxy) == ((0.6, 0.58), (0.4, 0.5))


@pytest.mark.parametrize(
  ("gold", "proxy"),
  [
    ([], []),
    ([0.5], [0.3]),
    ([0.5, 0.6], [0.3, 0.4]),  # Both rise.
    ([0.5, 0.495], [0.3, 0.9]),  # Less than a point.
    ([0.5, 0.4], [0.3, 0.2]),  # Worse, but nothing is exploited.
    ([0.5, 0.4], [0.3, 0.3]),
    # It rose before the best gold and fell since.
    ([0.4, 0.6, 0.5], [0.1, 0.5, 0.4]),
    # Above the last validation, not above the best.
    ([0.6, 0.3, 0.595], [0.5, 0.4, 0.6]),
  ],
)
def test_it_lets_every_other_run_go_on(gold, proxy):
  assert GUARD.stop(rows(gold, proxy)) is None


def test_a_slow_fall_is_one_from_the_best():
  """No step is a point, and the first of equal golds is the best."""
  gold, proxy = [0.5, 0.5, 0.494, 0.489], [0.3, 0.45, 0.4, 0.41]
  assert GUARD.stop(rows(gold[:3], proxy[:3])) is None
  stop = GUARD.stop(rows(gold, proxy))
  assert (stop.kept, stop.step) == (0, 30)
  assert "the policy before alignment is used" in stop.sentence()


def test_shifting_either_reward_changes_no_decision():
  rng = np.random.default_rng(0)
  stopped = 0
  for _ in range(200):
    gold, proxy = rng.integers(0, 9, (2, 4)) / 8
    stop = GUARD.stop(rows(gold, proxy))
    moved = GUARD.stop(rows(gold + 2, proxy - 3))
    assert (stop is None) == (moved is None)
    if stop and moved:
      assert (stop.kept, stop.step) == (moved.kept, moved.step)
      stopped += 1
  assert 0 < stopped < 200


def test_what_happened_is_one_line_and_a_file(tmp_path):
  stop = GUARD.stop(rows([0.5, 0.6, 0.5], [0.3, 0.4, 0.5]))
  assert stop.sentence() == (
    "alignment stopped at update 20: eval/reward fell from 0.6000 to 0.5000 "
    "while eval/proxy rose from 0.4000 to 0.5000, so the reward is being "
    "exploited; update 10 is used"
  )
  assert read_stop(tmp_path) is None
  stop.save(tmp_path)
  assert read_stop(tmp_path) == stop


@pytest.mark.parametrize("fall", [0, -0.1, float("nan")])
def test_a_guard_that_would_stop_everything_is_refused(fall):
  with pytest.raises(ValueError, match="give a positive number"):
    RewardGuard(fall=fall)


def test_a_reward_is_no_proxy_of_itself():
  with pytest.raises(ValueError, match="with itself"):
    RewardGuard(proxy="eval/reward")


def test_validations_that_cannot_be_compared_are_refused(tmp_path):
  guarded = Guarded(GUARD, tmp_path, done=0)
  with pytest.raises(
    ValueError, match=r"reads eval/proxy, and .* eval/reward:"
  ):
    guarded.see(0, {"eval/reward": 0.5})
  with pytest.raises(NotFinite, match="eval/proxy = nan"):
    guarded.see(0, {"eval/reward": 0.5, "eval/proxy": np.nan})


def test_the_best_gold_is_what_checkpoints_are_kept_by(tmp_path):
  guarded = Guarded(GUARD, tmp_path, done=0)
  assert guarded.loss is None
  better = [
    (guarded.see(row["step"], row), guarded.loss)
    for row in rows([0.5, 0.6, 0.6, 0.4], [0.1] * 4)
  ]
  assert better == [(True, -0.5), (True, -0.6), (False, -0.6), (False, -0.6)]


def test_a_run_that_goes_on_remembers_what_it_did_and_no_more(tmp_path):
  found = rows([0.6, 0.58, 0.7], [0.3, 0.4, 0.5])
  found.insert(1, {"step": 5, "align/reward": 0.1})
  text = "".join(json.dumps(row) + "\n" for row in found)
  (tmp_path / "metrics.jsonl").write_text(text)
  assert Guarded(GUARD, tmp_path, done=10).stop.kept == 0
  assert Guarded(GUARD, tmp_path, done=5).stop is None
  assert Guarded(GUARD, tmp_path, done=20).stop is None
  assert Guarded(GUARD, tmp_path, done=0).loss is None


def test_without_a_rule_nothing_is_seen(tmp_path):
  guarded = Guarded(None, tmp_path, done=0)
  assert not guarded.see(0, {})
  assert guarded.loss is guarded.stop is None
