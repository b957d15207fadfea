"""The stage on the small world, with counts that must stay what they are."""

import chex
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import eg_grpo as config_file
from experiments import eg_grpo
from experiments.pipeline.align import align, validation_requests
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import VALID
from gr_jax.training.metric_writer import read_metrics
from tests.reference.small_policy import counted_params, counts, model
from tests.reference.small_world import semantic_ids, shop, writer


def section() -> ConfigDict:
  config = config_file.section()
  config.group_size = 4
  config.asked.update(batch_size=8, clicked=1)
  config.loop.update(steps=4, log_every=2, eval_every=4, checkpoint_every=2)
  config.validation.update(requests=12, batch_size=8)
  return config


def aligned(workdir, config) -> Generator:
  artefact = Artefact(workdir, "mark", 0.0)
  data = Data(shop().catalogue, shop().requests, artefact)
  tokenized = Tokenized(semantic_ids(), artefact)
  variables = counted_params() | counts()
  return align(
    config,
    workdir,
    data,
    tokenized,
    Generator(model(), variables, writer(), artefact),
    reward=eg_grpo.page_reward(config, data, tokenized),
    objective=eg_grpo.objective(config),
  )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def made(workdir):
  return aligned(workdir, section())


def test_parameters_move_and_counts_do_not(made):
  chex.assert_trees_all_equal(
    jax.device_get(made.params["counts"]), jax.device_get(counts()["counts"])
  )
  before, after = counted_params()["params"], made.params["params"]
  chex.assert_trees_all_equal_shapes(before, after)
  moved = [
    np.abs(np.asarray(a) - np.asarray(b)).max()
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after))
  ]
  assert max(moved) > 0


def test_a_finished_stage_is_loaded(made, workdir, capsys):
  again = aligned(workdir, section())
  assert f"alignment: loaded from {workdir}" in capsys.readouterr().err
  chex.assert_trees_all_equal(
    jax.device_get(again.params), jax.device_get(made.params)
  )
  assert again.artefact == made.artefact


def test_another_reward_value_is_another_artefact(made, tmp_path):
  config = section()
  config.reward.exposed = 0.4
  config.loop.update(steps=1, checkpoint_every=1)
  assert aligned(tmp_path, config).artefact.fingerprint != (
    made.artefact.fingerprint
  )


def test_hits_of_the_held_out_are_told_before_and_after(made):
  rows = read_metrics(made.artefact.directory / "metrics.jsonl")
  told = [row["step"] for row in rows if "eval/hit_rate@1" in row]
  assert told == [0, 4]


def test_held_out_requests_are_of_their_split_and_of_the_seed():
  options = {"split": VALID, "count": 9, "seed": 3}
  found = validation_requests(
    shop().requests, writer(), semantic_ids(), **options
  )
  again = validation_requests(
    shop().requests, writer(), semantic_ids(), **options
  )
  assert len(found.queries) == len(found.targets) == 9
  np.testing.assert_array_equal(found.queries, again.queries)
  assert (found.targets.sizes > 0).all()
