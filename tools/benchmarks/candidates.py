"""What candidates cost a request: the whole answer with them and without.

An answer is the prompt of a batch, its candidates among it, and the compiled
search, from requests in Python to IDs on the host. All generators have the
network of the recipes (`configs/cq_sid.py`) and answer in turns in one process,
half searches and half next baskets; a search is of a query that training knew
or of one that it never saw. Figures are per request, in CPU milliseconds where
they end in `ms`: `write` is everything on the host but the prompt without
candidates, with the part of every source in it. `alone` are candidates of which
validation wanted nothing of the network: it does not run.
"""

import collections
import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from configs import cq_sid
from experiments.pipeline.embed import Vectors
from experiments.pipeline.sources import Sources
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.live import LiveCandidates
from gr_jax.candidates.log import Log
from gr_jax.candidates.query_reader import QueryReader
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.request_lists import training_event_ends
from gr_jax.data.requests import TEST
from gr_jax.data.training_period import request_mask
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import build
from gr_jax.generators.candidates_alone import CandidatesAlone
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.prompts.vocabulary import Vocabulary, build_vocabulary
from gr_jax.generators.prompts.writer import PromptConfig
from gr_jax.retrieval.prompting import PromptRequest, write_prompts
from tools.benchmarks.candidate_world import World, WorldSizes, make_world
from tools.benchmarks.contender import Contender, Limit, Run, Section

SIZES = WorldSizes(100_000), WorldSizes(1_000_000)
SIZE, BEAM = 160, 50
_MEASURED = 300  # Training requests that say how large features are.
BATCHES = (1, 32)
_NO_FILES: Any = None


def section(
  *,
  sizes: Sequence[WorldSizes] = SIZES,
  requests: int = 64,
  batches: Sequence[int] = BATCHES,
  preset: str = "",
) -> Section:
  """One contender a catalogue; the first has bars.

  Seconds of a contender are those of all its answers: with and without, in
  batches of every size.

  Args:
    sizes: the shops.
    requests: the number of requests.
    batches: the numbers of requests that are answered at once.
    preset: of the recipe that says how large the network is.
  """
  contenders = tuple(
    Contender(
      f"{each.items:,} items",
      "tools.benchmarks.candidates:make",
      {"sizes": each, "batches": batches, "preset": preset},
      units=requests,
    )
    for each in sizes
  )
  limits = tuple(
    Limit(contenders[0].label, f"{figure}_over_without_{batch}", 1.3)
    for batch in batches
    for figure in ("search", "with")
  )
  title = f"{SIZE} candidates a request, beam {BEAM}"
  return Section(
    "candidates", title, "request", "requests", contenders, limits=limits
  )


class Clocked:
  """A source whose CPU seconds are added to those of its kind."""

  def __init__(self, source: Any, seconds: dict[str, float]):
    self._source, self._seconds = source, seconds
    self.names = source.names

  def __getattr__(self, name: str):
    return getattr(self._source, name)

  def propose(self, batch):
    """See `Source`."""
    return self._clocked(self._source.propose, batch)

  def describe(self, batch, pairs):
    """See `Source`."""
    return self._clocked(self._source.describe, batch, pairs)

  def _clocked(self, method, *inputs):
    start = time.process_time()
    found = method(*inputs)
    name = type(self._source).__name__
    self._seconds[name] += time.process_time() - start
    return found


@dataclasses.dataclass(frozen=True)
class Answerer:
  """A generator that answers; its parameters are random numbers.

  Attributes:
    world: the shop.
    vocabulary: the tokens.
    prompt: the sizes of prompts.
    candidates: None for a generator without.
    trie: the catalogue on the device.
    variables: parameters and counts.
    search: compiled.
  """

  world: World
  vocabulary: Vocabulary
  prompt: PromptConfig
  candidates: LiveCandidates | None
  trie: Any
  variables: Any
  search: Any

  def __call__(self, requests: list[PromptRequest]) -> tuple[float, float, Any]:
    """Answers a batch: the CPU seconds of writing, of the search, the IDs."""
    start = time.process_time()
    prompt = write_prompts(
      requests,
      self.world.semantic_ids,
      self.vocabulary,
      self.prompt,
      self.candidates,
    )
    written = time.process_time()
    found = jax.device_get(self.search(self.variables, prompt, self.trie))
    return written - start, time.process_time() - written, found.ids


def make(
  *, units: int, sizes: WorldSizes, batches: Sequence[int], preset: str
) -> Run:
  """Answers `units` requests in batches of each size, by every generator."""
  world = make_world(sizes)
  seconds: dict[str, float] = collections.defaultdict(float)
  live = live_candidates(world, seconds)
  generators = answerers(world, live, preset=preset)
  requests = requests_of_test(world, units)

  def run():
    figures = {}
    for batch in batches:
      seconds.clear()
      turns = np.array(
        [
          [one(requests[start : start + batch])[:2] for one in generators]
          for start in range(0, units - batch + 1, batch)
        ]
      )
      # Seconds of a whole answer, by turn and generator.
      with_, without, alone = np.median(turns.sum(axis=-1), axis=0)
      (write, search), (prompt, plain), (_, few) = (
        np.median(turns, axis=0) * 1e3 / batch
      )
      figures |= {
        f"with_over_without_{batch}": with_ / without,
        f"alone_over_without_{batch}": alone / without,
        f"search_over_without_{batch}": search / plain,
        f"write_ms_{batch}": write - prompt,
        f"search_ms_{batch}": search,
        f"prompt_ms_{batch}": prompt,
        f"search_without_ms_{batch}": plain,
        f"search_alone_ms_{batch}": few,
      }
      # Two of the generators read candidates.
      answered = 2 * len(turns) * batch
      for name, total in sorted(seconds.items()):
        figures[f"{name}_ms_{batch}"] = 1e3 * total / answered
    return figures

  return run


def live_candidates(
  world: World, seconds: dict[str, float], size: int = SIZE
) -> LiveCandidates:
  """The candidates of a log that is gone, whose sources are clocked."""
  log, vectors = world.requests, world.vectors
  catalogue = world.catalogue
  of_run = Vectors(vectors, world.query_vectors, _NO_FILES)
  sources = Sources(catalogue, of_run, single_items=True).of(log)
  writer = CandidateWriter(
    Log(
      log,
      training_event_ends(log),
      np.arange(len(log.queries)),
      world.query_vectors,
    ),
    sources,
    world.semantic_ids.codes,
    size=size,
  )
  trained = np.flatnonzero(request_mask(log))
  some = np.random.default_rng(0).permutation(trained)[:_MEASURED]
  writer.standardise(some, hidden_share=0.15)
  writer.sources = tuple(Clocked(each, seconds) for each in sources)
  row_of = {query: row for row, query in enumerate(log.queries)}
  rows = np.unique(log.query[trained]).tolist()
  facts = ItemFacts(
    catalogue.texts, catalogue.categories, catalogue.prices, vectors
  )

  def query_vectors(queries):
    return world.query_vectors[[row_of[query] for query in queries]]

  return LiveCandidates(
    writer,
    facts,
    {log.queries[row]: row for row in rows},
    shared_clock=True,
    query_vectors=query_vectors,
    reader=QueryReader().with_items(catalogue.texts.tolist()),
  )


def answerers(
  world: World, live: LiveCandidates, *, preset: str
) -> list[Answerer]:
  """The generator with these candidates, without, and the candidates alone."""
  log, ids = world.requests, world.semantic_ids
  trained = log.query[request_mask(log)]
  section = cq_sid.get_config(preset).generator
  prompt = PromptConfig(**section.prompt)
  vocabulary = build_vocabulary(
    log.queries[trained],
    (),
    ids.level_sizes,
    user_buckets=prompt.user_buckets,
  )
  counts = {
    "counts": {
      "catalogue": count_catalogue(
        ids, world.catalogue.popularity, alpha=section.count_alpha
      )
    }
  }
  trie = jax.device_put(build_trie(ids.ids, ids.level_sizes))

  def answerer(candidates, part=lambda network: network) -> Answerer:
    network = build.build_generator(
      section,
      vocabulary=vocabulary,
      semantic_ids=ids,
      candidate_features=len(candidates.writer.names) if candidates else 0,
    )
    params = jax.jit(build.initializer(network, counts))(jax.random.key(0))
    search = functools.partial(beam_search, part(network), beam_size=BEAM)
    variables = nn.unbox(params) | counts
    return Answerer(
      world, vocabulary, prompt, candidates, trie, variables, jax.jit(search)
    )

  return [answerer(live), answerer(None), answerer(live, CandidatesAlone)]


def requests_of_test(world: World, count: int) -> list[PromptRequest]:
  """Searches and baskets of the test, of users that log apart."""
  log = world.requests
  rows = np.flatnonzero(log.split == TEST)
  rows = rows[:: max(len(rows) // count // 2 * 2 + 1, 1)][:count]
  found = []
  for row in rows.tolist():
    start, end = log.user_offsets[log.user[row]], log.history_end[row]
    items = log.event_item[start:end].tolist()
    ages = (log.time[row] - log.event_time[start:end]).tolist()
    query = log.queries[log.query[row]] if log.query[row] >= 0 else None
    found.append(PromptRequest(query, tuple(zip(items, ages))))
  return found
