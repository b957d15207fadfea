"""Scores of whole pages after prompts of text (GenRec, arXiv 2604.14878).

A page is a text, then the codes of its IDs one after another; the pages of a
row share the prompt and do not read each other. The first ID stands where a
single answer would stand, so that a search uses the generator as it is.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.page_scores import PageScores, page_places
from gr_jax.generators.pretrained.decoder import CausalDecoder
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_to_codes import TextToCodes, last_place
from gr_jax.nn.attention_mask import page_mask


def text_page_scores(
  generator: TextToCodes,
  variables: Any,
  prompt: TextPrompt,
  queries: jax.Array,
  codes: jax.Array,
  page: jax.Array,
  *,
  end_token: int,
) -> PageScores:
  """Scores pages, as `generator.apply(variables, ..., method=...)`.

  Args:
    generator: the network; its new tokens have the page's end.
    variables: the decoder's.
    prompt: the prompts of `B` rows.
    queries: `[B, Q, Wq]`, the text of every page, -1 = none; each has a token.
    codes: `[B, P, L]`, page after page.
    page: `[B, P]`, the page of each place, `Q` where empty.
    end_token: the page's end.
  """
  (B, P, L), (_, Q, W) = codes.shape, queries.shape
  S, texts = prompt.tokens.shape[1], Q * W
  places = page_places(page, pages=Q)
  of_page = jnp.minimum(page, Q - 1)
  words = queries >= 0
  # Tokens before the pages, those of a text, and those of the IDs before.
  before = prompt.mask.sum(axis=1)[:, None]
  within = before[..., None] + jnp.maximum(jnp.cumsum(words, axis=-1) - 1, 0)
  lengths = jnp.take_along_axis(words.sum(axis=-1), of_page, axis=1)
  begin = before + lengths + places.index * L
  # Empty places are a page of their own, the last.
  pages = 1 + jnp.concatenate(
    (
      jnp.full((B, S), -1),
      jnp.broadcast_to(jnp.repeat(jnp.arange(Q), W), (B, texts)),
      jnp.repeat(page, L, axis=1),
    ),
    axis=1,
  )
  there = jnp.concatenate(
    (prompt.mask, words.reshape(B, texts), jnp.ones((B, P * L), bool)), axis=1
  )
  states = generator.states(
    variables,
    prompt,
    jnp.concatenate(
      (
        queries.reshape(B, texts),
        jnp.stack(
          [generator.tokens(codes[..., l], l) for l in range(L)], axis=-1
        ).reshape(B, P * L),
      ),
      axis=1,
    ),
    jnp.concatenate(
      (
        within.reshape(B, texts),
        (begin[..., None] + jnp.arange(L)).reshape(B, P * L),
      ),
      axis=1,
    ),
    page_mask(there, pages, page_count=Q + 1),
  )
  heads = S + W * jnp.arange(Q) + last_place(words)
  codes_at = S + texts + L * jnp.arange(P)
  start = jnp.where(
    places.first, jnp.take_along_axis(heads, of_page, axis=1), codes_at - 1
  )
  ends = S + texts + L * places.last + L - 1

  def at(slots: jax.Array) -> jax.Array:
    return jnp.take_along_axis(
      states, jnp.broadcast_to(slots, (B, slots.shape[-1]))[..., None], axis=1
    )

  starts = at(jnp.concatenate((start, ends), axis=1))
  end = nn.apply(CausalDecoder.new_logits, generator.decoder)(
    variables,
    starts,
    end_token - generator.prompt_size,
    end_token - generator.prompt_size + 1,
  )
  # At the first place a page cannot end: one ID it has.
  never = jnp.pad(places.first, ((0, 0), (0, Q)))[..., None]
  level = generator.level_logits(variables, starts, 0)
  whole = jnp.concatenate((level, jnp.where(never, -jnp.inf, end)), axis=-1)
  later = [
    generator.level_logits(variables, at(codes_at[None] + l - 1), l)
    for l in range(1, L)
  ]
  return PageScores([whole[:, :P], *later], whole[:, P:])
