import pytest

from configs import genrec as config_file
from experiments import genrec
from gr_jax.rl.losses.grpo import grpo_sr_loss


def test_the_objective_is_grpo_sr_without_kl():
  found = genrec.objective(config_file.get_config().align)
  assert found.policy_loss is grpo_sr_loss
  assert found.kl_coef == 0
  assert found.nll_coef == 0.1


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("tokenizer.clusters", "x", "clusters is 'x'; use one of plain"),
    ("generator.task", "x", "task is 'x'; use one of point_wise"),
    (
      "generator.prompt_encoder",
      "x",
      "prompt_encoder is 'x'; use one of sum_items",
    ),
    ("preference.network.search", "x", "search is 'x'; use one of hard"),
    ("align.loss", "x", "align.loss is 'x'; use one of grpo, dapo"),
  ],
)
def test_an_unknown_value_is_refused_before_anything_runs(
  tmp_path, key, value, message
):
  config = config_file.get_config("tiny")
  config.update_from_flattened_dict({key: value})
  with pytest.raises(ValueError, match=message):
    genrec.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
