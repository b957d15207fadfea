"""The pretrained generator that a section describes, without its weights."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gr_jax.generators.pretrained.arrangement import Arrangement
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.nn.layers import DotGeneral, Lora
from gr_jax.nn.rotary import RopeScaling
from gr_jax.nn.transformer import TransformerConfig


def arrangement_fields(arrangement: Arrangement) -> dict[str, Any]:
  """An arrangement as a section has it."""
  return dataclasses.asdict(arrangement)


def arrangement_of(section: Mapping[str, Any]) -> Arrangement:
  """The arrangement that a generator section has in `pretrained`."""
  fields = dict(section["pretrained"]["arrangement"])
  scaling = fields.pop("rope_scaling", None)
  return Arrangement(**fields, rope_scaling=scaling and RopeScaling(**scaling))


def lora_of(section: Mapping[str, Any]) -> Lora | None:
  """The change that is trained; None where a rank of 0 trains everything."""
  lora = section["pretrained"]["lora"]
  return Lora(lora["rank"], lora["alpha"]) if lora["rank"] else None


def build(
  section: Mapping[str, Any],
  *,
  config: TransformerConfig,
  prompt_size: int,
  level_sizes: tuple[int, ...],
  ends: bool,
  dot_general: DotGeneral,
  **others: Any,
) -> TextToCodes:
  """The generator of a section whose `pretrained` has an `arrangement`.

  Args:
    section: the section of the generator.
    config: says `remat` and `unroll`; sizes are the arrangement's.
    prompt_size: the number of tokens before the codes.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    **others: parts that other networks have.

  Raises:
    ValueError: dropout, which these generators do not have.
  """
  del others
  if config.dropout:
    raise ValueError(
      f"generator.model.dropout is {config.dropout}; a pretrained generator "
      "has none: set it to 0."
    )
  page_ends = int(section.get("task") == "page_wise")
  count = sum(level_sizes) + ends + page_ends
  decoder = make_decoder(
    arrangement_of(section),
    new=NewTokens(prompt_size, count),
    dot_general=dot_general,
    remat=config.remat,
    unroll=config.unroll,
    lora=lora_of(section),
  )
  return TextToCodes(decoder, level_sizes, ends, page_ends)
