"""Does a config fit hardware that is not here, and how fast could it be?

  pip install libtpu
  JAX_PLATFORMS=cpu python tools/compile_ahead.py \
    --config=configs/cq_sid.py:paper --targets=v5e:2x4,v6e:2x2

The real compilers of the targets run on this machine: the training step and a
search are compiled for them, and the memory that they plan is printed. Beside
it stand the products of the step's dense layers (forward, backward, and once
more forward with `remat`), and how long they would take at the peak that the
vendor names: no run is faster. Nothing is run here, so nothing is a
measurement of speed. For `rtx5090` install `jax-cuda13-plugin`,
`jax-cuda13-pjrt` (both in the version of jax) and `nvidia-cuda-nvcc`.
"""

import argparse
import os
import pathlib
import sys

# Before JAX is imported: with libtpu installed it would look for a TPU.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# XLA warns of kernels that it would time on the card.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# It asks the cloud which TPU this is; there is none.
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import jax

from gr_jax import command_line, recipes
from gr_jax.parallel.mesh import MeshConfig
from tools.ahead import programs, targets

_HEADER = (
  "| program | target | devices | GiB a device | fits | TFLOP a device "
  "| at the peak |\n|---|---|---|---|---|---|---|"
)


def parser() -> argparse.ArgumentParser:
  result = command_line.parser("python tools/compile_ahead.py", __doc__)
  add = result.add_argument
  add("--config", required=True, help="NAME or FILE, with :PRESET")
  add("--targets", default="v5e:2x4", help="comma separated [v5e:2x4]")
  add("--model", type=int, default=1, help="devices along mesh.model [1]")
  add("--fsdp", type=int, default=1, help="devices along mesh.fsdp [1]")
  add("--items", type=int, default=100_000, help="of the search [100000]")
  add("--requests", type=int, default=32, help="a search [32]")
  add("--beam", type=int, default=50, help="IDs a request [50]")
  return result


def row(
  name: str, compiled, target: targets.Target, flops: float | None = None
) -> str:
  """A row of the memory that the compiler plans per device."""
  memory = compiled.memory_analysis()
  used = (
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    - memory.alias_size_in_bytes
    + memory.temp_size_in_bytes
  ) / targets.GIB
  cells = [
    name,
    target.name,
    str(len(target.devices)),
    f"{used:.2f} of {target.memory}",
    "yes" if used < target.memory else "NO",
    f"{flops / 1e12:.2f}" if flops else "-",
    f"{flops / target.flops * 1e3:.1f} ms" if flops else "-",
  ]
  return "| " + " | ".join(cells) + " |"


def rows(given: programs.Parts, target: targets.Target, options):
  """A row per program, as soon as it is compiled."""
  mesh = target.mesh(MeshConfig(model=options.model, fsdp=options.fsdp))
  with jax.set_mesh(mesh):
    lowered = programs.lowered_step(given, mesh)
    compiled = lowered.compile(target.options)
    flops = programs.step_flops(given) / len(target.devices)
    yield row("training step", compiled, target, flops)
    lowered = programs.lowered_search(
      given, mesh, requests=options.requests, beam=options.beam
    )
    yield row("search", lowered.compile(target.options), target)


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(parser(), _compile, arguments)


def _compile(options: argparse.Namespace) -> None:
  try:
    given = programs.parts(
      recipes.get_config(options.config), items=options.items
    )
  except AttributeError as error:  # A section that the config does not have.
    raise ValueError(str(error)) from error
  found = [targets.target(name) for name in options.targets.split(",")]
  print(_HEADER)
  for target in found:
    for line in rows(given, target, options):
      print(line, flush=True)


if __name__ == "__main__":
  sys.exit(main())
