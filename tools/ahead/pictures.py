"""The programs of Sol-RL with a flow model of published size.

  rollout  pictures in ten Euler steps, base and adapter in bfloat16
  explore  pictures in six, of weights with the adapter merged and those of the
           recipe in NVFP4 (`diffusion.networks.skip_lists`): W4A4 where the
           device multiplies four bits, W4A16 elsewhere
  update   DiffusionNFT's gradient of the adapter at one time of the path and
           one step of AdamW; blocks are computed again in the backward pass

Steps and low ranks are Sol-RL's, which samples without guidance; pictures are
latents of 1024 x 1024. Text encoders, autoencoders and rewards are other
programs. Weights are shapes alone. Where an update or a rollout would fill most
of a device with weights, fsdp splits them (`mesh_config`).
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.diffusion.networks.lora_targets import published_lora
from gr_jax.diffusion.networks.presets import (
  PRESETS,
  Preset,
  build_network,
)
from gr_jax.diffusion.networks.skip_lists import published_policy
from gr_jax.diffusion.networks.text import Text
from gr_jax.diffusion.noise import first_noise
from gr_jax.diffusion.ode import euler
from gr_jax.diffusion.times import time_grid
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.flat_tree import flatten, unflatten
from gr_jax.nn.lora import FROZEN, in_one, split_lora
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_parts,
  batch_sharding,
)
from gr_jax.quantization.interceptor import multiplied_by
from gr_jax.quantization.policy import quantize_params
from gr_jax.quantization.products import (
  Product,
  multiplies_nvfp4,
  w4a4_of,
  w4a16,
)
from gr_jax.quantization.qtensor import QTensor
from gr_jax.rl.pictures.context import FlowContext
from gr_jax.rl.pictures.nft_update import NftConfig, make_nft_update
from gr_jax.rl.pictures.samples import PictureSamples
from gr_jax.rl.update import start_alignment
from tools.ahead.program import Program, placed, shapes
from tools.ahead.targets import Target

NAMES = tuple(PRESETS)
KINDS = ("rollout", "explore", "update")
TARGETS = ("rtx5090", "h200", "h200x8", "v5e:2x4", "v6e:2x4")
STEPS = {"rollout": 10, "explore": 6}
MODE = "torchao"
"""The order of rounding of the explorer's weights."""


@dataclasses.dataclass(frozen=True)
class Sizes:
  """Pictures a device.

  Attributes:
    rollout: pictures of a rollout, and of an exploration.
    update: pictures of an update, all of one prompt.
  """

  rollout: int
  update: int


SIZES = {
  "sana_1600m": Sizes(rollout=24, update=16),
  "sd3_5_large": Sizes(rollout=8, update=4),
  "flux_12b": Sizes(rollout=4, update=2),
}
# Of the memory, the share from which weights are split.
_SHARE = 1 / 4


@dataclasses.dataclass(frozen=True)
class Model:
  """A published network, as shapes.

  Attributes:
    preset: the network.
    sizes: its pictures.
    adapter: `{"params": ...}` in float32, boxed with the names of axes.
    base: the same of the base in bfloat16.
    explorer: the base with its `QTensor`s, not boxed.
    grid: the times of an update; under the mesh of absent devices no array can
      be made.
  """

  preset: Preset
  sizes: Sizes
  adapter: Any
  base: Any
  explorer: Any
  grid: jax.Array

  def network(self, **changes: Any):
    """The network with other settings; one block in a turn of the scans."""
    config = dataclasses.replace(self.preset.network, unroll=1, **changes)
    return build_network(config, bf16_dot_general)

  @property
  def changed(self):
    """The network with the adapter."""
    return self.network(lora=published_lora(self.preset.network))

  @property
  def shape(self) -> tuple[int, int, int]:
    """The shape of a latent picture."""
    side = self.preset.side
    return side, side, self.preset.network.channels


def model(preset: Preset, sizes: Sizes) -> Model:
  """A network without a number of it."""
  config = dataclasses.replace(
    preset.network, lora=published_lora(preset.network)
  )
  init = build_network(config).init
  boxed = jax.eval_shape(init, jax.random.key(0), *preset.inputs(1))
  adapter, base = split_lora(boxed)
  base = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, jnp.bfloat16), base
  )
  return Model(
    preset,
    sizes,
    adapter,
    base,
    jax.eval_shape(
      functools.partial(
        quantize_params, policy=published_policy(preset.network), mode=MODE
      ),
      nn.unbox(base),
    ),
    time_grid(STEPS["rollout"]),
  )


def mesh_config(kind: str, given: Model, target: Target) -> MeshConfig:
  """All devices along data, or as many along fsdp as the weights need."""
  tree = given.explorer if kind == "explore" else nn.unbox(given.base)
  size = sum(
    math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(tree)
  )
  split = math.ceil(size / (_SHARE * target.sheet.memory))
  fsdp = 1 << (split - 1).bit_length()
  return MeshConfig(fsdp=min(fsdp, len(target.devices)))


def product_of(device: Any) -> Product:
  """The product of the explorer's weights."""
  return w4a4_of(device) if multiplies_nvfp4(device) else w4a16


def program(kind: str, given: Model, mesh: Mesh) -> Program:
  """One of `KINDS` for the devices of a mesh."""
  return {"rollout": _rollout, "explore": _explore, "update": _update}[kind](
    given, mesh
  )


def _rollout(given: Model, mesh: Mesh) -> Program:
  network = given.changed

  def velocity(variables, x, t, text):
    return network.apply(in_one(variables), x, t, text)

  variables = {
    "params": placed(given.adapter, mesh)["params"],
    FROZEN: placed(given.base, mesh)["params"],
  }
  return _sampled("rollout", velocity, variables, given, mesh)


def _explore(given: Model, mesh: Mesh) -> Program:
  product = product_of(mesh.devices.flat[0])
  velocity = multiplied_by(product, given.network().apply)
  variables = _placed_quantized(given.explorer, given.base, mesh)
  return _sampled("explore", velocity, variables, given, mesh)


def _sampled(kind: str, velocity, variables, given: Model, mesh: Mesh):
  rows = given.sizes.rollout * batch_parts(mesh)

  def run(variables, text, seeds):
    return euler(
      lambda x, t: velocity(variables, x, t, text),
      first_noise(seeds, given.shape),
      time_grid(STEPS[kind]),
    )

  seeds = jax.ShapeDtypeStruct(
    (rows,), jnp.int32, sharding=batch_sharding(mesh)
  )
  traced = jax.jit(run).trace(variables, _text(given, rows, mesh), seeds)
  flops = STEPS[kind] * forward_flops(given, rows)
  return Program(traced, rows, "pictures", flops)


def _update(given: Model, mesh: Mesh) -> Program:
  network = given.network(
    lora=published_lora(given.preset.network), remat="full"
  )

  def velocity(variables: Any, x: Any, t: Any, text: Any) -> Any:
    return network.apply(in_one(variables), x, t, text)

  optimizer = optax.adamw(3e-4)
  steps = len(given.grid) - 1
  learn = make_nft_update(
    velocity,
    optimizer,
    given.grid,
    config=NftConfig(times=steps, share=1 / steps),
  )
  start = functools.partial(start_alignment, optimizer=optimizer)
  state = placed(jax.eval_shape(start, given.adapter), mesh)
  context = FlowContext(
    placed(given.adapter, mesh), {FROZEN: placed(given.base, mesh)["params"]}
  )
  prompts, each = batch_parts(mesh), given.sizes.update
  here = batch_sharding(mesh)

  def shaped(*sizes: int, dtype: Any = jnp.float32) -> Any:
    return jax.ShapeDtypeStruct(sizes, dtype, sharding=here)

  samples = PictureSamples(
    _text(given, prompts, mesh),
    shaped(prompts, each, dtype=jnp.int32),
    shaped(prompts, each, *given.shape),
    {},
  )
  rewards = shaped(prompts, each)
  traced = learn.trace(state, context, samples, rewards)
  # Three velocities, one of them computed again and then passed back through.
  flops = 5 * forward_flops(given, prompts * each)
  return Program(traced, prompts * each, "pictures", flops)


def _text(given: Model, rows: int, mesh: Mesh) -> Text:
  *_, text = given.preset.inputs(rows)
  return shapes(text, batch_sharding(mesh))


def _placed_quantized(explorer: Any, base: Any, mesh: Mesh) -> Any:
  """Shapes of quantized parameters where the names of the base's axes say.

  Codes and scales have the last two axes of their kernel the other way round.
  """
  boxes, found = flatten(base), {}
  for path, leaf in flatten(explorer).items():
    names = boxes[path].names
    if not isinstance(leaf, QTensor):
      found[path] = _named(leaf, names, mesh)
      continue
    *lead, rows, columns = names
    found[path] = leaf.replace(
      codes=_named(leaf.codes, (*lead, columns, rows), mesh),
      scales=_named(leaf.scales, (*lead, columns, rows), mesh),
      tensor_scale=_named(leaf.tensor_scale, tuple(lead), mesh),
    )
  return unflatten(found)


def _named(x: Any, names: tuple[str, ...], mesh: Mesh) -> Any:
  return placed(nn.LogicallyPartitioned(x, names), mesh)


def forward_flops(given: Model, rows: int) -> float:
  """FLOPs of the dense layers of a velocity of `rows` pictures."""
  preset, total = given.preset, 0.0
  pictures = (preset.side // preset.network.patch) ** 2
  for path, kernel in flatten(nn.unbox(given.base)["params"]).items():
    if path[-2:] == ("dense", "kernel"):
      positions = _positions(path, pictures, preset.text_tokens)
      total += 2.0 * math.prod(kernel.shape) * positions
  return rows * total


def _positions(path: tuple[str, ...], pictures: int, texts: int) -> int:
  """The positions of a picture that a layer multiplies."""
  if {"modulation", "last_modulation", "time", "pooled", "guidance"} & {*path}:
    return 1
  if "single" in path:
    return pictures + texts
  if {"text", "text_in", "text_out", "kv"} & {*path}:
    return texts
  return pictures
