"""A section makes the decoder of its arrangement, with rows for all codes."""

import dataclasses

import jax.numpy as jnp
import pytest

from gr_jax.generators.pretrained import build
from gr_jax.nn.rotary import RopeScaling
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.small_pretrained import LLAMA, QWEN

SIZES = (4, 3, 5)


def section(arrangement, *, rank=0, **more):
  return {
    "pretrained": {
      "arrangement": build.arrangement_fields(arrangement),
      "lora": {"rank": rank, "alpha": 8.0},
    },
    **more,
  }


def made(arrangement=QWEN, *, ends=False, config=None, **more):
  return build.build(
    section(arrangement, **more),
    config=config or TransformerConfig(),
    prompt_size=34,
    level_sizes=SIZES,
    ends=ends,
    dot_general=jnp.matmul,
    tokens="ignored, as other networks need it",
  )


@pytest.mark.parametrize(
  "arrangement",
  [
    QWEN,
    LLAMA,
    dataclasses.replace(LLAMA, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 64)),
  ],
)
def test_a_section_keeps_every_field_of_an_arrangement(arrangement):
  assert build.arrangement_of(section(arrangement)) == arrangement


@pytest.mark.parametrize(
  ("ends", "task", "count"),
  [
    (False, "point_wise", 12),
    (True, "point_wise", 13),
    (False, "page_wise", 13),
    (True, "page_wise", 14),
  ],
)
def test_every_code_and_every_end_has_a_row(ends, task, count):
  new = made(ends=ends, task=task).decoder.new
  assert (new.first, new.count) == (34, count)


def test_a_rank_of_zero_trains_everything():
  assert build.lora_of(section(QWEN)) is None
  lora = build.lora_of(section(QWEN, rank=4))
  assert (lora.rank, lora.alpha) == (4, 8.0)
  assert made(rank=4).decoder.config.lora == lora


def test_sizes_are_the_arrangement_s_and_remat_the_section_s():
  config = TransformerConfig(layers=9, width=512, remat="full", unroll=2)
  found = made(config=config).decoder.config
  assert (found.layers, found.width) == (QWEN.layers, QWEN.width)
  assert (found.remat, found.unroll) == ("full", 2)


def test_dropout_is_refused():
  with pytest.raises(ValueError, match=r"generator.model.dropout is 0.1"):
    made(config=TransformerConfig(dropout=0.1))
