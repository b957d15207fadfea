"""The stored table of flow models: rows, their page, and what has four bits."""

import pathlib
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from gr_jax import provenance
from gr_jax.atomic import write_text
from gr_jax.diffusion.networks.lora_targets import published_lora
from gr_jax.diffusion.networks.presets import PRESETS
from gr_jax.diffusion.networks.skip_lists import published_policy
from gr_jax.evaluation.report.text_table import markdown
from gr_jax.quantization import policy
from tools.ahead import coverage, page, pictures, table
from tools.ahead import record as record_
from tools.ahead.data_sheets import GIB, SHEETS
from tools.ahead.rows import Row

_INTRO = """\
# Flow models, compiled ahead of time

Rollout, exploration in four bits and update of Sol-RL (arXiv 2604.06916) with
networks of published sizes, for devices that are not here; made by `python
tools/compile_ahead.py --pictures`. Columns are those of the [table of
recipes](../hardware/README.md): what the compiler plans, and the least time by
the vendors' peaks; nothing has run. All figures are of one device; a rate is of
all of them.

- rollout: {rollout} Euler steps; base and adapter in bfloat16.
- explore: {explore} Euler steps of the merged weights, those of the recipe's
  list in NVFP4: W4A4 on cards that multiply four bits, W4A16 elsewhere.
- update: DiffusionNFT at one time of the path, with the velocities of the
  trained, the old and the reference adapter, and AdamW; blocks are computed
  again in the backward pass.

Pictures are latents of 1024 x 1024 without guidance. Text encoders,
autoencoders, rewards and the copies of weights of the other programs are not in
the bytes. States between layers are float32, products bfloat16."""
_FITS = """\
## Does it fit?

GiB a device by the compiler's plan; **NO** says by how much not. What a driver
keeps for itself is not known here: a program within a GiB of the memory may not
run."""
_WHOLE = """\
A whole iteration keeps base and explorer on the device from one program to the
next. GiB of its largest program with the weights of the other:"""
_FOUR = """\
## Products in four bits

The products of the compiled exploration whose both operands are float4, each
in the body of the loop over layers and steps, and the libraries' kernels of the
whole program; `jax.nn.scaled_matmul` becomes cuDNN's block-scaled product for
compute capability 10 and above."""
_WEIGHTS = """\
## Weights in four bits

By the skip lists of Sol-RL (`gr_jax/diffusion/networks/skip_lists.py`), from
bfloat16; LoRA of rank {rank} is on {targets}."""


def record(rows: Mapping[str, Any]) -> dict[str, Any]:
  """All that is stored.

  Args:
    rows: the rows of `table.read`.
  """
  return {
    "command": "python tools/compile_ahead.py --pictures",
    "commit": provenance.commit(),
    "machine": record_.MACHINE,
    "versions": record_.versions(),
    "steps": pictures.STEPS,
    "programs": table.programs_of_pictures(),
    "weights": {name: _weights(name) for name in pictures.NAMES},
    "rows": rows,
  }


def _weights(name: str) -> str:
  """The table of the skip list of a network."""
  preset = PRESETS[name]
  given = pictures.model(preset, pictures.SIZES[name])
  found = policy.decisions(
    nn.unbox(given.base), given.explorer, published_policy(preset.network)
  )
  return policy.table(found)


def page_of(stored: Mapping[str, Any]) -> str:
  """The page of a record of `record`."""
  rows = stored["rows"]
  blocks = [
    _INTRO.format(**stored["steps"]),
    coverage.said(coverage.commits(rows)),
    _FITS,
    _fits(rows),
    _WHOLE,
    _whole(rows),
  ]
  for name, by_kind in rows.items():
    blocks += [f"## {name}", page.rows(by_kind)]
  blocks += [_FOUR, _four(rows)]
  for name, text in stored["weights"].items():
    lora = published_lora(PRESETS[name].network)
    targets = ", ".join(f"`{each}`" for each in lora.targets)
    said = _WEIGHTS.format(rank=lora.rank, targets=targets)
    blocks += [said.replace("## Weights", f"## {name}: weights")]
    blocks += [f"```\n{text}\n```"]
  return "\n\n".join(blocks) + "\n"


def _fits(rows: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> str:
  lines: list[tuple[str, ...]] = [("network", "program", *pictures.TARGETS)]
  for name, by_kind in rows.items():
    for kind, by_target in by_kind.items():
      cells = [_cell(by_target.get(target)) for target in pictures.TARGETS]
      lines.append((name, kind, *cells))
  return markdown(lines)


def _cell(row: Row | None) -> str:
  if row is None or "bytes" not in row:
    return "-" if row is None else "failed"
  return _gib(row["bytes"]["total"], row["over"])


def _gib(total: float, over: float) -> str:
  said = f", **NO** by {over / GIB:.1f}" if over > 0 else ""
  return f"{total / GIB:.1f}{said}"


def _whole(rows: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> str:
  lines: list[tuple[str, ...]] = [("network", *pictures.TARGETS)]
  for name, by_kind in rows.items():
    cells = []
    for target in pictures.TARGETS:
      total = whole_bytes({k: r.get(target) for k, r in by_kind.items()})
      room = SHEETS[target.partition(":")[0].removesuffix("x8")].memory
      cells.append(_gib(total, total - room) if total else "-")
    lines.append((name, *cells))
  return markdown(lines)


def whole_bytes(by_kind: Mapping[str, Row | None]) -> float:
  """Bytes of an iteration with both copies of the weights; 0 = not known."""
  found = {
    kind: row["bytes"]
    for kind, row in by_kind.items()
    if row and "argument" in row.get("bytes", {})
  }
  if found.keys() != set(pictures.KINDS):
    return 0.0
  base, explorer = found["rollout"]["argument"], found["explore"]["argument"]
  return max(
    found["explore"]["total"] + base,
    found["rollout"]["total"] + explorer,
    found["update"]["total"] + explorer,
  )


def _four(rows: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> str:
  lines = [
    ("network", "target", "float4 products", "TFLOP in float4", "kernels")
  ]
  for name, by_kind in rows.items():
    for target, row in by_kind.get("explore", {}).items():
      kernels = ", ".join(row.get("kernels", ())).replace("$", " ")
      flops = row.get("flops", {}).get("float4", 0) / 1e12
      calls = str(row.get("float4_calls", 0))
      lines.append((name, target, calls, f"{flops:.3g}", kernels or "-"))
  return markdown(lines)


def write(folder: pathlib.Path, stored: Mapping[str, Any]) -> None:
  """The record and its page."""
  folder.mkdir(parents=True, exist_ok=True)
  write_text(folder / record_.FILE, record_.text(stored))
  write_text(folder / "table.md", page_of(stored))
