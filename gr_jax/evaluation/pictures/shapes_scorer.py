r"""A learned score of pictures of ShapesWorld, whose faults are known [OURS].

A classifier that was trained on pictures of the world alone
(`shapes_classifier`) counts the shapes of each of 8 colors and 5 kinds. With
the answers `a_h` that a caption wants,

$$ s(x) = \exp \frac{1}{H} \sum_h \log p_h(a_h | x), $$

the geometric mean of their probabilities, in (0, 1]. Most heads of a caption
want the number 0, and an empty picture answers these rightly: their arithmetic
mean would give it 0.85 for "a red circle". In the geometric one each wrong
answer costs as much as the classifier is sure of it.

What it does not see, where a policy may take its reward without doing what the
caption says:

  places      no head asks where a shape stands.
  bindings    colors and kinds are counted apart: "a red circle and a blue
              square" may be a blue circle and a red square.
  background  no head asks for it.
  what is no  it has only seen pictures that the world draws. Noise, specks,
  picture     half shapes and numbers beyond [-1, 1], which nothing cuts, may
              raise a probability.

After the training of `configs/sol_rl.py` (1,500 batches of 64 at 24 pixels,
seed 0, 41 s of a core) 99.2 % of the answers on colors and 87.4 % of those on
kinds are right on 2,000 test scenes. Their pictures score 0.89 on average,
those of other captions 0.06, empty ones 0.03; and noise of deviation 0.3, which
shows nothing, 0.10 on average and 0.69 at its 99th percentile.

So it is a proxy, and the world's exact judge is its gold reward.
"""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS
from gr_jax.data.worlds.shapes.prompts import Prompts
from gr_jax.evaluation.pictures.classifier import Classifier, in_batches

Score = Callable[[Any, np.ndarray, np.ndarray], np.ndarray]
"""`(params, pictures [N, H, W, C], answers [N, heads]) -> [N]` float32."""


def wanted_answers(prompts: Prompts) -> np.ndarray:
  """The numbers of shapes of every color and kind, `[B, 8 + 5]` int32.

  They are `scene_labels` of a scene that shows what the prompt says.
  """
  counts = np.asarray(prompts.counts)[..., None]
  of_color = np.asarray(prompts.colors)[..., None] == np.arange(len(COLORS))
  of_kind = np.asarray(prompts.kinds)[..., None] == np.arange(len(KINDS))
  looks = np.concatenate((of_color, of_kind), axis=-1)
  return (counts * looks).sum(axis=1, dtype=np.int32)


def make_score(model: Classifier) -> Score:
  """The compiled score of pictures and the answers that are wanted."""

  def score(params: Any, pictures: jax.Array, answers: jax.Array) -> jax.Array:
    logits = cast(list[jax.Array], model.apply(params, pictures))
    found = [
      jnp.take_along_axis(jax.nn.log_softmax(x), answers[:, h, None], axis=-1)
      for h, x in enumerate(logits)
    ]
    return jnp.exp(jnp.mean(jnp.concatenate(found, axis=-1), axis=-1))

  return in_batches(score)
