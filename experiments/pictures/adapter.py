"""What alignment trains of a flow model: an adapter, or all of it."""

import dataclasses
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from experiments.pictures.flow import TrainedFlow
from gr_jax.diffusion.flow_model import FlowModel
from gr_jax.diffusion.networks.lora_targets import (
  MODULATIONS,
  published_targets,
)
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import (
  FROZEN,
  add_lora,
  in_one,
  join_lora,
  merge_lora,
  split_lora,
)
from gr_jax.rl.explore import ExplorerParams
from gr_jax.rl.pictures.context import Velocity


class Trained(NamedTuple):
  """What the update reads and what the samplers do.

  Attributes:
    params: `{"params": ...}` that is trained.
    fixed: the variables that stand still, `{}` without an adapter.
    velocity: the network, given both.
    whole: from what is trained to the parameters of the model as it was; None
      where they are the same.
  """

  params: Any
  fixed: dict[str, Any]
  velocity: Velocity
  whole: ExplorerParams | None


def trained_part(section: ConfigDict, flow: TrainedFlow) -> Trained:
  """What section align trains: LoRA of `lora.rank`, or with 0 all weights.

  The adapter starts as no change. Samplers read the merged weights, so that an
  explorer quantizes what the policy really is.
  """
  if not section.lora.rank:
    return Trained(flow.params, {}, velocity_of(flow.model), None)
  network = flow.model.config.network
  targets = published_targets(network)
  targets += MODULATIONS if section.lora.modulation else ()
  lora = Lora(section.lora.rank, section.lora.alpha, targets)
  changed = dataclasses.replace(network, lora=lora)
  model = flow.model.clone(
    config=dataclasses.replace(flow.model.config, network=changed)
  )
  params = add_lora(flow.params, jax.random.key(section.seed), lora)
  adapter, base = split_lora(params)

  @jax.jit
  def whole(adapter: Any) -> Any:
    return merge_lora(join_lora(adapter, base), lora)

  return Trained(adapter, {FROZEN: base["params"]}, velocity_of(model), whole)


def velocity_of(model: FlowModel) -> Velocity:
  """The network without guidance, of trained and fixed variables."""

  def velocity(variables: Any, x: Any, t: Any, tokens: Any) -> Any:
    return model.apply(in_one(variables), x, t, tokens)

  return velocity
