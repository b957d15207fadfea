"""A pretrained generator before its first step: weights, and rows of codes."""

from typing import Any

import jax
import optax
from jax.sharding import Mesh

from experiments.pipeline.untrained import Untrained
from gr_jax.generators.pretrained import base, new_rows
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.weights import EMBEDDING, HEAD
from gr_jax.nn.flat_tree import flatten
from gr_jax.training.state import TrainState


def frozen(untrained: Untrained, mesh: Mesh) -> dict[str, Any]:
  """The weights that stand still, on the mesh; `{}` of other generators."""
  model, folder = untrained.model, untrained.base
  if folder is None or not isinstance(model, TextToCodes):
    return {}
  return base.frozen_variables(model, folder, untrained.section, mesh)


def with_pretrained(
  state: TrainState,
  optimizer: optax.GradientTransformation,
  untrained: Untrained,
  fixed: dict[str, Any],
  mesh: Mesh,
) -> TrainState:
  """The state whose parameters are the model's, and the rows of its codes.

  Args:
    state: as it was drawn; that of another generator is returned as it is.
    optimizer: the optimizer of the training.
    untrained: the generator.
    fixed: what it reads beside its parameters.
    mesh: the devices.
  """
  model, folder = untrained.model, untrained.base
  if folder is None or not isinstance(model, TextToCodes):
    return state
  params = state.params
  read = {"params": fixed.get(FROZEN)}
  if FROZEN not in fixed:
    read = base.all_params(model, folder, untrained.section, mesh)
    params = {"params": params["params"] | read["params"]}
  params = new_rows.with_rows(params, _rows(untrained, read["params"]))
  shardings = jax.tree.map(lambda x: x.sharding, state.opt_state)
  begin = jax.jit(optimizer.init, out_shardings=shardings)
  return state.replace(params=params, opt_state=begin(params))


def _rows(untrained: Untrained, params: Any) -> list[jax.Array]:
  section, vocabulary = untrained.section, untrained.vocabulary
  texts = new_rows.code_texts(
    untrained.semantic_ids,
    untrained.data.catalogue.texts.tolist(),
    count=vocabulary.new.count,
  )
  tokens, mask = new_rows.encoded_texts(vocabulary.text, texts)
  flat = flatten(params)
  tables = [flat[EMBEDDING]]
  if HEAD in flat:
    tables.append(flat[HEAD].T)
  return new_rows.new_rows(
    section.pretrained.rows,
    jax.random.key(section.seed),
    tables,
    tokens=tokens,
    mask=mask,
  )
