"""Does a config fit hardware that is not here, and how fast could it be?

  pip install libtpu
  JAX_PLATFORMS=cpu python tools/compile_ahead.py \
    --config=configs/cq_sid.py:paper --targets=v5e:2x4,v6e:2x2

The real compilers of the targets run on this machine: a training step, the
steps of an alignment where there is one, the parts of a search and a whole
search are compiled for them. For each the memory is printed that the compiler
plans, the FLOPs of its products, the bytes that it moves, and the least time
that these take at the peaks that the vendor names: no run is faster. Nothing is
run here, so nothing is a measurement of speed. For `rtx5090`, `h100`, `h200`
and eight of them, `h200x8`, install `jax-cuda13-plugin`, `jax-cuda13-pjrt`
(both in the version of jax), `nvidia-cuda-nvcc` and `nvidia-cudnn-cu13`.

  JAX_PLATFORMS=cpu python tools/compile_ahead.py --all

makes the table of experiments/results/hardware: the preset `paper` of every
recipe on every target. That takes hours; a run that is cut off goes on where it
was, and rows that were not made again stay as they are stored; `--pages` alone
takes those that `--keep` has. `--measured=FILE`, of tools/check_device.py,
brings what a device really took beside the figures. `--pictures` makes the
table of experiments/results/hardware_pictures instead, in minutes: rollout,
exploration in four bits and update of flow models of published sizes, whose
names are configs here, too: `--config=sana_1600m`.
"""

import argparse
import functools
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

# Before JAX is imported: with libtpu installed it would look for a TPU.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# XLA warns of kernels that it would time on the card.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# It asks the cloud which TPU this is; there is none.
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gr_jax import command_line, recipes
from gr_jax.parallel.mesh import MeshConfig
from tools.ahead import (
  deployed,
  meshes,
  page,
  pictures,
  pictures_page,
  programs,
  record,
  rows,
  searching,
  shop,
  table,
)
from tools.ahead.targets import ALL, Target
from tools.ahead.targets import target as target_of

RESULTS = pathlib.Path(__file__).parents[1] / "experiments/results"


def parser() -> argparse.ArgumentParser:
  result = command_line.parser("python tools/compile_ahead.py", __doc__)
  add = result.add_argument
  add("--config", default="", help="NAME or FILE, with :PRESET, or several")
  add("--targets", default="", help="comma separated [v5e:2x4; all of --all]")
  add("--kinds", default="", help="programs, comma separated [all there are]")
  add("--model", type=int, default=0, help="devices along mesh.model")
  add("--fsdp", type=int, default=0, help="devices along mesh.fsdp")
  add("--items", type=int, default=100_000, help="of the search [100000]")
  add("--requests", type=int, default=32, help="a device and search [32]")
  add("--beam", type=int, default=50, help="IDs a request [50]")
  add("--keep", default="", help="folder of compiled rows [runs/hardware]")
  add("--all", action="store_true", help="make the stored table")
  add("--pictures", action="store_true", help="make that of flow models")
  add("--pages", action="store_true", help="make no rows, only the pages")
  add("--minutes", type=float, default=10, help="the longest for a row [10]")
  add("--output", default="", help="folder of the stored table")
  add("--measured", default="", help="FILE of tools/check_device.py")
  return result


def compiled(
  config: str, targets: Sequence[Target], options: argparse.Namespace
) -> Iterator[tuple[str, str, rows.Row]]:
  """Programs, targets and their figures, each as soon as it is compiled.

  Rows that are kept are not made again.
  """
  folder = pathlib.Path(options.keep) if options.keep else None
  make = None
  for target in targets:
    for kind in _kinds(config, target, options.kinds):
      if folder:
        path = table.row_file(folder, config, kind, target.name)
        if path.exists() or table.take(path, config, kind, target.name):
          continue
      make = make or _maker(config, options)
      mesh, traced = make(kind, target)
      known = table.known(folder) if folder else None
      row, text = rows.compile_row(traced, target, mesh, known=known)
      if folder:
        # Another process may have made it meanwhile: no row is its own twin.
        if row.get("same") != path.name:
          rows.write(path, row, text)
        row, text = rows.read(path)
      yield kind, target.name, rows.figures(row, text, target.sheet)


def _maker(config: str, options: argparse.Namespace):
  """A function from a program and a target to its mesh and what traces it."""
  if config == deployed.NAME:
    parts = deployed.parameters(), deployed.catalogue()

    def deployment(kind: str, target: Target):
      mesh = target.mesh(MeshConfig())
      return mesh, functools.partial(deployed.program, kind, mesh, *parts)

    return deployment
  if config in pictures.NAMES:
    model = pictures.model(pictures.PRESETS[config], pictures.SIZES[config])

    def flow(kind: str, target: Target):
      mesh = target.mesh(pictures.mesh_config(kind, model, target))
      return mesh, functools.partial(pictures.program, kind, model, mesh)

    return flow
  given = shop.parts(recipes.get_config(config), items=options.items)
  sizes = searching.Sizes(options.requests, options.beam)

  def one(kind: str, target: Target):
    mesh = target.mesh(_mesh_config(kind, given, target, options))
    return mesh, functools.partial(programs.program, kind, given, mesh, sizes)

  return one


def _mesh_config(
  kind: str,
  given: shop.Parts,
  target: Target,
  options: argparse.Namespace,
) -> MeshConfig:
  """The one that the flags name, else the one that `meshes` chooses."""
  if options.model or options.fsdp:
    return MeshConfig(model=options.model or 1, fsdp=options.fsdp or 1)
  return meshes.mesh_config(kind, given, target)


def _kinds(config: str, target: Target, wanted: str) -> list[str]:
  there = table.kinds(config, target.name)
  chosen = wanted.split(",") if wanted else list(there)
  if unknown := set(chosen) - set(there):
    raise ValueError(
      f"{config} has no program {', '.join(sorted(unknown))}; use "
      f"{', '.join(there)}."
    )
  return chosen


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(
    parser(), _work, arguments, interrupted="interrupted; it can go on."
  )


def _make_pictures(options: argparse.Namespace) -> None:
  folder = pathlib.Path(options.keep or "runs/hardware_pictures")
  output = pathlib.Path(options.output or RESULTS / "hardware_pictures")
  names = options.targets.split(",") if options.targets else pictures.TARGETS
  if not options.pages:
    table.fill(
      folder, targets=names, minutes=options.minutes, names=pictures.NAMES
    )
  found = table.read(folder, table.programs_of_pictures())
  pictures_page.write(output, pictures_page.record(found))


def _work(options: argparse.Namespace) -> None:
  if options.pictures:
    _make_pictures(options)
    return
  if options.all:
    names = options.targets.split(",") if options.targets else ALL
    folder = pathlib.Path(options.keep or "runs/hardware")
    output = pathlib.Path(options.output or RESULTS / "hardware")
    stored = record.load(output) if (output / record.FILE).exists() else {}
    measured = stored.get("measured", {})
    if options.measured:
      measured = record.read_measured(pathlib.Path(options.measured))
    if not options.pages:
      table.fill(folder, targets=names, minutes=options.minutes)
    found = table.joined(stored.get("rows", {}), table.read(folder))
    record.write(output, record.record(found, measured))
    return
  if not options.config:
    raise ValueError("--config is missing; see --help.")
  names = options.targets or "v5e:2x4"
  found = [target_of(name) for name in names.split(",")]
  print(page.head())
  for config in options.config.split(","):
    for kind, target, row in compiled(config, found, options):
      print(page.line(config, kind, target, row), flush=True)


if __name__ == "__main__":
  sys.exit(main())
