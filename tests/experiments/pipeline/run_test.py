"""A value that some stage does not know stops the run before the first one."""

import pytest

from configs import cq_sid as cq_sid_config
from configs import rq_kmeans as rq_kmeans_config
from configs import rq_vae as rq_vae_config
from experiments import cq_sid, rq_kmeans, rq_vae


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("data.source", "x", "data.source is 'x'; use one of complete_journey"),
    ("tokenizer.collisions", "x", "tokenizer.collisions is 'x'; use one of"),
    ("tokenizer.precision", "x", "precision is 'x'; use one of bfloat16"),
    ("generator.precision", "x", "precision is 'x'; use one of bfloat16"),
    ("evaluation.split", "x", "evaluation.split is 'x'; use one of valid"),
    ("generator.model.kv_heads", 3, "model.heads is 2, no multiple of"),
    ("generator.loop.micro_batches", 3, "batch_size is 16, no multiple of"),
  ],
)
@pytest.mark.parametrize(
  ("experiment", "configs"), [(cq_sid, cq_sid_config), (rq_vae, rq_vae_config)]
)
def test_an_unknown_value_is_refused_before_anything_runs(
  tmp_path, experiment, configs, key, value, message
):
  config = configs.get_config("tiny")
  config.update_from_flattened_dict({key: value})
  with pytest.raises(ValueError, match=message):
    experiment.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_unknown_clusters_are_refused_before_anything_runs(tmp_path):
  config = rq_kmeans_config.get_config("tiny")
  config.tokenizer.clusters = "x"
  with pytest.raises(ValueError, match="clusters is 'x'; use one of plain"):
    rq_kmeans.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
