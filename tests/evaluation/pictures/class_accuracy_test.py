"""Figures of pictures of classes."""

import numpy as np
import pytest

from gr_jax.evaluation.pictures.class_accuracy import Reader, Real, measure

CLASSES = np.tile(np.arange(3), 40)


def drawn(seed, *, classes=CLASSES, width=1.0):
  """Pictures of two pixels: the class, give or take, and noise."""
  noise = np.random.default_rng(seed).normal(size=(len(classes), 2))
  pixels = np.stack([classes, np.zeros(len(classes))], axis=1)
  return (pixels + 0.1 * width * noise)[:, None, :, None]


READER = Reader(
  classes=lambda pictures: np.rint(pictures[:, 0, 0, 0]).astype(int),
  features=lambda pictures: pictures[:, 0, :, 0],
)
REAL = Real(READER.features(drawn(0)), CLASSES)


def test_shares_are_those_of_the_classes_of_captions():
  # Captions say class 2 and class 0 was drawn.
  shown = np.where(CLASSES == 2, 0, CLASSES)
  found = measure(READER, drawn(1, classes=shown), CLASSES, REAL)
  assert found["by_class"] == [1.0, 1.0, 0.0]
  assert found["accuracy"] == pytest.approx(2 / 3)
  assert found["low"] < 2 / 3 < found["high"]
  assert found["n"] == len(CLASSES)


def test_pictures_as_real_ones_are_near_and_as_different():
  found = measure(READER, drawn(1), CLASSES, REAL)
  assert found["spread"] == pytest.approx(1, rel=0.3)
  assert found["frechet"] < 0.02


def test_collapse_shows_although_all_is_read_rightly():
  good = measure(READER, drawn(1), CLASSES, REAL)
  collapsed = measure(READER, drawn(1, width=0), CLASSES, REAL)
  assert collapsed["accuracy"] == good["accuracy"] == 1
  assert collapsed["spread"] == 0
  assert collapsed["frechet"] > 5 * good["frechet"]


def test_spread_is_the_variance_within_classes_over_that_of_real_pictures():
  found = measure(READER, drawn(0, width=3), CLASSES, REAL)
  assert found["spread"] == pytest.approx(3**2)
  # The class means differ in both and add nothing.
  far = Real(REAL.features + [[5.0, 0]] * np.eye(3)[CLASSES][:, :1], CLASSES)
  assert measure(READER, drawn(0), CLASSES, far)["spread"] == pytest.approx(1)
