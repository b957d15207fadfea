"""The accelerator that a machine announces, and whether JAX runs on it.

JAX computes on the CPU where the plugin of an accelerator is missing or broken.
On a machine that was rented for its accelerator that costs hours before anybody
notices.
"""

import os
import pathlib
from collections.abc import Mapping

import jax

TPU, GPU = "tpu", "gpu"

# Set by Colab, by Kaggle, and by the virtual machines of Cloud TPU.
_TPU_VARIABLES = ("COLAB_TPU_ADDR", "TPU_NAME", "TPU_ACCELERATOR_TYPE")

# The chips of Google from v2 to v7 on the bus; its network cards are others.
_GOOGLE = "0x1ae0"
_TPU_CHIPS = frozenset(
  ("0x0027", "0x005e", "0x0056", "0x0062", "0x0063", "0x006f", "0x0076")
)

_PLATFORMS = {TPU: ("tpu",), GPU: ("gpu", "cuda", "rocm")}
EXTRAS = {TPU: "tpu", GPU: "cuda"}
"""The extra of the package that an accelerator needs."""


def announced(
  variables: Mapping[str, str] = os.environ,
  root: pathlib.Path = pathlib.Path("/"),
) -> str | None:
  """`TPU` or `GPU` where the machine says that it has one, else None.

  No device is touched: this may be read before JAX starts.

  Args:
    variables: those of the process.
    root: the folder of the system's files.
  """
  if any(variables.get(name) for name in _TPU_VARIABLES):
    return TPU
  for vendor in (root / "sys/bus/pci/devices").glob("*/vendor"):
    chip = vendor.with_name("device")
    found = vendor.read_text().strip(), chip.read_text().strip()
    if found[0] == _GOOGLE and found[1] in _TPU_CHIPS:
      return TPU
  return GPU if (root / "dev/nvidia0").exists() else None


def check(
  variables: Mapping[str, str] = os.environ,
  root: pathlib.Path = pathlib.Path("/"),
) -> str:
  """The platform that JAX computes on: "cpu", "gpu" or "tpu".

  Raises:
    RuntimeError: the machine announces an accelerator, and JAX computes on
      another platform which `JAX_PLATFORMS` does not ask for.
  """
  wanted, found = announced(variables, root), jax.default_backend()
  chosen = variables.get("JAX_PLATFORMS", "").split(",")
  if wanted and found not in (*_PLATFORMS[wanted], *chosen):
    raise RuntimeError(
      f"this machine announces a {wanted.upper()}, and JAX computes on the "
      f"{found.upper()}: pip install 'gr_jax[{EXTRAS[wanted]}]' and start the "
      f"process anew, or set JAX_PLATFORMS={found} if that is meant."
    )
  return found
