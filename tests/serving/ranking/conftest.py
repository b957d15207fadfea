"""A run of a ranker, made once."""

import types

import pytest

from experiments import ultra_hstu
from experiments.pipeline.prepare import prepare
from experiments.ranking.train import train
from gr_jax.ranking.ranker_files import load_ranker
from tests.experiments.ultra_hstu_test import small


@pytest.fixture(scope="session")
def run(tmp_path_factory):
  config, folder = small(), tmp_path_factory.mktemp("ranker") / "run"
  config.ranker.loop.update(steps=20, checkpoint_every=20, eval_every=20)
  ultra_hstu.run(config, folder)
  data = prepare(config.data, folder)
  return types.SimpleNamespace(
    config=config, folder=folder, data=data,
    trained=train(config.ranker, folder, data), ranker=load_ranker(folder),
  )  # fmt: skip
