"""Emoji drawn by chance, as a file of a world: no two alike, none of anyone's.

Each is four blocks of color high and wide, mirrored, on nothing.
"""

import io
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from gr_jax.data.worlds.emoji.vocabulary import Vocabulary, load_vocabulary

NAMES = (
  "red apple",
  "green apple",
  "octopus",
  "fish",
  "cherry",
  "fox",
  "mouse",
  "leaf",
)


def drawn(seed: int, *, side: int = 32) -> np.ndarray:
  """Returns a picture `[side, side, 4]` uint8 with an alpha channel."""
  rng = np.random.default_rng(seed)
  blocks = np.zeros((4, 2, 4), np.uint8)
  blocks[..., :3] = 255 * rng.integers(0, 2, (4, 2, 3))
  blocks[..., 3] = 255 * (rng.random((4, 2)) < 0.8)
  blocks[..., 3] *= np.any(blocks[..., :3] < 255, axis=-1)
  whole = np.concatenate([blocks, blocks[:, ::-1]], axis=1)
  return whole.repeat(side // 4, axis=0).repeat(side // 4, axis=1)


def png(picture: np.ndarray) -> bytes:
  file = io.BytesIO()
  Image.fromarray(picture).save(file, "PNG")
  return file.getvalue()


def write_emoji(path: Path, **columns) -> Path:
  """Writes the eight as a Parquet file, or with other columns."""
  default = {
    "caption": list(NAMES),
    "category": ["Animals & Nature", "Food & Drink"] * 4,
    "png": [png(drawn(seed)) for seed in range(len(NAMES))],
  }
  pl.DataFrame(default | columns).write_parquet(path)
  return path


def small_vocabulary(folder: Path, *, cell: int = 16) -> Vocabulary:
  """Returns a vocabulary of the eight."""
  path = write_emoji(folder / "emoji.parquet")
  return load_vocabulary(path, num=len(NAMES), cell=cell)
