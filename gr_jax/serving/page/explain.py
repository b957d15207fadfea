"""Splits the score of an answer into its codes.

The log-probability of an ID is a sum over its levels,

  score(c_1 .. c_L) = sum over l of log p(c_l | prompt, c_1 .. c_{l-1}),

and IDs that share a prefix share the terms of it. One forward pass over the
answers' codes, as branches of one prompt, gives all terms; they are those of
the search up to rounding, whatever was filtered, because the search does not
renormalise.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.generators.build import Network
from gr_jax.generators.reading import AnyPrompt
from gr_jax.serving.catalogue.generation import Serving
from gr_jax.serving.engine.prompting import write_prompts
from gr_jax.serving.page.browse import items_below, span, topic
from gr_jax.serving.requests import SearchRequest

# IDs in one pass, filled up with copies: one program serves every answer.
_BRANCHES = 64


def explain(
  request: SearchRequest, items: Sequence[dict[str, Any]], serving: Serving
) -> list[dict[str, Any]]:
  """Returns the `prefix_tree` of an answer, each prefix with its `topic`.

  Args:
    request: the search.
    items: the items of its answer, with their `semantic_id`.
    serving: the generation that answered.
  """
  if not items:
    return []
  codes = np.array([item["semantic_id"] for item in items], np.int32)
  ids, answers = np.unique(codes, axis=0, return_counts=True)
  artefacts, snapshot = serving.engine.artefacts, serving.snapshot
  prompt = write_prompts(
    [request],
    snapshot.items,
    artefacts.vocabulary,
    artefacts.prompt,
    snapshot.candidates,
  )
  log_probs = code_log_probs(
    artefacts.model, artefacts.params | snapshot.counts, prompt, ids
  )
  found = prefix_tree(ids, log_probs, answers)
  for node in found:
    rows = items_below(snapshot, *span(snapshot, node["prefix"]))
    node["topic"] = topic(snapshot.items, rows)
  return found


def code_log_probs(
  model: Network,
  variables: Any,
  prompt: tuple[AnyPrompt, np.ndarray],
  codes: np.ndarray,
) -> np.ndarray:
  """`log p(c_l | prompt, c_1 .. c_{l-1})`, `[n, L]`; 0 after an early end.

  Args:
    model: the generator.
    variables: its variables.
    prompt: a prompt of one row, and its query, as from `write_prompts`.
    codes: `[n, L]`, -1 after an early end.
  """
  found = [
    _code_log_probs(model, variables, prompt, some[None])[0]
    for some in padded_batches(codes, _BRANCHES)
  ]
  return np.concatenate(found)[: len(codes)]


@functools.partial(jax.jit, static_argnums=0)
def _code_log_probs(model, variables, prompt, codes) -> jax.Array:
  log_probs, cache = model.prefill(variables, prompt)
  log_probs = log_probs[:, None]
  # Every branch goes on with itself; all of them begin with the one prompt.
  own = jnp.arange(codes.shape[1])[None]
  levels = []
  for level, size in enumerate(model.level_sizes):
    if level:
      before = codes[..., level - 1]
      parents = own if level > 1 else jnp.zeros_like(own)
      log_probs, cache = model.decode_step(
        variables, jnp.maximum(before, 0), parents, cache, level=level
      )
    code = codes[..., level]
    # The last column says that the ID ends here.
    column = jnp.where(code < 0, size, code)[..., None]
    found = jnp.take_along_axis(log_probs, column, axis=-1)[..., 0]
    levels.append(jnp.where(before < 0, 0.0, found) if level else found)
  return jnp.stack(levels, axis=-1)


def prefix_tree(
  ids: np.ndarray, log_probs: np.ndarray, answers: np.ndarray
) -> list[dict[str, Any]]:
  """Lists every prefix once: a parent before its children, likely first.

  Args:
    ids: `[n, L]` distinct, -1 after an early end.
    log_probs: `[n, L]` from `code_log_probs`.
    answers: `[n]`, the number of items of the answer behind each ID.

  Returns:
    Per prefix its codes (-1 last where the ID ends), `log_prob` of the last
    code after those before it, their `total`, and how many `ids` and `answers`
    begin with it.
  """
  found: dict[tuple[int, ...], dict[str, Any]] = {}
  for row, each, count in zip(ids.tolist(), log_probs.tolist(), answers):
    for depth in range(1, len(row) + 1):
      node = found.setdefault(
        tuple(row[:depth]),
        {
          "prefix": row[:depth],
          "log_prob": each[depth - 1],
          "total": sum(each[:depth]),
          "ids": 0,
          "answers": 0,
        },
      )
      node["ids"] += 1
      node["answers"] += int(count)
      if row[depth - 1] < 0:
        break

  def rank(prefix: tuple[int, ...]) -> list[tuple[float, int]]:
    path = (prefix[:depth] for depth in range(1, len(prefix) + 1))
    return [(-found[each]["total"], each[-1]) for each in path]

  return [found[prefix] for prefix in sorted(found, key=rank)]
