"""What a generator reads and what it learns, as a config says it."""

import dataclasses
import functools
from collections.abc import Callable

from ml_collections import ConfigDict

from experiments.pipeline import page_wise, point_wise
from experiments.pipeline.choices import chosen
from experiments.pipeline.precision import dot_general
from experiments.pipeline.task import Lesson
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.prompts.flatten_items import PromptTokens
from gr_jax.generators.prompts.merge_items import TokenMerger
from gr_jax.generators.prompts.prompt_encoder import Arrangement, SummedPrompt
from gr_jax.nn.transformer import TransformerConfig

Network = Callable[..., DecoderOnly | EncoderDecoder]
"""(sizes, prompt_size, level_sizes, ends, dot_general, arrangement)."""


def _summed(precision: str) -> Arrangement:
  del precision
  return SummedPrompt()


def _tokens(precision: str) -> Arrangement:
  del precision
  return PromptTokens()


def _merged(precision: str) -> Arrangement:
  return TokenMerger(dot_general(precision))


ARRANGEMENTS = {"summed": _summed, "tokens": _tokens, "merged": _merged}


def _decoder_only(config: ConfigDict) -> Network:
  del config
  return DecoderOnly


def _encoder_decoder(config: ConfigDict) -> Network:
  del config
  return EncoderDecoder


def _nci(config: ConfigDict) -> Network:
  sizes = TransformerConfig(
    **config.model.to_dict() | {"layers": config.adaptor_layers}
  )
  adaptor = PrefixAdaptor(sizes, dot_general(config.precision))
  return functools.partial(EncoderDecoder, adaptor=adaptor)


# As `gr_jax/retrieval/load.py` reads them.
NETWORKS = {
  "decoder_only": _decoder_only,
  "encoder_decoder": _encoder_decoder,
  "nci": _nci,
}


# By name: batches and loss, and the tokens for the end of a page.
LESSONS = {
  "point_wise": (point_wise.lesson, 0),
  "page_wise": (page_wise.lesson, 1),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
  """Parts of a generator that configs choose.

  Attributes:
    lesson: `(generator section, data, semantic_ids, writer, vocabulary)` to
      batches and loss.
    page_ends: tokens for the end of a page.
    arrangement: how many positions an item of a prompt takes.
    network: makes the generator.
  """

  lesson: Callable[..., Lesson]
  page_ends: int
  arrangement: Arrangement
  network: Network


def recipe_of(config: ConfigDict) -> Recipe:
  """The recipe of a generator section.

  Args:
    config: may have `learns`, one of `LESSONS` (else "point_wise"),
      `arrangement`, one of `ARRANGEMENTS` (else "summed"), and `network`, one
      of `NETWORKS` (else "decoder_only"); "nci" also has `adaptor_layers`.

  Raises:
    ValueError: there is no such lesson, arrangement or network, or pages are
      to be learned by a network that does not know them.
  """
  learns = config.get("learns", "point_wise")
  name = config.get("arrangement", "summed")
  lesson, page_ends = chosen("generator.learns", learns, LESSONS)
  arrange = chosen("generator.arrangement", name, ARRANGEMENTS)
  kind = config.get("network", "decoder_only")
  network = chosen("generator.network", kind, NETWORKS)(config)
  if page_ends and network is not DecoderOnly:
    raise ValueError(
      f"generator.learns is {learns!r}, which generator.network={kind} cannot: "
      "only decoder_only reads pages."
    )
  return Recipe(lesson, page_ends, arrange(config.precision), network)
