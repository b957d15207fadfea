from gr_jax.rl.log import AlignmentLog
from gr_jax.training.metric_writer import read_metrics

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
