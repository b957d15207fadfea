"""What a generator reads and what it learns, as a config says it."""

import dataclasses
from collections.abc import Callable

from ml_collections import ConfigDict

from experiments.stages import page_wise, point_wise
from experiments.stages.choices import chosen
from experiments.stages.lesson import Lesson
from experiments.stages.precision import dot_general
from gr_jax.generators.arrangement import Arrangement, SummedPrompt
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prompt_tokens import PromptTokens
from gr_jax.generators.token_merger import TokenMerger


def _summed(precision: str) -> Arrangement:
  del precision
  return SummedPrompt()


def _tokens(precision: str) -> Arrangement:
  del precision
  return PromptTokens()


def _merged(precision: str) -> Arrangement:
  return TokenMerger(dot_general(precision))


ARRANGEMENTS = {"summed": _summed, "tokens": _tokens, "merged": _merged}


NETWORKS = {"decoder_only": DecoderOnly, "encoder_decoder": EncoderDecoder}


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
    network: the generator.
  """

  lesson: Callable[..., Lesson]
  page_ends: int
  arrangement: Arrangement
  network: type[DecoderOnly] | type[EncoderDecoder]


def recipe_of(config: ConfigDict) -> Recipe:
  """The recipe of a generator section.

  Args:
    config: may have `learns`, one of `LESSONS` (else "point_wise"),
      `arrangement`, one of `ARRANGEMENTS` (else "summed"), and `network`, one
      of `NETWORKS` (else "decoder_only").

  Raises:
    ValueError: there is no such lesson, arrangement or network, or pages are
      to be learned by a network that does not know them.
  """
  learns = config.get("learns", "point_wise")
  name = config.get("arrangement", "summed")
  lesson, page_ends = chosen("generator.learns", learns, LESSONS)
  arrange = chosen("generator.arrangement", name, ARRANGEMENTS)
  network = chosen(
    "generator.network", config.get("network", "decoder_only"), NETWORKS
  )
  if page_ends and network is not DecoderOnly:
    raise ValueError(
      f"generator.learns is {learns!r}, which only a decoder_only learns."
    )
  return Recipe(lesson, page_ends, arrange(config.precision), network)
