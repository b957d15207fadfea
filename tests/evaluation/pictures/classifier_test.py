"""Laws of the classifier of pictures."""

import functools

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.evaluation.pictures.classifier import (
  Classifier,
  ClassifierConfig,
  make_features,
  make_read,
)

MODEL = Classifier(
  ClassifierConfig(heads=(3, 2), channels=2, widths=(4, 5, 6), features=7)
)
PICTURES = np.random.default_rng(0).normal(size=(5, 16, 16, 2))


@functools.cache
def params():
  init = jax.jit(MODEL.init)(jax.random.key(0), PICTURES[:1])
  return nn.unbox(init)


@functools.cache
def logits_of_pictures():
  return jax.jit(MODEL.apply)(params(), PICTURES)


def test_every_head_has_its_classes_and_reads_the_features():
  logits = logits_of_pictures()
  assert [x.shape for x in logits] == [(5, 3), (5, 2)]
  features = make_features(MODEL)(params(), PICTURES)
  assert features.shape == (5, 7)
  dense = params()["params"]["logits"]["dense"]
  np.testing.assert_allclose(
    np.concatenate(logits, axis=1),
    features @ dense["kernel"] + dense["bias"],
    rtol=1e-4,
    atol=1e-5,
  )


def test_what_is_read_is_the_likeliest_class_of_each_head():
  logits = logits_of_pictures()
  expected = np.stack([np.argmax(x, axis=-1) for x in logits], axis=-1)
  np.testing.assert_array_equal(make_read(MODEL)(params(), PICTURES), expected)
  assert len(np.unique(expected)) > 1


def test_more_pictures_than_a_batch_keep_their_order():
  features = make_features(MODEL)
  many = np.concatenate([PICTURES] * 60)
  expected = np.concatenate([features(params(), PICTURES)] * 60)
  np.testing.assert_allclose(features(params(), many), expected, rtol=1e-5)


@pytest.mark.parametrize("heads", [(), (3, 1)])
def test_a_head_without_a_choice_raises(heads):
  with pytest.raises(ValueError, match="of 2 classes or more"):
    ClassifierConfig(heads=heads)
