"""The mesh that a program is compiled for on a target.

A search has the whole model on every device and shares the requests. A step of
training shares the batch; where a quarter of the memory does not hold the
parameters with the state of their optimizer, fsdp splits these over as many
devices as it takes, and where a batch has fewer rows than there are devices,
model splits the layers over the others.
"""

import math

import jax

from gr_jax.parallel.mesh import MeshConfig
from tools.ahead.shop import Parts
from tools.ahead.targets import Target

_SHARE = 1 / 4
# Parameters and both moments of Adam; alignment also has an old policy and a
# reference.
_COPIES = {"train": 3, "rollout": 5, "update": 5}


def mesh_config(kind: str, given: Parts, target: Target) -> MeshConfig:
  """The sizes of the mesh of a program of `programs.kinds`."""
  if kind not in _COPIES:
    return MeshConfig()
  count = len(target.devices)
  if kind == "train":
    rows = given.untrained.section.examples.batch_size
  else:
    rows = given.config.align.prompts.batch_size
  model = 1
  while count // model > rows:
    model *= 2
  size = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(given.params))
  room = target.sheet.memory * _SHARE * model
  split = math.ceil(_COPIES[kind] * size / room)
  fsdp = min(1 << (split - 1).bit_length(), count // model)
  return MeshConfig(model=model, fsdp=fsdp)
