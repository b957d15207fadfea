"""What a learned scorer rewards, and what it does not see."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from scipy.special import log_softmax
from scipy.stats import gmean

from gr_jax.data.worlds.shapes.captions import parse_captions
from gr_jax.data.worlds.shapes.scenes import lay_out
from gr_jax.data.worlds.shapes.world import ShapesWorld
from gr_jax.evaluation.pictures.classifier import Classifier, ClassifierConfig
from gr_jax.evaluation.pictures.shapes_classifier import CONFIG, scene_labels
from gr_jax.evaluation.pictures.shapes_scorer import make_score, wanted_answers

MODEL = Classifier(ClassifierConfig(heads=(2, 3), widths=(3, 3, 3), features=4))


@pytest.fixture(scope="module")
def params():
  """A network for pictures of 24 pixels a side, which are halved thrice."""
  found = MODEL.init(jax.random.key(0), np.zeros((1, 24, 24, 1)))
  found = nn.unbox(found)
  (kernel, *_) = (
    x for x in jax.tree.leaves(found["params"]["dense"]) if x.ndim == 2
  )
  assert kernel.shape == (3 * 3 * 3, 4)
  rng = np.random.default_rng(0)
  return jax.tree.map(lambda x: x + 0.2 * rng.normal(size=x.shape), found)


def test_a_caption_wants_what_its_scenes_show():
  prompts = ShapesWorld(seed=0).prompts(64)
  scenes = lay_out(np.random.default_rng(0), prompts)
  np.testing.assert_array_equal(wanted_answers(prompts), scene_labels(scenes))
  assert wanted_answers(prompts).shape == (64, len(CONFIG.heads))


@pytest.mark.parametrize(
  ("caption", "other"),
  [
    # Places are not seen, nor which color has which kind, nor the background.
    ("a red circle left of a blue square", "a red circle above a blue square"),
    ("a red circle and a blue square", "a blue circle and a red square"),
    ("a red circle", "a red circle on a dark background"),
  ],
)
def test_its_known_faults(caption, other):
  first, second = wanted_answers(parse_captions([caption, other]))
  np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
  "other", ["two red circles", "a blue circle", "a red square"]
)
def test_numbers_colors_and_kinds_are_seen(other):
  first, second = wanted_answers(parse_captions(["a red circle", other]))
  assert (first != second).any()


def test_the_score_is_the_geometric_mean_of_probabilities(params):
  """Of any number of pictures."""
  rng = np.random.default_rng(1)
  pictures = rng.normal(size=(5, 24, 24, 1))
  answers = np.stack([rng.integers(0, k, 5) for k in (2, 3)], axis=1)
  score = make_score(MODEL)
  found = score(params, pictures, answers)
  logits = MODEL.apply(params, pictures.astype(np.float32))
  chances = np.stack(
    [
      np.exp(log_softmax(np.asarray(x, float), axis=1))[np.arange(5), a]
      for x, a in zip(logits, answers.T)
    ],
    axis=1,
  )
  np.testing.assert_allclose(found, gmean(chances, axis=1), rtol=1e-4)
  assert np.ptp(found) > 0.01
  np.testing.assert_allclose(
    score(params, pictures[:2], answers[:2]), found[:2], rtol=1e-5
  )
