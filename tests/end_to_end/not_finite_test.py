"""A run whose training diverges stops with one line."""

import json

import pytest

from gr_jax.training.metric_writer import read_metrics
from tests.reference import shop_run, small_run


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
  folder = tmp_path_factory.mktemp("not_finite")
  return shop_run.data(folder)


def test_a_learning_rate_that_is_far_too_high_stops_the_run(shop, tmp_path):
  def run():
    process = small_run.start(
      "configs/own_data.py:tiny",
      tmp_path / "run",
      f"--config.data.path={shop}",
      *shop_run.FEW,
      "--config.generator.loop.checkpoint_every=2",
      "--config.generator.optimizer.learning_rate=1e30",
      "--config.generator.optimizer.clip_norm=1e30",
    )
    output, _ = process.communicate(timeout=280)
    return process.returncode, output

  for _ in range(2):  # The second goes on from what is kept.
    code, output = run()
    assert code == 1
    last = output.splitlines()[-1]
    assert last.startswith("error: training stopped at step 3: train/loss is ")
    assert "the checkpoint of step 2 is kept. Lower the learning rate" in last
    assert "Traceback" not in output
  generator = tmp_path / "run" / "generator"
  assert not (generator / "manifest.json").exists()
  assert (generator / "checkpoints" / "2").is_dir()
  assert not (generator / "checkpoints" / "4").exists()
  text = (generator / "metrics.jsonl").read_text()
  assert "NaN" not in text
  assert read_metrics(generator / "metrics.jsonl") == [
    json.loads(line) for line in text.splitlines()
  ]
