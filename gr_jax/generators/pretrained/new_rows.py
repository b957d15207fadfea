"""First values of the rows of new tokens: random, a mean, or from text.

The text of a code is that of items whose IDs have it at its level; of the ends,
which name nothing, the mean of all rows.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.choices import choose
from gr_jax.generators.pretrained.extended import (
  mean_rows,
  random_rows,
  text_rows,
)
from gr_jax.generators.pretrained.text import TextTokens
from gr_jax.tokenizers.semantic_ids import SemanticIds

_MOST_ITEMS = 16
_MOST_TOKENS = 128


def code_texts(
  semantic_ids: SemanticIds, texts: Sequence[str], *, count: int
) -> list[str]:
  """The texts of `count` new tokens: all codes, and ends, which have none.

  Args:
    semantic_ids: the IDs of the catalogue.
    texts: the texts of its items.
    count: the number of new tokens.
  """
  found = []
  for level, size in enumerate(semantic_ids.level_sizes):
    codes = semantic_ids.codes[:, level]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(size + 1))
    for first, stop in itertools.pairwise(starts):
      # Of many items, as many that lie evenly among them.
      step = max(1, -(-(stop - first) // _MOST_ITEMS))
      some: list[int] = order[first:stop:step].tolist()
      found.append(" ".join(texts[row] for row in some))
  return found + [""] * (count - len(found))


def new_rows(
  kind: str,
  key: jax.Array,
  tables: Sequence[jax.Array],
  *,
  tokens: np.ndarray,
  mask: np.ndarray,
) -> list[jax.Array]:
  """Rows `[C, D]` for the new tokens of every table.

  Args:
    kind: one of `ROWS`.
    key: draws those that are random.
    tables: `[V, D]`: the embedding, and the head where there is one.
    tokens: `[C, W]` of the texts of the new tokens.
    mask: `[C, W]`, True = keep.
  """
  make = choose("generator.pretrained.rows", kind, ROWS)
  return [
    make(one, jnp.asarray(table, jnp.float32), tokens, mask)
    for one, table in zip(jax.random.split(key, len(tables)), tables)
  ]


def _random(key, table, tokens, mask) -> jax.Array:
  del mask
  return random_rows(key, table, len(tokens))


def _mean(key, table, tokens, mask) -> jax.Array:
  del key, mask
  return mean_rows(table, len(tokens))


def _text(key, table, tokens, mask) -> jax.Array:
  del key
  return text_rows(table, jnp.asarray(tokens), jnp.asarray(mask))


ROWS: dict[str, Callable[..., jax.Array]] = {
  "random": _random,
  "mean": _mean,
  "text": _text,
}


def encoded_texts(
  text: TextTokens, texts: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
  """Tokens and mask `[C, W]` of texts, for `new_rows`."""
  return text.encode(texts, length=_MOST_TOKENS)


def with_rows(params: dict[str, Any], rows: Sequence[jax.Array]) -> dict:
  """Trained parameters with these rows; each lies where it lay."""
  names = ("new_embedding", "new_head")[: len(rows)]
  own = params["params"]
  placed = {
    name: jax.device_put(value, own[name].sharding)
    for name, value in zip(names, rows)
  }
  return params | {"params": own | placed}
