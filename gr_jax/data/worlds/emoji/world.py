"""EmojiWorld: captioned scenes of real pictures, content known ([OURS]).

  vocabulary = load_vocabulary(path)
  world = EmojiWorld(seed=0, vocabulary=vocabulary)
  scenes = world.scenes(256, split=TRAIN, batch=step)
  pictures = world.render(scenes)                 # [256, 32, 32, 3]
  tokens = world.caption_tokens(scenes.prompts)   # [256, 12]
  scores = world.judge(pictures, scenes.prompts)

Prompts of the three splits are disjoint. Batches are numbered and drawn on
their own, so that a run goes on at any batch.
"""

import dataclasses
import functools

import jax
import numpy as np

from gr_jax.data.requests import TRAIN
from gr_jax.data.worlds.emoji.grammar import Grammar
from gr_jax.data.worlds.emoji.judge import Scores, judge
from gr_jax.data.worlds.emoji.prompts import Prompts, splits_of
from gr_jax.data.worlds.emoji.render import render
from gr_jax.data.worlds.emoji.scenes import Scenes, lay_out
from gr_jax.data.worlds.emoji.vocabulary import Vocabulary
from gr_jax.data.worlds.scenes.groups import (
  MOST_OBJECTS,
  draw_groups,
  draw_split,
)


@dataclasses.dataclass(frozen=True, eq=False)
class EmojiWorld:
  """A distribution of scenes.

  Attributes:
    seed: Decides which prompts are in which split, and every draw.
    vocabulary: The emoji, see `load_vocabulary`.
    grid: The number of cells along each side, 2 to 8.
    max_objects: The most emoji of a scene, 1 to 6 and no more than cells.
    max_groups: The most groups of equal emoji in a caption.
    relation_share: The share of prompts of several emoji that say where the
      first stands, where the number of groups allows it.
  """

  seed: int
  vocabulary: Vocabulary
  grid: int = 2
  max_objects: int = 3
  max_groups: int = 3
  relation_share: float = 0.5

  def __post_init__(self) -> None:
    """Raises ValueError for a world that cannot be drawn."""
    bounds = {
      "grid": (2, 8),
      "max_objects": (1, min(MOST_OBJECTS, self.grid**2)),
      "max_groups": (1, min(MOST_OBJECTS, len(self.vocabulary))),
      "relation_share": (0, 1),
      "seed": (0, 2**63 - 1),
    }
    for name, (low, high) in bounds.items():
      if not low <= getattr(self, name) <= high:
        raise ValueError(
          f"{name} of EmojiWorld is {getattr(self, name)}; give {low} to "
          f"{high}."
        )
    _ = self.grammar  # Names of which captions cannot be made raise here.

  @property
  def size(self) -> int:
    """The side of a picture in pixels."""
    return self.grid * self.vocabulary.cell

  @functools.cached_property
  def grammar(self) -> Grammar:
    """How prompts are written, and read."""
    return Grammar(self.vocabulary.names)

  @property
  def words(self) -> tuple[str, ...]:
    """Words by token; 0 is padding."""
    return self.grammar.words

  @property
  def caption_length(self) -> int:
    """The number of tokens of a caption, padding among them."""
    return self.grammar.caption_length(self.max_groups)

  def prompts(self, n: int, *, split: int = TRAIN, batch: int = 0) -> Prompts:
    """Draws `n` prompts of a split; the same batch gives the same prompts."""
    rng = np.random.default_rng((self.seed, split, batch, 0))
    num_kinds = len(self.vocabulary)

    def draw(num: int) -> Prompts:
      groups = draw_groups(
        rng,
        num,
        max_objects=self.max_objects,
        max_groups=self.max_groups,
        num_things=num_kinds,
        relation_share=self.relation_share,
      )
      return Prompts(groups.counts, groups.things, groups.relation)

    splits = functools.partial(splits_of, num_kinds=num_kinds, seed=self.seed)
    return draw_split(draw, splits, n, split=split)

  def scenes(self, n: int, *, split: int = TRAIN, batch: int = 0) -> Scenes:
    """Draws a scene for each of `prompts(n, split=split, batch=batch)`."""
    rng = np.random.default_rng((self.seed, split, batch, 1))
    prompts = self.prompts(n, split=split, batch=batch)
    return lay_out(rng, prompts, grid=self.grid, max_objects=self.max_objects)

  def render(self, scenes: Scenes) -> jax.Array:
    """Returns their pictures `[B, S, S, 3]` float32 in [-1, 1]."""
    return render(scenes, self.vocabulary, grid=self.grid)

  def caption_tokens(self, prompts: Prompts) -> np.ndarray:
    """Returns the captions as rows of `words`, `[B, caption_length]` int32."""
    return self.grammar.caption_tokens(prompts)

  def captions(self, prompts: Prompts) -> list[str]:
    """Returns the captions."""
    return self.grammar.captions(prompts)

  def judge(self, pictures: jax.Array, prompts: Prompts) -> Scores:
    """Scores pictures against prompts."""
    return judge(pictures, prompts, self.vocabulary)
