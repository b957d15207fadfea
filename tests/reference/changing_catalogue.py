"""A catalogue that changes, with requests, candidates and a filter, at random.

Its few semantic IDs share prefixes and end early, and items share them.
"""

import itertools

import jax.numpy as jnp
import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.live import LiveCandidates
from gr_jax.candidates.pairs import Proposed
from gr_jax.candidates.sources.source import TaughtByLog, Unmeasured
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import PromptConfig
from gr_jax.retrieval.prompting import PromptRequest, write_prompts
from gr_jax.serving.catalogue.items import catalogue_items
from gr_jax.serving.catalogue.snapshot import first_snapshot
from gr_jax.serving.requests import Filters
from gr_jax.tokenizers.semantic_ids import SemanticIds

SIZES, ALPHA = (3, 3, 2), 0.5
LEVELS = len(SIZES)
KNOWN, CAPACITY = 8, 14  # IDs at first, and at most.
SIZE, FEATURES = 6, 3  # Candidates of a request, and what is known of each.
LAST, NEIGHBOURS = 3, 4
VOCABULARY = Vocabulary(("milk", "tea"), (), SIZES, user_buckets=4)
PROMPT = PromptConfig(history=4, lookback=8, query_words=1, user_buckets=4)
PATHS = (["dry", "tea"], ["dry", "rice"], ["fresh"])
# All IDs that there can be.
ALL_IDS = np.array(
  [
    (*codes, *[-1] * (LEVELS - length))
    for length in range(1, LEVELS + 1)
    for codes in itertools.product(*map(range, SIZES[:length]))
  ],
  np.int32,
)


class Drawn(Unmeasured, TaughtByLog):
  """A source whose features are drawn, not counted."""

  names = ("a", "b", "c")

  def __init__(self, of_request):
    self.of_request = of_request  # Features `[F]` by item, of each request.

  def propose(self, batch):
    del batch
    pairs = [
      (owner, item)
      for owner, features in enumerate(self.of_request)
      for item in features
    ]
    owners, items = np.array(pairs, np.int64).reshape(-1, 2).T
    return Proposed(owners, items, np.zeros(len(items)))

  def describe(self, batch, pairs):
    del batch
    places = zip(pairs.owners.tolist(), pairs.items.tolist())
    found = [self.of_request[owner][item] for owner, item in places]
    return np.array(found, np.float32).reshape(-1, FEATURES)

  def grown(self, items):
    del items
    return self


class Changing:
  """A catalogue that changes, its requests and their filter."""

  @classmethod
  def new(cls, rng, candidates):
    """At first eight IDs of a dozen items; two end early, one at once.

    Where that one ends, another goes on with the code 0: that of a beam that
    has nothing more to say.
    """
    self = cls()
    lengths = (ALL_IDS >= 0).sum(axis=1)
    ends = [rng.choice(np.flatnonzero(lengths == n), 1) for n in (1, 2)]
    after = *ALL_IDS[ends[0], 0], 0, 0
    goes_on = np.equal(ALL_IDS, after).all(axis=1)
    full = np.flatnonzero((lengths == LEVELS) & ~goes_on)
    others = rng.choice(full, KNOWN - 3, replace=False)
    ids = ALL_IDS[np.concatenate([*ends, np.flatnonzero(goes_on), others])]
    ids = np.concatenate([ids, rng.choice(ids, 4)])
    columns, names = category_columns([PATHS[k % 3] for k in range(len(ids))])
    catalogue = Catalogue(
      item_ids=object_array([str(k) for k in range(len(ids))]),
      texts=object_array(["plain"] * len(ids)),
      categories=columns,
      category_names=names,
      values=np.ones(len(ids), np.float32),
      popularity=rng.integers(0, 9, len(ids)),
    )
    items = catalogue_items(catalogue, SemanticIds(ids, SIZES))
    weights = rng.random((KNOWN, NEIGHBOURS)) * rng.integers(
      0, 2, (KNOWN, NEIGHBOURS)
    )
    transitions = Transitions(
      ids=jnp.asarray(items.semantic_ids.ids),
      neighbours=jnp.asarray(rng.integers(0, KNOWN, (KNOWN, NEIGHBOURS))),
      weights=jnp.asarray(weights, jnp.float32),
      popularity=jnp.ones(KNOWN),
      kept=NEIGHBOURS,
      window=3,
      last=LAST,
    )
    self.source = Drawn([{}] * 3)
    writer = CandidateWriter(None, [self.source], ids, size=SIZE)
    self.snapshot = first_snapshot(
      items,
      capacity=CAPACITY,
      count_alpha=ALPHA,
      transitions=None if candidates else transitions,
      candidates=LiveCandidates(writer, facts_of(items), {}, True)
      if candidates
      else None,
    )
    self.filters = Filters()
    self.ask(rng)
    return self

  def ask(self, rng):
    """Other requests: a next basket, a query of a stranger, of a shopper."""
    total = len(self.snapshot.items)
    histories = [
      tuple((int(rng.integers(total)), int(age)) for age in ages)
      for ages in -np.sort(-rng.integers(1, 40 * 86_400, (2, 5)))
    ]
    self.requests = [
      PromptRequest(None, histories[0]),
      PromptRequest(str(rng.choice(VOCABULARY.words))),
      PromptRequest("tea", histories[1]),
    ]
    self.draw_candidates(rng)

  def draw_candidates(self, rng):
    """Other candidates of the same requests, fewer than there is room."""
    total = len(self.snapshot.items)
    self.source.of_request = [
      {
        item: rng.normal(size=FEATURES).astype(np.float32)
        for item in rng.permutation(total)[: rng.integers(SIZE + 1)].tolist()
      }
      for _ in self.requests
    ]

  def change(self, items):
    known = self.snapshot.candidates
    grown = known and known.grown(facts_of(items), items.semantic_ids.codes)
    self.snapshot = self.snapshot.changed(items, grown)

  def prompts(self):
    return write_prompts(
      self.requests,
      self.snapshot.items.semantic_ids,
      VOCABULARY,
      PROMPT,
      self.snapshot.candidates,
    )


def facts_of(items) -> ItemFacts:
  return ItemFacts(
    items.texts, items.categories, items.prices, np.zeros((len(items), 1))
  )
