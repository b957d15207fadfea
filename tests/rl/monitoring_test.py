import pytest

from gr_jax.rl.monitoring import WARNINGS, AlignmentLog
from gr_jax.training.metric_writer import read_metrics


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
      "align/brightness": 0.2 + 0.002 * step,
      "align/saturation": 0.05 + 0.002 * step,
      "align/diversity": 0.3 - 0.005 * step,
      "align/kl": 0.02,
      "align/explorer_gap": 0.01,
      "align/explorer_gap_p95": 0.03,
    }
    for step in range(count)
  ]
  for step in range(0, count, 5):
    rows[step]["eval/hit_rate@10"] = 0.30 + 0.001 * step
  return rows


def warnings(rows):
  return [line for warn in WARNINGS if (line := warn(rows))]


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
    assert warnings(healthy(count)) == []


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
    (changed(diversity=lambda s: 0.3 * 0.7**s), "diversity of a prompt's"),
    (changed(brightness=lambda s: 0.2 + 0.02 * s), r"mean |x0| of the"),
    (changed(brightness=lambda s: 0.2 * 0.9**s), r"mean |x0| of the"),
    (changed(saturation=lambda s: 0.05 + 0.02 * s), r"|x0| > 1 went from"),
    (changed(kl=lambda s: 0.2 * s), "KL to the reference is 3.80 a token"),
    (
      changed(explorer_gap=lambda s: 0.07, explorer_gap_p95=lambda s: 0.31),
      "0.07 a code from the old policy's in the median, 0.31 at the 95th",
    ),
    (changed(hit_rate=lambda s: 0.3 - 0.005 * s), "exploits the reward"),
  ],
)
def test_each_failure_is_said_in_one_line(rows, words):
  lines = warnings(rows)
  assert len(lines) == 1
  assert words in lines[0]
  assert "\n" not in lines[0]


def test_a_falling_hit_rate_without_a_rising_reward_is_not_hacking():
  rows = changed(
    hit_rate=lambda s: 0.3 - 0.005 * s, reward=lambda s: 0.4 - 0.01 * s
  )
  assert warnings(rows) == []


def test_rows_without_a_percentile_still_warn_of_their_median():
  rows = changed(explorer_gap=lambda s: 0.07)
  for row in rows:
    del row["align/explorer_gap_p95"]
  (line,) = warnings(rows)
  assert "in the median: it explores another policy" in line


def test_one_bad_evaluation_or_batch_is_not_worth_a_line():
  rows = changed(hit_rate=lambda s: 0.1 if s == 15 else 0.3)
  assert warnings(rows) == []
  rows = healthy()
  rows[-1]["align/equal_groups"] = 1.0
  rows[-1]["align/kl"] = 9.0
  assert warnings(rows) == []


STUCK = {"align/reward": 0.1, "align/reward_spread": 0.0}


def test_a_warning_is_said_once_in_one_line_with_its_step(tmp_path, capsys):
  log = AlignmentLog(tmp_path, done=0, steps=10)
  for done in range(1, 9):
    log.write(done, STUCK)
  log.close()
  lines = [
    line
    for line in capsys.readouterr().err.splitlines()
    if "every reward has been" in line
  ]
  assert len(lines) == 1
  assert "align: step 5: " in lines[0]


def test_rows_after_the_checkpoint_are_written_again(tmp_path):
  log = AlignmentLog(tmp_path, done=0, steps=10)
  for done in (0, 2, 4):
    log.write(done, {"eval/hit_rate@10": float(done)})
  log.close()
  log = AlignmentLog(tmp_path, done=2, steps=10)
  log.write(4, {"eval/hit_rate@10": 9.0})
  log.close()
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert [(row["step"], row["eval/hit_rate@10"]) for row in rows] == [
    (0, 0.0), (2, 2.0), (4, 9.0),
  ]  # fmt: skip


def test_a_step_without_figures_leaves_no_row(tmp_path):
  log = AlignmentLog(tmp_path, done=0, steps=10)
  log.write(1, {})
  log.close()
  assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_reward_that_stands_still_is_not_hacked():
  rows = changed(hit_rate=lambda s: 0.3 - 0.005 * s, reward=lambda s: 0.5)
  assert warnings(rows) == []


def test_two_bad_evaluations_after_the_best_are_enough():
  rows = changed(hit_rate=lambda s: {0: 0.3, 5: 0.31}.get(s, 0.2))
  (line,) = warnings(rows)
  assert "eval/hit_rate@10 fell from 0.31 to 0.2" in line
