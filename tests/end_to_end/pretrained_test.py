"""A pretrained generator learns, is aligned and goes on: LoRA alone moves."""

import chex
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from orbax.checkpoint import v1 as ocp

import gr_jax
from configs import eg_grpo as eg_grpo_config
from experiments import eg_grpo
from experiments.pipeline.align import align
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import train
from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.lora import TRAINED
from gr_jax.generators.pretrained.text import read_tokenizer
from gr_jax.nn.flat_tree import flatten
from gr_jax.retrieval.export_decoder import export_run
from gr_jax.retrieval.load_params import read_params
from gr_jax.training.metric_writer import read_metrics
from tests.reference import small_run, tiny_tokenizers, trained_run
from tests.reference.small_world import semantic_ids


def section(**changes):
  found = ConfigDict(trained_run.section(network="pretrained"))
  found.optimizer = {"learning_rate": 1e-2, "weight_decay": 0.0}
  found.examples = {"batch_size": 8, "targets": 2, "text_share": 0.5}
  found.held_out = {"targets": 32}
  found.loop = {
    "steps": 12, "log_every": 4, "checkpoint_every": 4, "eval_every": 4,
  }  # fmt: skip
  found.update(changes)
  return found


def trained(workdir, config):
  data = tiny_tokenizers.data(workdir)
  tokenized = Tokenized(semantic_ids(), data.artefact)
  made = train(config, workdir, data, tokenized)
  return Stages(workdir, data, None, tokenized, made)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  return trained(tmp_path_factory.mktemp("run"), section())


def test_the_loss_of_what_is_held_out_falls(stages):
  directory = stages.generator.artefact.directory
  rows = read_metrics(directory / "metrics.jsonl")
  losses = [row["valid/loss"] for row in rows if "valid/loss" in row]
  assert len(losses) == 3
  assert losses[-1] < losses[0]


def test_what_was_read_stands_still(stages):
  base = stages.workdir / "base"
  expected = load_params(base, read_arrangement(base))["params"]
  found = stages.generator.params[FROZEN]
  chex.assert_trees_all_equal(jax.device_get(found), jax.device_get(expected))


def test_checkpoints_hold_what_is_trained_and_nothing_else(stages):
  directory = stages.generator.artefact.directory
  trained = flatten(read_params(directory)["params"])
  assert {path[-1] for path in trained} <= set(TRAINED)
  with ocp.training.Checkpointer(
    str((directory / "checkpoints").absolute())
  ) as checkpoints:
    state = checkpoints.metadata(checkpoints.latest.step).metadata
  arrays = [x for x in jax.tree.leaves(state) if x.shape != ()]
  # Parameters and their two moments.
  expected = sorted(x.shape for x in trained.values()) * 3
  assert sorted(x.shape for x in arrays) == sorted(expected)


@pytest.mark.slow
def test_pages_are_learned(tmp_path):
  config = section(task="page_wise")
  config.examples = {"batch_size": 8, "places": 14, "pages": 2}
  made = trained(tmp_path, config).generator
  rows = read_metrics(made.artefact.directory / "metrics.jsonl")
  losses = [row["valid/loss"] for row in rows if "valid/loss" in row]
  assert losses[-1] < losses[0]
  assert any(row.get("train/loss_end", 0) > 0 for row in rows)


def few_steps(workdir, **changes):
  """The losses of four steps, in training and of what is held out."""
  config = section(**changes)
  config.loop.update(steps=4, eval_every=4, checkpoint_every=4)
  made = trained(workdir, config).generator
  rows = read_metrics(made.artefact.directory / "metrics.jsonl")
  names = ("train/loss", "train/grad_norm", "valid/loss")
  return {name: row[name] for row in rows for name in names if name in row}


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
  return few_steps(tmp_path_factory.mktemp("one"))


@pytest.mark.slow
@pytest.mark.parametrize(
  "mesh", [{"fsdp": 4}, {"model": 2}, {"fsdp": 2, "model": 2}]
)
def test_a_mesh_and_parts_of_a_batch_change_nothing(losses, tmp_path, mesh):
  loop = section().loop.to_dict() | {"micro_batches": 2}
  found = few_steps(tmp_path, mesh=mesh, loop=loop)
  assert found == pytest.approx(losses, abs=1e-4)
  assert len(found) == 3


@pytest.mark.slow
def test_the_recipe_runs_is_searched_and_exported(tmp_path):
  run = tmp_path / "run"
  process = small_run.start("configs/cq_sid_qwen.py:tiny", run)
  printed, _ = process.communicate(timeout=1200)
  assert process.returncode == 0, printed[-3000:]
  found = gr_jax.load(run).search("milk", k=3)
  assert len(found) == 3
  export_run(run, tmp_path / "out")
  text = read_tokenizer(tmp_path / "out")
  assert text.encode(["<a_0>"], length=4)[1].sum() == 1


@pytest.mark.slow
def test_everything_is_trained_without_lora(tmp_path):
  config = section()
  config.pretrained.lora.rank = 0
  made = trained(tmp_path, config)
  assert FROZEN not in made.generator.params
  base = tmp_path / "base"
  before = load_params(base, read_arrangement(base))["params"]
  after = made.generator.params["params"]
  for path, value in flatten(before).items():
    moved = np.abs(np.asarray(flatten(after)[path]) - np.asarray(value)).max()
    assert moved > 0, path


@pytest.mark.slow
def test_alignment_moves_what_training_moved(stages):
  config = eg_grpo_config.section()
  config.group_size = 4
  config.prompts.update(batch_size=8, clicked=1)
  config.loop.update(steps=2, log_every=1, eval_every=2, checkpoint_every=2)
  config.validation.update(requests=12, batch_size=8)
  reward = eg_grpo.page_reward(config, stages.data, stages.tokenized)
  found = align(config, stages, reward=reward)
  before, after = stages.generator.params, found.params
  chex.assert_trees_all_equal(
    *(jax.device_get(params[FROZEN]) for params in (before, after))
  )
  a, b = (flatten(params["params"]) for params in (before, after))
  assert a.keys() == b.keys()
  assert all(np.abs(a[path] - b[path]).max() > 0 for path in a)
