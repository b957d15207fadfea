import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.dual_encoder import _logged_pairs, train_dual_encoder
from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.generators.training_examples.single import group_targets
from tests.reference.small_world import semantic_ids, shop, writer
from tests.reference.tasks import data

CONFIG = ConfigDict(
  {
    "precision": "float32",
    "negatives": 1,
    "mined_from": 5,
    "hidden_share": 0.5,
    "model": {"width": 16, "heads": 2, "head_size": 8, "feed_forward": 24},
    "training": {"batch_size": 32, "steps": 20},
    "optimizer": {"learning_rate": 1e-3},
  }
)


def no_candidates(rows, *, shown):
  raise AssertionError("a dual encoder reads no candidates")


def made(directory):
  world_data = data(directory)
  world = shop()
  vectors = Vectors(world.items.x, world.query_x, world_data.artefact)
  tokenized = Tokenized(semantic_ids(), world_data.artefact)
  prompts = writer().with_candidates(no_candidates)
  generator = TrainedGenerator(None, None, prompts, world_data.artefact)
  stages = Stages(directory, world_data, vectors, tokenized, generator)
  return train_dual_encoder(CONFIG, stages)


@pytest.fixture(scope="module")
def rankers(tmp_path_factory):
  """The ranker as it was trained, and as it is read again."""
  directory = tmp_path_factory.mktemp("run")
  return made(directory), made(directory)


def test_what_documents_ask_for_themselves_is_not_learned(tmp_path):
  world_data = data(tmp_path)
  requests = world_data.requests
  everything = _logged_pairs(world_data)
  assert len(everything.request) == len(
    group_targets(requests, split=TRAIN).request
  )
  half = len(requests) // 2
  logged = _logged_pairs(dataclasses.replace(world_data, logged=half))
  kept = np.sort(everything.request[everything.request < half])
  np.testing.assert_array_equal(np.sort(logged.request), kept)


def requests():
  return draw_eval_requests(shop().requests, split=TEST, count=12, seed=0)


def test_it_ranks_as_baselines_do(rankers):
  for part in requests():
    for exclude in (None, part.seen):
      ranked = rankers[0].rank(part, k=10, exclude=exclude)
      assert ranked.shape == (len(part.rows), 10)
      assert ranked.dtype == np.int32
      for r, row in enumerate(ranked):
        kept = row[row >= 0]
        assert len(set(kept.tolist())) == len(kept)
        if exclude is not None:
          assert not set(kept.tolist()) & set(exclude[r].tolist())


def test_a_second_call_reads_the_same_model(rankers):
  first, second = rankers
  for part in requests():
    np.testing.assert_array_equal(
      first.rank(part, k=10, exclude=None),
      second.rank(part, k=10, exclude=None),
    )
