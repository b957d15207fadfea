"""Training of a classifier of pictures."""

import jax
import numpy as np
import pytest

from gr_jax.evaluation.pictures.classifier import (
  Classifier,
  ClassifierConfig,
  make_features,
  make_read,
)
from gr_jax.evaluation.pictures.classifier_training import (
  ClassifierTrainingConfig,
  Labeled,
  train,
)
from gr_jax.evaluation.pictures.frechet import frechet_distance
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig

MODEL = Classifier(ClassifierConfig(heads=(2, 2), widths=(4, 4, 4), features=8))


def make(number, rows=32):
  """A bright half, left or right; on it stripes, lying or standing."""
  rng = np.random.default_rng(number)
  labels = rng.integers(0, 2, (rows, 2), np.int32)
  place = np.arange(16)
  half = (place >= 8)[None, :] == labels[:, :1]
  stripes = np.broadcast_to(place % 4 < 2, (rows, 16, 16))
  standing = labels[:, 1, None, None] == 1
  stripes = np.where(standing, stripes, stripes.swapaxes(1, 2))
  pictures = np.where(half[:, None] & stripes, 1.0, -1.0)
  pictures += 0.1 * rng.normal(size=pictures.shape)
  return Labeled(pictures[..., None].astype(np.float32), labels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  config = ClassifierTrainingConfig(
    optimizer=OptimizerConfig(learning_rate=1e-2),
    loop=LoopConfig(steps=60, checkpoint_every=60),
  )
  return train(
    MODEL,
    make,
    config=config,
    directory=tmp_path_factory.mktemp("classifier"),
    mesh=make_mesh(MeshConfig(), jax.devices()[:1]),
  )


def test_every_head_is_learned(trained):
  batch = make(1_000_000, rows=200)
  found = make_read(MODEL)(trained, batch.pictures)
  assert (found == batch.labels).mean(axis=0).min() > 0.95


def test_pictures_of_one_class_are_far_from_those_of_all(trained):
  features = make_features(MODEL)
  batch, other = make(1_000_001, rows=400), make(1_000_002, rows=400)
  all_of_them = features(trained, batch.pictures)
  one_class = other.pictures[(other.labels == 0).all(axis=1)]
  near = frechet_distance(all_of_them, features(trained, other.pictures))
  far = frechet_distance(all_of_them, features(trained, one_class))
  assert far > 10 * near
