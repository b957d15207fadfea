"""Items of a made-up shop: a taxonomy, latent vectors, titles, popularity."""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.data.worlds.shop_config import ShopWorldConfig

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SYLLABLES = [c + v for c in _CONSONANTS for v in _VOWELS]
_BRANDS = 300
_SHARED_WORDS = 2


@dataclasses.dataclass(frozen=True)
class ShopItems:
  """N items in C sub-clusters of K categories.

  Attributes:
    x: `[N, D]` float32 latent vectors, mu_category + 0.7 nu_cluster + 0.35 eps.
    category: `[N]` int32.
    cluster: `[N]` int32, numbered through: category = cluster // clusters each.
    popularity: `[N]` float64, sums to 1: how often an item is a candidate.
    appeal: `[N]` float32, added to the score of an item.
    price: `[N]` float32.
    titles: `[N]` object str.
    centres: `[C, D]` float32, mean vector of each sub-cluster.
    words: `[W]` object str.
    category_words: `[K, w]` int32 rows of `words`; the last two of a category
      are words of the next category too.
    cluster_words: `[C, v]` int32 rows of `words`.
    word_x: `[W, D]` float32, mean of the vectors that a word stands for (0 for
      brands).
  """

  x: np.ndarray
  category: np.ndarray
  cluster: np.ndarray
  popularity: np.ndarray
  appeal: np.ndarray
  price: np.ndarray
  titles: np.ndarray
  centres: np.ndarray
  words: np.ndarray
  category_words: np.ndarray
  cluster_words: np.ndarray
  word_x: np.ndarray


def make_items(rng: np.random.Generator, config: ShopWorldConfig) -> ShopItems:
  """Draws the items; categories are Zipf(0.9), popularity Zipf(1.1)."""

  def directions(n: int) -> np.ndarray:
    return rng.normal(size=(n, config.dimensions)) / np.sqrt(config.dimensions)

  num_items, each = config.num_items, config.clusters_each
  num_categories = config.num_categories
  num_clusters = num_categories * each
  category = zipf_sample(rng, num_categories, exponent=0.9, size=num_items)
  cluster = category * each + rng.integers(0, each, num_items)
  category_x = directions(num_categories)
  centres = np.repeat(category_x, each, axis=0)
  centres = centres + 0.7 * directions(num_clusters)
  x = centres[cluster] + 0.35 * directions(num_items)
  words, category_words, cluster_words = _vocabulary(
    rng, num_categories, num_clusters
  )
  price_level = rng.normal(2.0, 0.7, num_categories)
  price = np.exp(price_level[category] + rng.normal(0, 0.4, num_items))
  popularity = _popularity(rng, cluster, num_clusters)
  fame = np.log(popularity)
  appeal = config.appeal * (fame - fame.mean()) / fame.std()
  return ShopItems(
    x=x.astype(np.float32),
    category=category.astype(np.int32),
    cluster=cluster.astype(np.int32),
    popularity=popularity,
    appeal=appeal.astype(np.float32),
    price=price.round(2).astype(np.float32),
    titles=_titles(
      rng, words, category_words[category], cluster_words[cluster]
    ),
    centres=centres.astype(np.float32),
    words=words,
    category_words=category_words,
    cluster_words=cluster_words,
    word_x=_word_vectors(
      len(words), (category_words, category_x), (cluster_words, centres)
    ),
  )


def zipf_sample(
  rng: np.random.Generator,
  n: int,
  *,
  exponent: float,
  size: int | tuple[int, ...],
) -> np.ndarray:
  """Draws ranks 0..n-1 with probabilities ~ (rank + 1)^-exponent."""
  weights = np.arange(1, n + 1) ** -exponent
  return np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(size))


def _popularity(
  rng: np.random.Generator, cluster: np.ndarray, num_clusters: int
) -> np.ndarray:
  """Draws Zipf(1.1) by rank; dense clusters rank higher, as density^0.5."""
  density = np.bincount(cluster, minlength=num_clusters)[cluster]
  merit = 0.5 * np.log(density) + rng.gumbel(size=len(cluster))
  rank = np.argsort(np.argsort(-merit))
  weights = (rank + 1.0) ** -1.1
  return weights / weights.sum()


def _vocabulary(
  rng: np.random.Generator, num_categories: int, num_clusters: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Makes words of categories, clusters, brands; and rows of the first two."""
  own, each = 10, 10
  total = num_categories * own + num_clusters * each + _BRANDS
  n = len(_SYLLABLES)
  numbers = rng.choice(n**3, total, replace=False)
  words = [
    _SYLLABLES[k // n**2] + _SYLLABLES[k // n % n] + _SYLLABLES[k % n]
    for k in numbers.tolist()
  ]
  first = np.arange(num_categories * own).reshape(num_categories, own)
  # Ambiguous words: the next category uses two of this one's as well.
  shared = np.roll(first, -1, axis=0)[:, :_SHARED_WORDS]
  category_words = np.concatenate([first, shared], axis=1)
  second = num_categories * own + np.arange(num_clusters * each)
  return (
    object_array(words),
    category_words.astype(np.int32),
    second.reshape(num_clusters, each).astype(np.int32),
  )


def _word_vectors(
  num_words: int, *owners: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
  """Returns the mean vectors `[W, D]` of all that own a word."""
  total = np.zeros((num_words, owners[0][1].shape[1]))
  count = np.zeros(num_words)
  for rows, vectors in owners:
    np.add.at(total, rows, vectors[:, None])
    np.add.at(count, rows, 1)
  return (total / np.maximum(count, 1)[:, None]).astype(np.float32)


def _titles(
  rng: np.random.Generator,
  words: np.ndarray,
  category_words: np.ndarray,
  cluster_words: np.ndarray,
) -> np.ndarray:
  """`[N]` titles of 6 to 12 words: a brand, 2-4 of the category, 3-7 of the
  cluster."""
  n = len(category_words)
  brand = len(words) - 1 - zipf_sample(rng, _BRANDS, exponent=1.0, size=n)
  counts = rng.integers([2, 3], [5, 8], (n, 2))
  chosen = np.concatenate(
    [brand[:, None]]
    + [
      np.take_along_axis(
        rows, rng.random(rows.shape).argsort(axis=1)[:, :limit], axis=1
      )
      for rows, limit in ((category_words, 4), (cluster_words, 7))
    ],
    axis=1,
  )
  titles = [
    " ".join((*row[: 1 + a], *row[5 : 5 + b]))
    for row, (a, b) in zip(words[chosen].tolist(), counts.tolist())
  ]
  return object_array(titles)


def make_catalogue(
  items: ShopItems, popularity: np.ndarray, clusters_each: int
) -> Catalogue:
  """The items as a model sees them.

  Args:
    items: the items as they are.
    popularity: `[N]` training events.
    clusters_each: sub-clusters of a category.
  """
  paths = [
    (f"category {c:03d}", f"cluster {s % clusters_each:03d}")
    for c, s in zip(items.category.tolist(), items.cluster.tolist())
  ]
  categories, names = category_columns(paths)
  return Catalogue(
    item_ids=object_array([f"item{i}" for i in range(len(items.x))]),
    texts=items.titles,
    categories=categories,
    category_names=names,
    values=items.price,
    popularity=popularity,
  )
