"""Sol-RL from nothing to its report."""

import json

import pytest

from configs import sol_rl
from experiments.sol_rl import run
from gr_jax.rl.guard import read_stop
from gr_jax.training.metric_writer import read_metrics


@pytest.mark.slow
def test_a_tiny_run_explores_aligns_and_reports(tmp_path):
  config = sol_rl.get_config("tiny")
  config.flow.loop.update(steps=2, log_every=1, checkpoint_every=2)
  report = run(config, tmp_path)
  written = json.loads((tmp_path / "report.json").read_text())
  assert written["results"] == report["results"]
  page = (tmp_path / "report.html").read_text()
  assert "Pictures before alignment" in page
  assert "How well the explorer ranks" in page
  rows = read_metrics(tmp_path / "alignment" / "metrics.jsonl")
  assert {"align/contrast", "align/preview_reward"} < rows[-1].keys()
  assert {row["metric"] for row in report["results"]} > {"reward", "exact"}
  # A finished run is only loaded.
  assert run(config, tmp_path)["results"] == report["results"]


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0, 2])
def test_flow_grpo_aligns_where_diffusion_nft_does(tmp_path, keep):
  config = sol_rl.get_config("tiny")
  config.flow.loop.update(steps=2, log_every=1, checkpoint_every=2)
  config.align.objective = "flow_grpo"
  config.align.explore.update(candidates=0, weights="")
  config.align.flow_grpo.keep = keep
  report = run(config, tmp_path)
  rows = read_metrics(tmp_path / "alignment" / "metrics.jsonl")
  assert {"align/clipped", "align/kl", "align/reward"} < rows[-1].keys()
  # Paths are scored by what drew them, an adapter beside its base.
  assert rows[1]["align/log_ratio"] < 1e-6
  assert {row["metric"] for row in report["results"]} > {"reward", "exact"}


@pytest.mark.slow
def test_a_learned_scorer_is_reported_beside_the_judge(tmp_path):
  config = sol_rl.get_config("tiny")
  config.flow.loop.update(steps=2, log_every=1, checkpoint_every=2)
  config.align.reward = "scorer"
  config.align.loop.eval_every = 1
  config.fidelity.prompts = 1
  report = run(config, tmp_path)
  rows = read_metrics(tmp_path / "alignment" / "metrics.jsonl")
  assert all({"eval/reward", "eval/proxy"} <= row.keys() for row in rows)
  stop = read_stop(tmp_path / "alignment")
  assert (report["stop"] is None) == (stop is None)
  assert {"flow", "scorer", "align"} <= report["seconds"].keys()
  page = (tmp_path / "report.html").read_text()
  assert "aligned with a learned scorer" in page
  assert run(config, tmp_path)["results"] == report["results"]
