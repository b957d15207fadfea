"""The page of a model that makes pictures of classes."""

import numpy as np

from gr_jax.evaluation.report.class_pictures_page import class_pictures_page

CLASSES = ("a sandal", "a <bag>")
CAPTIONS = tuple(f"a picture of {name}" for name in CLASSES)


def row(system, accuracy):
  return {
    "system": system,
    "accuracy": accuracy,
    "low": accuracy - 0.1,
    "high": accuracy + 0.1,
    "n": 12,
    "by_class": [0.5, 0.25],
    "frechet": 3.25,
    "spread": 0.75,
  }


def test_every_figure_and_picture_is_on_the_page():
  report = {
    "results": [
      {"system": "real", "accuracy": 0.9123, "n": 10_000},
      row("training set", 0.8),
      row("guidance 1", 0.625),
      row("guidance 2", 0.5),
    ],
    "classes": CLASSES,
    "seconds": {"flow": 3.0},
    "commits": {"flow": "abc"},
    "config": {"name": "flow_pictures", "flow": {"batch_size": 64}},
  }
  rng = np.random.default_rng(0)
  pictures = {
    name: rng.uniform(-1, 1, (12, 4, 4, 1))
    for name in ("guidance 1", "guidance 2")
  }
  pictures["classes"] = np.arange(12) % 2
  text = class_pictures_page(report, pictures, CAPTIONS)
  for figure in ("91.2%", "62.5%", "3.25", "0.75", "52.5% to 72.5%", "25%"):
    assert figure in text
  # The best of the model, not of what is real.
  assert "62.5% of the pictures as their captions say (guidance 1)" in text
  # Four of each class and system.
  assert text.count("<image") == 2 * 2 * 4
  assert "a picture of a &lt;bag&gt;" in text
  assert "<bag>" not in text
