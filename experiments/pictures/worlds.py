"""Section world: which scenes are drawn, captioned and judged."""

from ml_collections import ConfigDict

from gr_jax.choices import choose
from gr_jax.data.worlds.emoji.vocabulary import load_vocabulary
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.picture_world import PictureWorld
from gr_jax.data.worlds.shapes.world import ShapesWorld


def _shapes(sizes: dict) -> PictureWorld:
  return ShapesWorld(**sizes)


def _emoji(sizes: dict) -> PictureWorld:
  vocabulary = load_vocabulary(
    sizes.pop("path"), num=sizes.pop("num"), cell=sizes.pop("cell")
  )
  return EmojiWorld(vocabulary=vocabulary, **sizes)


SOURCES = {"shapes": _shapes, "emoji": _emoji}


def build_world(section: ConfigDict) -> PictureWorld:
  """The world of section world.

  Raises:
    ValueError: an unknown source, or sizes that cannot be drawn.
    FileNotFoundError, ImportError: what `load_vocabulary` lacks.
  """
  sizes = section.to_dict()
  return choose("world.source", sizes.pop("source"), SOURCES)(sizes)
