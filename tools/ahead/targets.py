"""Devices to compile for, without having them.

A TPU slice is named by its kind and shape, "v5e:2x4"; the compiler comes with
`libtpu`. A CUDA card is described by its data sheet, as XLA's own compiler
option `xla_gpu_target_config_filename` takes it; the compiler comes with jax's
CUDA plugin and `nvidia-cuda-nvcc`.
"""

import dataclasses

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh

from gr_jax.parallel.mesh import AXES, MeshConfig

GIB = 1 << 30

# Per chip, from the vendors' pages: memory in GiB and bf16 FLOPs a second.
_TPU = {
  "v4": (32, 275e12),
  "v5e": (16, 197e12),
  "v5p": (95, 459e12),
  "v6e": (32, 918e12),
}

_RTX_5090 = """
gpu_device_info {
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 101376
  shared_memory_per_core: 102400
  threads_per_core_limit: 1536
  core_count: 170
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: 1792000000000
  l2_cache_size: 100663296
  clock_rate_ghz: 2.407
  device_memory_size: 34359738368
  cuda_compute_capability { major: 12 minor: 0 }
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
runtime_version { major: 13 }
device_description_str: "NVIDIA GeForce RTX 5090"
"""

# Kernels of its own are chosen by timing them on the card.
_NO_TUNING = {"xla_gpu_enable_triton_gemm": False}


@dataclasses.dataclass(frozen=True)
class Target:
  """Devices of one kind.

  Attributes:
    name: the name that a user writes.
    devices: the devices of a mesh.
    memory: GiB of each.
    flops: bf16 FLOPs a second of each.
    options: the options of its compiler.
  """

  name: str
  devices: list
  memory: float
  flops: float
  options: dict[str, bool]

  def mesh(self, config: MeshConfig) -> Mesh:
    """A mesh of all devices.

    Raises:
      ValueError: the sizes do not fill them.
    """
    try:
      shape = config.shape(len(self.devices))
    except ValueError as error:
      raise ValueError(f"{self.name}: {error}") from error
    grid = np.array(self.devices).reshape(shape)
    return Mesh(grid, AXES, axis_types=(AxisType.Auto,) * len(AXES))


def target(name: str) -> Target:
  """The devices of a name: "rtx5090", or "v5e:2x4" and its like.

  Raises:
    ValueError: there is no such target.
    ImportError: its compiler is not installed.
  """
  if name == "rtx5090":
    devices = _devices(
      name,
      "'jax[cuda13]'",
      platform="cuda",
      topology_name="",
      topology="1x1x1",
      target_config=_RTX_5090,
    )
    return Target(name, devices, 32, 209.5e12, _NO_TUNING)
  kind, _, shape = name.partition(":")
  if kind not in _TPU or not shape:
    raise ValueError(
      f"unknown target {name!r}; use rtx5090, or KIND:SHAPE such as v5e:2x4 "
      f"with KIND one of {', '.join(_TPU)}."
    )
  devices = _devices(name, "libtpu", platform="tpu", topology_name=name)
  return Target(name, devices, *_TPU[kind], {})


def _devices(name: str, package: str, **topology) -> list:
  try:
    return topologies.get_topology_desc(**topology).devices
  except (jax.errors.JaxRuntimeError, RuntimeError, ValueError) as error:
    first = str(error).strip().splitlines()[0]
    if "topology" in first.lower() and "plugin" not in first.lower():
      raise ValueError(f"{name}: {first}") from error
    raise ImportError(
      f"cannot compile for {name}: {first}; `pip install {package}` brings its "
      "compiler"
    ) from error
