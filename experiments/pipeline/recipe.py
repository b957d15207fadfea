"""What a generator reads and what it learns, as a config says it."""

import dataclasses
import functools
from collections.abc import Callable

from ml_collections import ConfigDict

from experiments.pipeline import page_wise, point_wise
from experiments.pipeline.task import Task
from gr_jax.choices import choose
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.prompts.flatten_items import FlattenItems
from gr_jax.generators.prompts.merge_items import MergeItems
from gr_jax.generators.prompts.prompt_encoder import PromptEncoder, SumItems
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig

Network = Callable[..., DecoderOnly | EncoderDecoder]
"""(sizes, prompt_size, level_sizes, ends, dot_general, prompt_encoder)."""


def _summed(precision: str) -> PromptEncoder:
  del precision
  return SumItems()


def _tokens(precision: str) -> PromptEncoder:
  del precision
  return FlattenItems()


def _merged(precision: str) -> PromptEncoder:
  return MergeItems(dot_general(precision))


PROMPT_ENCODERS = {"summed": _summed, "tokens": _tokens, "merged": _merged}


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
TASKS = {
  "point_wise": (point_wise.task, 0),
  "page_wise": (page_wise.task, 1),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
  """Parts of a generator that configs choose.

  Attributes:
    task: `(generator section, data, semantic_ids, writer, vocabulary)` to
      batches and loss.
    page_ends: tokens for the end of a page.
    prompt_encoder: how many positions an item of a prompt takes.
    network: makes the generator.
  """

  task: Callable[..., Task]
  page_ends: int
  prompt_encoder: PromptEncoder
  network: Network


def recipe_of(config: ConfigDict) -> Recipe:
  """The recipe of a generator section.

  Args:
    config: may have `task`, one of `TASKS` (else "point_wise"),
      `prompt_encoder`, one of `PROMPT_ENCODERS` (else "summed"), and `network`,
      one of `NETWORKS` (else "decoder_only"); "nci" also has `adaptor_layers`.

  Raises:
    ValueError: there is no such task, prompt_encoder or network, or pages are
      to be learned by a network that does not know them.
  """
  name_of_task = config.get("task", "point_wise")
  name = config.get("prompt_encoder", "summed")
  task, page_ends = choose("generator.task", name_of_task, TASKS)
  arrange = choose("generator.prompt_encoder", name, PROMPT_ENCODERS)
  kind = config.get("network", "decoder_only")
  network = choose("generator.network", kind, NETWORKS)(config)
  if page_ends and network is not DecoderOnly:
    raise ValueError(
      f"generator.task is {name_of_task!r}, which "
      f"generator.network={kind} cannot: "
      "only decoder_only reads pages."
    )
  return Recipe(task, page_ends, arrange(config.precision), network)
