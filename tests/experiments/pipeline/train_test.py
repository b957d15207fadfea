import chex
import numpy as np

from configs import own_data
from experiments.pipeline.sources import Sources
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import throughput, train
from gr_jax.data.requests import TEST
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference import tasks, tiny_tokenizers
from tests.reference.small_world import PROMPT, semantic_ids
from tests.reference.tasks import started


def test_tokens_are_positions_of_prompts_and_of_what_follows(tmp_path):
  task, _, params, _ = started("page_wise", tmp_path)
  parts = tasks.untrained(tasks.section("page_wise"), tmp_path)
  mesh = make_mesh(MeshConfig())
  found = throughput(params, parts, task, {}, mesh=mesh)(2.0)
  prompt = 1 + 2 * PROMPT.history
  levels = len(semantic_ids().level_sizes)
  row = prompt + 6 * levels + 2
  assert found["train/tokens_per_second"] == 4 * row / 2
  assert found["train/examples_per_second"] == 4 * 6 / 2
  assert found["train/share_of_matmul_peak"] > 0


def test_a_trained_generator_counts_nothing_when_it_is_loaded(
  tmp_path, monkeypatch
):
  config = own_data.get_config("tiny").generator
  config.candidates.update(
    size=8, sequence_steps=0, fit_requests=40, fit_steps=5, share_requests=0
  )
  config.loop.update(steps=2, log_every=1, checkpoint_every=2, eval_every=0)
  data = tiny_tokenizers.data(tmp_path)
  tokenized = Tokenized(semantic_ids(), data.artefact)
  vectors = tiny_tokenizers.vectors(tmp_path)
  made = train(config, tmp_path, data, tokenized, vectors)

  def refuse(sources, log):
    raise AssertionError("sources were counted again")

  monkeypatch.setattr(Sources, "of", refuse)
  loaded = train(config, tmp_path, data, tokenized, vectors)
  rows = np.flatnonzero(data.requests.split == TEST)
  shown = np.arange(len(rows)) % 2 > 0
  first, second = (
    one.writer.prompts(rows, shown=shown) for one in (made, loaded)
  )
  assert first.candidates.mask.any()
  chex.assert_trees_all_equal(first, second)
  chex.assert_trees_all_equal(made.params, loaded.params)
  np.testing.assert_array_equal(made.learned, loaded.learned)
