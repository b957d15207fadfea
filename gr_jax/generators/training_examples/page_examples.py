"""Batches of pages: one prompt, and several whole pages that follow it.

A row has `P` places for IDs and room for `Q` pages, packed one after another,
so that short and long pages share one shape. Which of the pages of a prompt are
taken is sampled anew each time it comes up.
"""

import dataclasses

import grain
import numpy as np
from flax import struct

from gr_jax.data.batches import epochs
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED
from gr_jax.generators.priors.left_out import FutureEvents, LeftOut
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.generators.training_examples.pages import Pages


@struct.dataclass
class PageExamples:
  """One batch.

  Attributes:
    prompt: the prompts of `B` rows.
    queries: `[B, Q, Wq]` tokens.
    codes: `[B, P, L]`; the places of a page are side by side.
    page: `[B, P]` which page of its row a place is in, `Q` where it is empty.
    weights: `[B, P]` of the loss, 0 where empty.
    ends: `[B, Q]`, True where a whole page is there and its end is learned.
    left_out: what each row leaves out of the counts; None where the generator
      reads none.
  """

  prompt: Prompt
  queries: np.ndarray
  codes: np.ndarray
  page: np.ndarray
  weights: np.ndarray
  ends: np.ndarray
  left_out: LeftOut | None = None


@dataclasses.dataclass(frozen=True)
class PageExamplesConfig:
  """The sampling of batches.

  Attributes:
    batch_size: prompts per batch `B`, over all hosts.
    places: IDs per prompt `P`; of a longer page a part is drawn, in order.
    pages: pages per prompt `Q`, at most.
    max_exposures: items of a page that were only shown.
    ordered: weight of an ordered item.
    clicked: the weight of a clicked one.
    exposed: the weight of one that was only shown.
    hidden_share: share of prompts whose profile and history are hidden.
    seed: the seed of the shuffling and of the samples.
  """

  batch_size: int = 64
  places: int = 16
  pages: int = 8
  max_exposures: int = 10
  ordered: float = 1.0
  clicked: float = 1.0
  exposed: float = 1.0
  hidden_share: float = 0.15
  seed: int = 0

  @property
  def weights(self) -> np.ndarray:
    """`[3]` float32 by grade."""
    out = np.zeros(3, np.float32)
    out[[ORDERED, CLICKED, EXPOSED]] = self.ordered, self.clicked, self.exposed
    return out


def _pack(
  pages: Pages,
  group: int,
  rng: np.random.Generator,
  *,
  config: PageExamplesConfig,
) -> tuple[list[np.ndarray], list[int], list[bool]]:
  """Places of the chosen pages, the pages, and which of them are whole."""
  first, last = pages.group_offsets[group : group + 2]
  places, chosen, whole, room = [], [], [], config.places
  for page in rng.permutation(np.arange(first, last)):
    begin, end = pages.offsets[page : page + 2]
    size = end - begin
    if len(chosen) == config.pages or (size > room and chosen):
      continue
    cut = rng.choice(size, min(size, room), replace=False)
    places.append(begin + np.sort(cut))
    chosen.append(page)
    whole.append(size <= room)
    room -= len(cut)
  return places, chosen, whole


def draw_page_examples(
  pages: Pages,
  writer: PromptWriter,
  codes: np.ndarray,
  query: np.ndarray,
  groups: np.ndarray,
  rng: np.random.Generator,
  *,
  config: PageExamplesConfig,
  future: FutureEvents | None = None,
) -> PageExamples:
  """The batch of prompts `groups`.

  Args:
    pages: all of them.
    writer: the writer of the prompts.
    codes: `[M, L]` of the table of IDs.
    query: query row of every request.
    groups: `[B]`.
    rng: draws pages and who is hidden.
    config: sizes.
    future: what rows leave out of the counts; None without counts.
  """
  shape = len(groups), config.places
  place = np.zeros(shape, np.int64)
  page = np.full(shape, config.pages, np.int32)
  requests = np.zeros((len(groups), config.pages), np.int64)
  ends = np.zeros(requests.shape, bool)
  for b, group in enumerate(groups):
    places, chosen, whole = _pack(pages, group, rng, config=config)
    flat = np.concatenate(places)
    place[b, : len(flat)] = flat
    sizes = [len(each) for each in places]
    page[b, : len(flat)] = np.repeat(np.arange(len(chosen)), sizes)
    requests[b] = pages.request[chosen[0]]
    requests[b, : len(chosen)] = pages.request[chosen]
    ends[b, : len(chosen)] = whole
  there = page < config.pages
  shown = rng.random(len(groups)) >= config.hidden_share
  return PageExamples(
    prompt=writer.prompts(requests[:, 0], shown=shown),
    queries=writer.queries(query[requests]),
    codes=codes[pages.ids[place]],
    page=page,
    weights=np.where(there, config.weights[pages.grades[place]], 0),
    ends=ends,
    left_out=future and future(requests[:, 0]),
  )


def training_pages(
  pages: Pages,
  writer: PromptWriter,
  codes: np.ndarray,
  query: np.ndarray,
  *,
  config: PageExamplesConfig,
  future: FutureEvents | None = None,
) -> grain.IterDataset:
  """Endless batches, shuffled anew every epoch, the same on every host.

  In an epoch a prompt comes up as often as its pages fill a row.
  """
  places = np.diff(pages.offsets[pages.group_offsets])
  turns = np.maximum(
    -(-places // config.places),
    -(-np.diff(pages.group_offsets) // config.pages),
  )
  group = np.repeat(np.arange(len(turns)), turns)

  def write(rows: np.ndarray, rng: np.random.Generator) -> PageExamples:
    return draw_page_examples(
      pages,
      writer,
      codes,
      query,
      group[rows],
      rng,
      config=config,
      future=future,
    )

  return epochs(
    write, len(group), batch_size=config.batch_size, seed=config.seed
  )
