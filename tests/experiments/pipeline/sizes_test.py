"""Sizes follow the table where a config leaves them open, and only there."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import amazon_beauty, cq_sid, retrieval, tiger
from experiments.pipeline import sizes
from gr_jax.data.requests import CLICKED, EXPOSED, TRAIN
from gr_jax.tokenizers.ua_sid import UaSidConfig
from tests.reference import small_world, tasks

SMALL = sizes.DataSize(targets=11_000, prompts=11_000, items=3000, users=7000)
SHOP = sizes.DataSize(
  targets=1_200_000, prompts=100_000, items=68_000, users=2500
)


def open_section(recipe=amazon_beauty, **changes):
  config = recipe.get_config()
  retrieval.sizes_from_data(config)
  config.generator.update(changes)
  return config.generator


def test_the_size_counts_what_training_learns(tmp_path):
  data = tasks.data(tmp_path)
  requests = data.requests
  pairs, prompts, users = set(), set(), set()
  for r in np.flatnonzero(requests.split == TRAIN):
    page = slice(*requests.page_offsets[r : r + 2])
    kinds = requests.page_kind[page]
    led = requests.page_item[page][kinds >= CLICKED]
    pairs |= {(int(r), int(item)) for item in led}
    if len(led):
      prompts.add((int(requests.user[r]), int(requests.history_end[r])))
      users.add(int(requests.user[r]))
  assert (requests.page_kind == EXPOSED).any()  # They are no targets.
  assert sizes.size_of(data) == sizes.DataSize(
    len(pairs), len(prompts), len(small_world.shop().catalogue), len(users)
  )


@pytest.mark.parametrize(
  ("targets", "steps"),
  [
    (1, 200),
    (29_999, 200),
    (30_000, 600),
    (2_999_999, 1000),
    (3_000_000, 2000),
  ],
)
def test_rows_begin_where_the_ones_before_end(targets, steps):
  size = dataclasses.replace(SMALL, targets=targets)
  assert sizes.row_of(size).steps == steps


def test_what_is_open_comes_from_the_table():
  section = open_section()
  row = sizes.row_of(SMALL)
  found = sizes.filled(section, SMALL)
  assert (found.model.width, found.model.layers) == (row.width, row.layers)
  assert found.model.heads * found.model.head_size == row.width
  assert found.model.dropout == row.dropout
  assert found.optimizer.weight_decay == sizes.WEIGHT_DECAY
  assert found.candidates.sequence_steps == row.sequences
  assert found.optimizer.schedule == "constant"
  assert found.examples.batch_size == row.batch
  assert found.loop.steps == row.steps
  assert found.loop.steps // found.loop.eval_every == sizes.EVALUATIONS
  assert found.loop.patience == sizes.PATIENCE
  assert section.model.width is None  # The recipe itself stays open.


def test_what_is_set_stays_and_what_follows_from_it_follows():
  section = open_section()
  section.model.width = 256
  section.loop.steps = 80
  section.model.dropout = 0.3
  found = sizes.filled(section, SMALL)
  assert (found.model.width, found.model.heads) == (256, 4)
  assert found.model.feed_forward == 704
  assert (found.loop.steps, found.loop.eval_every) == (80, 4)
  assert found.model.dropout == 0.3
  assert found.optimizer.weight_decay == sizes.WEIGHT_DECAY


def test_a_batch_has_as_many_targets_however_many_share_a_prompt():
  """16 targets to a prompt, 12 of which there are on average."""
  found = sizes.filled(open_section(), SHOP)
  assert (found.examples.targets, found.examples.batch_size) == (16, 8)
  one = sizes.filled(open_section(), SMALL)
  assert (one.examples.targets, one.examples.batch_size) == (1, 32)


def test_an_encoder_decoder_has_as_many_heads_for_keys():
  found = sizes.filled(open_section(tiger), SMALL)
  assert found.model.kv_heads == found.model.heads == 2


@pytest.mark.parametrize(
  ("items", "steps"), [(10, 200), (3000, 292), (68_509, 2000)]
)
def test_a_tokenizer_reads_each_item_as_often(items, steps):
  open_one = amazon_beauty.get_config().tokenizer
  found = sizes.with_tokenizer_sizes(open_one, items=items)
  assert found.vae.steps == steps
  assert open_one.vae.steps is None
  fixed = cq_sid.get_config().tokenizer
  assert sizes.with_tokenizer_sizes(fixed, items=items) is fixed


@pytest.mark.parametrize(
  ("items", "levels"),
  [
    (1, (1, 1, 64)),
    (60, (4, 1, 64)),
    (3000, (64, 16, 64)),
    (68_509, (1024, 256, 64)),
    (1_000_000, (16_384, 4096, 1024)),
  ],
)
def test_levels_of_hashed_ids_follow_the_catalogue(items, levels):
  section = ConfigDict({"levels": None})
  found = sizes.with_tokenizer_sizes(section, items=items)
  assert found.levels == levels
  assert UaSidConfig(levels)
  assert section.levels is None
  assert sizes.with_tokenizer_sizes(found, items=7) is found


@pytest.mark.parametrize("recipe", [cq_sid, tiger])
def test_a_section_that_leaves_nothing_open_stays(recipe):
  section = recipe.get_config().generator
  assert sizes.filled(section, SMALL).to_dict() == section.to_dict()


def test_what_the_table_does_not_know_is_refused_by_name():
  section = ConfigDict(open_section().to_dict())
  section.optimizer.clip_norm = None
  with pytest.raises(
    ValueError, match=r"config\.generator\.optimizer\.clip_norm is None"
  ):
    sizes.filled(section, SMALL)


def test_one_line_says_what_the_data_led_to():
  found = sizes.filled(open_section(), SMALL)
  assert sizes.sentence(found, SMALL) == (
    "sizes: 11,000 training targets of 7,000 users and 3,000 items: width "
    "128, 2 layers, dropout 0, weight decay 0.05, batches of 32, at most 200 "
    "steps"
  )
