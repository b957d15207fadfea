"""Devices to compile for, without having them.

A TPU slice is named by its kind and shape, "v5e:2x4"; the compiler comes with
`libtpu`. CUDA cards are described as XLA's own compiler option
`xla_gpu_target_config_filename` takes it; "h200x8" are eight in one host, and
the compiler comes with jax's CUDA plugin and `nvidia-cuda-nvcc`.
"""

import dataclasses
import re

import jax
from jax.experimental import topologies
from jax.sharding import Mesh

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tools.ahead.data_sheets import SHEETS, DataSheet

ALL = (
  "rtx5090", "v5e:2x4", "h200", "h200x8", "h100", "h100x8", "v6e:2x4",
  "v5e:16x16",
)  # fmt: skip
"""The targets of the stored table, in the order in which they are compiled."""

_CARD = """
gpu_device_info {{
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: {shared}
  shared_memory_per_core: {shared_per_core}
  threads_per_core_limit: {threads}
  core_count: {cores}
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: {bandwidth:.0f}
  l2_cache_size: {cache:.0f}
  clock_rate_ghz: {clock}
  device_memory_size: {memory:.0f}
  cuda_compute_capability {{
    major: {capability}
    minor: 0
    feature_extension: ACCELERATED_FEATURES
  }}
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 }}
runtime_version {{ major: 13 }}
device_description_str: "{name}"
"""
_HOPPER = {
  "shared": 232448,
  "shared_per_core": 233472,
  "threads": 2048,
  "cores": 132,
  "clock": 1.98,
  "capability": 9,
}
_CARDS = {
  "rtx5090": {
    "shared": 101376,
    "shared_per_core": 102400,
    "threads": 1536,
    "cores": 170,
    "clock": 2.407,
    "capability": 12,
    "name": "NVIDIA GeForce RTX 5090",
  },
  "h100": _HOPPER | {"name": "NVIDIA H100 80GB HBM3"},
  "h200": _HOPPER | {"name": "NVIDIA H200"},
}
_CUDA = re.compile(r"(?P<card>[a-z]+\d+)(?:x(?P<count>\d+))?")
# Kernels of its own are chosen by timing them on the card.
_NO_TUNING = {"xla_gpu_enable_triton_gemm": False}


@dataclasses.dataclass(frozen=True)
class Target:
  """Devices of one kind.

  Attributes:
    name: the name that a user writes.
    devices: the devices of a mesh.
    sheet: what the vendor says of each.
    options: the options of its compiler.
  """

  name: str
  devices: list
  sheet: DataSheet
  options: dict[str, bool] = dataclasses.field(default_factory=dict)

  def mesh(self, config: MeshConfig) -> Mesh:
    """A mesh of all devices.

    Raises:
      ValueError: the sizes do not fill them.
    """
    try:
      return make_mesh(config, self.devices)
    except ValueError as error:
      raise ValueError(f"{self.name}: {error}") from error


def target(name: str) -> Target:
  """The devices of a name: "rtx5090", "h200x8", "v5e:2x4" and their like.

  Raises:
    ValueError: there is no such target.
    ImportError: its compiler is not installed.
  """
  cuda = _CUDA.fullmatch(name)
  if cuda and cuda["card"] in _CARDS:
    sheet = SHEETS[cuda["card"]]
    described = _CARD.format_map(
      dataclasses.asdict(sheet) | _CARDS[cuda["card"]]
    )
    devices = _devices(
      name,
      "'jax[cuda13]'",
      platform="cuda",
      topology_name="",
      # Slices, hosts of a slice, devices of a host.
      topology=f"1x1x{cuda['count'] or 1}",
      target_config=described,
    )
    return Target(name, devices, sheet, _NO_TUNING)
  kind, _, shape = name.partition(":")
  if kind not in SHEETS or kind in _CARDS or not shape:
    raise ValueError(
      f"unknown target {name!r}; use one of {', '.join(_CARDS)}, with x8 for "
      "eight of them, or KIND:SHAPE such as v5e:2x4 with KIND one of "
      f"{', '.join(kind for kind in SHEETS if kind not in _CARDS)}."
    )
  devices = _devices(name, "libtpu", platform="tpu", topology_name=name)
  return Target(name, devices, SHEETS[kind])


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
