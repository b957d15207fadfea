"""Scores of whole pages: every code is read with the page's codes before it.

A page is one sequence after the prompt: the query position, then the codes of
its IDs one after another. The first ID stands where a single answer would
stand, so that a search, which wants one answer, uses the generator as it is.
Where an ID could follow another, one more column of the first level says "the
page ends here".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.generators.code_head import CodeTable
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.network import encode
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention_mask import page_mask


class PageScores(NamedTuple):
  """Logits of the places of pages.

  Attributes:
    codes: per level `[B, P, C_l]`; the first level has one more column, the
      last: END of the page, `-inf` at the first place of a page.
    ends: `[B, Q, C_0 + 1]` after the last ID of each page.
  """

  codes: list[jax.Array]
  ends: jax.Array


class PagePlaces(NamedTuple):
  """Where the `P` places of a row stand in its pages.

  Attributes:
    first: `[B, P]` bool, the first place of a page.
    index: `[B, P]`, the number of places of the page before each.
    last: `[B, Q]`, the last place of each page; 0 of a page that is not there.
  """

  first: jax.Array
  index: jax.Array
  last: jax.Array


def page_places(page: jax.Array, *, pages: int) -> PagePlaces:
  """The places of `pages` pages, where `page` `[B, P]` is that of each place.

  Pages stand side by side; places without one have page `pages`.
  """
  places = jnp.arange(page.shape[1])
  before = jnp.pad(page, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
  first = page != before
  index = places - jax.lax.cummax(jnp.where(first, places, 0), axis=1)
  own = page[:, None] == jnp.arange(pages)[:, None]
  return PagePlaces(first, index, jnp.max(jnp.where(own, places, 0), axis=-1))


def page_scores(
  decoder: DecoderOnly,
  prompt: Prompt,
  queries: jax.Array,
  codes: jax.Array,
  page: jax.Array,
  *,
  end_token: int,
) -> PageScores:
  """Scores pages, as `model.apply(variables, ..., method=page_scores)`.

  Pages of a row share the prompt and do not read each other.

  Args:
    decoder: the bound network.
    prompt: the prompts of `B` rows.
    queries: `[B, Q, Wq]`, the query of every page.
    codes: `[B, P, L]`, page after page.
    page: `[B, P]`, the page of each place, `Q` where empty.
    end_token: the row of the embeddings that END is scored with.
  """
  B, P, L = codes.shape
  Q, table = queries.shape[1], decoder.head.table
  read = encode(decoder, prompt)
  S = read.mask.shape[1]
  places = page_places(page, pages=Q)
  start, last = _starts(table, queries, codes, page, places)
  inside = table.shifted(start, codes, length=L).reshape(B, P * L, -1)
  sizes = jnp.sum(page[:, None] == jnp.arange(Q)[:, None], axis=-1)
  positions = (places.index[..., None] * L + jnp.arange(L)).reshape(B, P * L)
  # Empty places are a page of their own, the last.
  pages = 1 + jnp.concatenate(
    (
      jnp.full((B, S), -1),
      jnp.repeat(page, L, axis=1),
      jnp.broadcast_to(jnp.arange(Q), (B, Q)),
    ),
    axis=1,
  )
  there = jnp.pad(read.mask, ((0, 0), (0, P * L + Q)), constant_values=True)
  states, _ = decoder.transformer(
    jnp.concatenate((read.states, inside, last), axis=1),
    jnp.concatenate(
      (
        jnp.broadcast_to(jnp.arange(S), (B, S)),
        S + positions,
        S + sizes * L,
      ),
      axis=1,
    ),
    page_mask(there, pages, page_count=Q + 1),
  )
  ends = states[:, S + P * L :]
  states = states[:, S : S + P * L].reshape(B, P, L, -1)
  heads = jnp.concatenate((states[:, :, 0], ends), axis=1)
  levels = [heads] + [states[:, :, l] for l in range(1, L)]
  logits = decoder.head.logits(prompt, levels, codes)
  # At the first place a page cannot end: one ID it has.
  end = heads @ table.token_embedding[end_token]
  never = jnp.pad(places.first, ((0, 0), (0, Q)))
  end = jnp.where(never, -jnp.inf, end)[..., None]
  first_level = jnp.concatenate((logits[0], end), axis=-1)
  return PageScores([first_level[:, :P], *logits[1:]], first_level[:, P:])


def _starts(
  table: CodeTable,
  queries: jax.Array,
  codes: jax.Array,
  page: jax.Array,
  places: PagePlaces,
) -> tuple[jax.Array, jax.Array]:
  """The embeddings that places begin with, and that pages end with.

  Returns:
    `[B, P, D]`, the query or the last code of the ID before; `[B, Q, D]`, the
    last code of each page.
  """
  Q = queries.shape[1]
  closing = table.embed_codes(codes[..., -1], codes.shape[-1] - 1)
  before = jnp.pad(closing, ((0, 0), (1, 0), (0, 0)))[:, :-1]
  query = jnp.take_along_axis(
    table.embed(queries), jnp.minimum(page, Q - 1)[..., None], axis=1
  )
  return (
    jnp.where(places.first[..., None], query, before),
    jnp.take_along_axis(closing, places.last[..., None], axis=1),
  )
