import pytest

from gr_jax.rl import early_warnings


def healthy(count=20):
  """Reward and hit rate rise, nothing else moves much."""
  rows = [
    {
      "step": step,
      "align/reward": 0.2 + 0.01 * step,
      "align/reward_spread": 0.3,
      "align/equal_groups": 0.2,
      "align/entropy": 5.0 - 0.05 * step,
      "align/unique_ids": 0.8,
      "align/kl": 0.02,
    }
    for step in range(count)
  ]
  for step in range(0, count, 5):
    rows[step]["eval/hit_rate@10"] = 0.30 + 0.001 * step
  return rows


def changed(**columns):
  rows = healthy()
  for name, function in columns.items():
    for row in rows:
      key = {"hit_rate": "eval/hit_rate@10"}.get(name, f"align/{name}")
      if key in row:
        row[key] = function(row["step"])
  return rows


def test_a_healthy_run_is_left_in_peace():
  for count in range(21):
    assert early_warnings.early_warnings(healthy(count)) == []


@pytest.mark.parametrize(
  ("rows", "words"),
  [
    (
      changed(
        reward=lambda s: 0.1,
        reward_spread=lambda s: 0.0,
        equal_groups=lambda s: 1.0,
      ),
      "every reward has been 0.1",
    ),
    (changed(equal_groups=lambda s: 0.95), "95% of the groups have equal"),
    (changed(entropy=lambda s: 5.0 * 0.7**s), "entropy fell"),
    (changed(unique_ids=lambda s: 0.8 * 0.7**s), "different IDs fell"),
    (changed(kl=lambda s: 0.2 * s), "KL to the reference is 3.80 a token"),
    (changed(hit_rate=lambda s: 0.3 - 0.005 * s), "exploits the reward"),
  ],
)
def test_each_failure_is_said_in_one_line(rows, words):
  lines = early_warnings.early_warnings(rows)
  assert len(lines) == 1
  assert words in lines[0]
  assert "\n" not in lines[0]


def test_a_falling_hit_rate_without_a_rising_reward_is_not_hacking():
  rows = changed(
    hit_rate=lambda s: 0.3 - 0.005 * s, reward=lambda s: 0.4 - 0.01 * s
  )
  assert early_warnings.early_warnings(rows) == []


def test_one_bad_evaluation_or_batch_is_not_worth_a_line():
  rows = changed(hit_rate=lambda s: 0.1 if s == 15 else 0.3)
  assert early_warnings.early_warnings(rows) == []
  rows = healthy()
  rows[-1]["align/equal_groups"] = 1.0
  rows[-1]["align/kl"] = 9.0
  assert early_warnings.early_warnings(rows) == []
