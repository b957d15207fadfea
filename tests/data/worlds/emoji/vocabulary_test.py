"""Vocabularies: as far apart as can be, and the same for the same file."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gr_jax.data.worlds.emoji.bitmaps import bitmap
from gr_jax.data.worlds.emoji.files import read_emoji
from gr_jax.data.worlds.emoji.fits import ink_at_places
from gr_jax.data.worlds.emoji.found_cells import find_cells
from gr_jax.data.worlds.emoji.vocabulary import (
  LEAST_DISTANCE,
  Vocabulary,
  load_vocabulary,
)
from gr_jax.data.worlds.emoji.world import EmojiWorld
from tests.reference.drawn_emoji import NAMES, drawn, png, write_emoji

ROOT = Path(__file__).parents[4]
DATA = Path(os.environ.get("GR_JAX_DATA", ROOT.parent / "shared/data"))


@pytest.fixture
def path(tmp_path) -> Path:
  return write_emoji(tmp_path / "emoji.parquet")


def distances(vocabulary: Vocabulary) -> np.ndarray:
  """The least rms `[K, K + 1]` of two emoji, and of each on its own."""
  ink = np.asarray(
    ink_at_places(vocabulary.sprites, cell=vocabulary.cell), np.float64
  )
  n = len(ink)
  table = np.array(
    [
      [
        min(np.mean((x - y) ** 2) for x in ink[i] for y in [*ink[j]])
        for j in range(n)
      ]
      + [min(np.mean(x**2) for x in ink[i])]
      for i in range(n)
    ]
  )
  return np.sqrt(table)


def test_each_is_as_far_as_possible_from_nothing_and_those_before(path):
  vocabulary = load_vocabulary(path, num=8)
  table = distances(vocabulary)
  before = table[:, -1]
  for k in range(8):
    assert before[k] == pytest.approx(before[k:].max(), rel=1e-5)
    assert before[k] >= LEAST_DISTANCE
    before = np.minimum(before, table[:, k])


def test_fewer_are_the_first_of_more_whatever_the_order_of_rows(path):
  table = pl.read_parquet(path)
  # Of two that have one name, the same is chosen.
  second = table.tail(1).with_columns(png=pl.lit(png(drawn(50))))
  table.vstack(second).write_parquet(path)
  all_of_them = load_vocabulary(path, num=8)
  second.vstack(table.reverse()).write_parquet(path)
  np.testing.assert_array_equal(
    load_vocabulary(path, num=8).sprites, all_of_them.sprites
  )
  few = load_vocabulary(path, num=3)
  assert few.names == all_of_them.names[:3]
  np.testing.assert_array_equal(few.sprites, all_of_them.sprites[:3])
  assert len(few) == 3
  assert sorted(all_of_them.names) == sorted(NAMES)


def test_only_plain_names_of_the_categories_are_chosen(path, tmp_path):
  names = list(NAMES)
  names[0] = "grapes"
  path = write_emoji(tmp_path / "other.parquet", caption=names)
  vocabulary = load_vocabulary(path, num=3, categories=["Animals & Nature"])
  assert set(vocabulary.names) == {"octopus", "cherry", "mouse"}
  with pytest.raises(ValueError, match=r"3 emoji of .*, 4 are wanted; the"):
    load_vocabulary(path, num=4, categories=["Animals & Nature"])


def test_sprites_leave_an_eighth_of_the_cell_for_their_places(path):
  vocabulary = load_vocabulary(path, num=2, cell=24)
  assert vocabulary.sprites.shape == (2, 21, 21, 3)
  assert ink_at_places(vocabulary.sprites, cell=24).shape == (2, 9, 24, 24, 3)


@pytest.mark.parametrize("cell", [8, 17, 0])
def test_a_cell_that_cannot_be_read_raises(path, cell):
  with pytest.raises(ValueError, match=f"cell is {cell}; give a multiple of 8"):
    load_vocabulary(path, num=2, cell=cell)


def test_no_emoji_are_too_few(path):
  with pytest.raises(ValueError, match="0 are wanted"):
    load_vocabulary(path, num=0)


def test_emoji_that_are_alike_are_not_both_chosen(tmp_path):
  pictures = [drawn(seed) for seed in (0, 1, 2, 3, 4, 5, 6, 6)]
  # The same, paler: it fits well, but is far enough.
  pictures[-1][..., :3] = 255 - 0.55 * (255 - pictures[-1][..., :3])
  path = write_emoji(
    tmp_path / "alike.parquet", png=[png(picture) for picture in pictures]
  )
  assert len({"mouse", "leaf"} & set(load_vocabulary(path, num=7).names)) == 1
  with pytest.raises(ValueError, match="only 7 of 8 emoji are"):
    load_vocabulary(path, num=8)


def test_real_emoji_are_told_apart_and_judged_exactly():
  path = DATA / "emoji/twemoji_64.parquet"
  if not path.is_file():
    pytest.skip(f"no emoji in {DATA}; set GR_JAX_DATA to run this test")
  vocabulary = load_vocabulary(path)
  assert len(set(vocabulary.names)) == 40
  world = EmojiWorld(seed=0, vocabulary=vocabulary)
  scenes = world.scenes(128)
  pictures = np.asarray(world.render(scenes))
  noise = np.random.default_rng(0).normal(size=pictures.shape)
  for sigma, least in ((0.0, 0.99), (0.2, 0.8)):
    scores = world.judge(pictures + np.float32(sigma * noise), scenes.prompts)
    assert np.all(scores.exact)
    assert np.min(scores.reward) > least


@pytest.mark.slow
def test_few_real_emoji_of_other_names_are_read_as_one_of_the_vocabulary():
  path = DATA / "emoji/twemoji_64.parquet"
  if not path.is_file():
    pytest.skip(f"no emoji in {DATA}; set GR_JAX_DATA to run this test")
  vocabulary = load_vocabulary(path)
  file = read_emoji(path)
  others = [
    np.pad(bitmap(png, side=14), ((1, 1), (1, 1), (0, 0)), constant_values=1)
    for name, png in zip(file.names, file.pngs)
    if name not in vocabulary.names
  ]
  found = find_cells(np.stack(others), vocabulary)
  assert len(others) == 1911 - 40
  # The whale and the spouting whale, the black circle and the gorilla ...
  assert np.mean(np.asarray(found.kinds) >= 0) < 0.02
