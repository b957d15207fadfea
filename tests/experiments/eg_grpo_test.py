import json

import pytest

from configs import eg_grpo as config_file
from experiments import eg_grpo
from experiments.pipeline.evaluate import BEFORE
from gr_jax.evaluation.results import select
from gr_jax.rl.losses.grpo import eg_grpo_loss


def smallest():
  """The tiny preset on a shop of a hundred items."""
  config = config_file.get_config("tiny")
  config.data = {
    "source": "shop_world",
    "seed": 0,
    "num_items": 120,
    "num_users": 40,
    "num_requests": 300,
    "num_categories": 5,
    "clusters_each": 3,
  }
  config.vectors.dimensions = 4
  config.tokenizer.vae.update(
    hidden=(8,), latent=4, levels=(5, 4), batch_size=32, steps=3,
    init_iterations=1,
  )  # fmt: skip
  config.generator.prompt.update(history=2, user_buckets=8)
  config.generator.examples.update(batch_size=8, targets=2)
  config.generator.model.update(
    layers=1, width=16, heads=2, head_size=8, feed_forward=16
  )
  config.generator.loop.update(steps=2, log_every=2, checkpoint_every=2)
  config.align.group_size = 4
  config.align.prompts.batch_size = 8
  config.align.loop.update(
    steps=2, log_every=1, eval_every=2, checkpoint_every=2
  )
  config.align.validation.update(requests=8, batch_size=8)
  config.evaluation.update(
    requests=8, beam=10, beams=(10,), beam_requests=8, batch_size=8
  )
  return config


def test_a_run_reports_the_aligned_generator_and_the_one_before(tmp_path):
  report = eg_grpo.run(smallest(), tmp_path)
  assert {"align", "train"} <= report["seconds"].keys()
  systems = {row["system"] for row in report["results"]}
  assert {"eg_grpo", BEFORE} <= systems
  assert not select(report["results"], system=BEFORE, seen="out")
  history = report["history"]["alignment"]
  assert [row["step"] for row in history] == [0, 1, 2]
  assert history[-1].keys() >= {"align/reward", "eval/hit_rate@10"}
  stored = json.loads((tmp_path / "report.json").read_text())
  assert stored["history"]["alignment"] == history
  page = (tmp_path / "report.html").read_text()
  assert "alignment: align/reward" in page


def test_the_objective_is_that_of_the_paper():
  found = eg_grpo.objective(config_file.section())
  assert found.policy_loss is eg_grpo_loss
  assert found.kl_coef == 1.0
  assert found.nll_coef == 0.0
  assert found.old_policy.is_present


def test_the_published_sizes():
  align = config_file.get_config("paper").align
  assert (align.group_size, align.prompts.clicked, align.kl_coef) == (8, 2, 1.0)
  assert align.experts == "append"
  assert align.optimizer.learning_rate == 1e-6
  assert (align.loop.steps, align.prompts.batch_size) == (1000, 512)
  eg_grpo.objective(align)


def test_more_experts_than_places_are_refused_before_anything_runs(tmp_path):
  config = smallest()
  config.align.experts = "replace"
  config.align.prompts.clicked = 5
  with pytest.raises(ValueError, match=r"5 experts .* group of 4"):
    eg_grpo.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
