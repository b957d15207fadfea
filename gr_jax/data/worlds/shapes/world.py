"""ShapesWorld: captioned scenes of shapes whose content is known ([OURS]).

  world = ShapesWorld(seed=0)
  scenes = world.scenes(256, split=TRAIN, batch=step)
  pictures = world.render(scenes)                 # [256, 32, 32, 3]
  tokens = world.caption_tokens(scenes.prompts)   # [256, 16]
  scores = world.judge(pictures, scenes.prompts)

Prompts of the three splits are disjoint. Batches are numbered and drawn on
their own, so that a run goes on at any batch.
"""

import dataclasses
import functools

import jax
import numpy as np

from gr_jax.data.requests import TRAIN
from gr_jax.data.worlds.scenes.groups import MOST_OBJECTS, draw_split
from gr_jax.data.worlds.shapes.captions import (
  WORDS,
  caption_length,
  caption_tokens,
  captions,
)
from gr_jax.data.worlds.shapes.judge import Scores, judge
from gr_jax.data.worlds.shapes.palette import BACKGROUNDS
from gr_jax.data.worlds.shapes.prompts import (
  Prompts,
  draw_prompts,
  splits_of,
)
from gr_jax.data.worlds.shapes.render import render
from gr_jax.data.worlds.shapes.scenes import Scenes, lay_out

_SMALLEST_SIDE = 24


@dataclasses.dataclass(frozen=True)
class ShapesWorld:
  """A distribution of scenes.

  Attributes:
    seed: Decides which prompts are in which split, and every draw.
    size: The side of a picture in pixels.
    max_objects: The most shapes of a scene, 1 to 6.
    max_groups: The most groups of equal shapes in a caption.
    relation_share: The share of prompts of several shapes that say where the
      first stands, where the number of groups allows it.
    num_backgrounds: The number of backgrounds, 1 to 3.
  """

  seed: int
  size: int = 32
  max_objects: int = MOST_OBJECTS
  max_groups: int = 3
  relation_share: float = 0.5
  num_backgrounds: int = 1

  def __post_init__(self) -> None:
    """Raises ValueError for a world that cannot be drawn."""
    bounds = {
      "size": (_SMALLEST_SIDE, 4096),
      "max_objects": (1, MOST_OBJECTS),
      "max_groups": (1, MOST_OBJECTS),
      "relation_share": (0, 1),
      "num_backgrounds": (1, len(BACKGROUNDS)),
      "seed": (0, 2**63 - 1),
    }
    for name, (low, high) in bounds.items():
      if not low <= getattr(self, name) <= high:
        raise ValueError(
          f"{name} of ShapesWorld is {getattr(self, name)}; give {low} to "
          f"{high}."
        )

  @property
  def caption_length(self) -> int:
    """The number of tokens of a caption, padding among them."""
    return caption_length(self.max_groups)

  @property
  def words(self) -> tuple[str, ...]:
    """Words by token; 0 is padding."""
    return WORDS

  def prompts(self, n: int, *, split: int = TRAIN, batch: int = 0) -> Prompts:
    """Draws `n` prompts of a split; the same batch gives the same prompts."""
    rng = np.random.default_rng((self.seed, split, batch, 0))

    def draw(num: int) -> Prompts:
      return draw_prompts(
        rng,
        num,
        max_objects=self.max_objects,
        max_groups=self.max_groups,
        relation_share=self.relation_share,
        num_backgrounds=self.num_backgrounds,
      )

    splits = functools.partial(splits_of, seed=self.seed)
    return draw_split(draw, splits, n, split=split)

  def scenes(self, n: int, *, split: int = TRAIN, batch: int = 0) -> Scenes:
    """Draws a scene for each of `prompts(n, split=split, batch=batch)`."""
    rng = np.random.default_rng((self.seed, split, batch, 1))
    return lay_out(rng, self.prompts(n, split=split, batch=batch))

  def render(self, scenes: Scenes) -> jax.Array:
    """Returns their pictures `[B, size, size, 3]` float32 in [-1, 1]."""
    return render(scenes, size=self.size)

  def caption_tokens(self, prompts: Prompts) -> np.ndarray:
    """Returns captions as rows of `words`, `[B, caption_length]` int32."""
    return caption_tokens(prompts)

  def captions(self, prompts: Prompts) -> list[str]:
    """Returns the captions."""
    return captions(prompts)

  def judge(self, pictures: jax.Array, prompts: Prompts) -> Scores:
    """Scores pictures against B prompts."""
    return judge(pictures, prompts)
