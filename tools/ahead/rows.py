"""A row of the table: a program, compiled for a target, in figures.

What the compiler leaves, `Compiled`, is kept apart from what is computed of it,
so that a changed count needs no new compilation.
"""

import gzip
import hashlib
import json
import pathlib
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.sharding import Mesh

from gr_jax import provenance
from gr_jax.parallel.mesh import AXES
from tools.ahead import hlo, products, roofline
from tools.ahead.data_sheets import GIB, DataSheet
from tools.ahead.program import Program
from tools.ahead.targets import Target
from tools.ahead.traffic import traffic

_ROOM = re.compile(r"Used ([\d.]+)([KMG]) of ([\d.]+)([KMG]) hbm")
_TARGET = re.compile(r'custom_call_target="(__[^"]*)"')
# What `as_text` gives, as the compiler of TPUs writes it.
_WRITTEN = "*.after_codegen.txt"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": GIB}
_KERNELS = {
  "__cudnn$fmha": "cuDNN flash",
  "splash": "splash",
  "flash_attention": "flash",
}
Row = dict[str, Any]


def compile_row(
  make: Callable[[], Program],
  target: Target,
  mesh: Mesh,
  *,
  known: Mapping[str, pathlib.Path] | None = None,
) -> tuple[Row, str]:
  """Compiles a program; what is known of it, and its text.

  Args:
    make: traces the program, under the mesh.
    target: the devices.
    mesh: the mesh of them.
    known: files of rows by the digest of what was compiled; one of them is
      taken instead of compiling the same once more.
  """
  with jax.set_mesh(mesh):
    made = make()
    lowered = made.traced.lower()
  options = {**target.options, **made.options}
  digest = _digest(lowered.as_text(), target.name, options)
  row = {
    "digest": digest,
    "commit": provenance.commit(),
    "mesh": {
      axis: size for axis, size in zip(AXES, mesh.devices.shape) if size > 1
    },
    "devices": len(target.devices),
    "work": made.work,
    "unit": made.unit,
    "dense": made.dense,
    "flops": dict(products.product_flops(made.traced.jaxpr.jaxpr)),
  }
  if known and digest in known:
    return row | {"same": known[digest].name}, ""
  begin = time.perf_counter()
  with tempfile.TemporaryDirectory() as dumped:
    try:
      with jax.set_mesh(mesh):
        compiled = lowered.compile({**options, **_dumping(target, dumped)})
    except jax.errors.JaxRuntimeError as error:
      return row | _refused(str(error)), ""
    text = _text(row, compiled, pathlib.Path(dumped))
  memory = compiled.memory_analysis()
  row["minutes"] = (time.perf_counter() - begin) / 60
  row["memory"] = {
    name: getattr(memory, f"{name}_size_in_bytes")
    for name in ("argument", "output", "alias", "temp")
  }
  costs = compiled.cost_analysis() or {}
  row["compiler"] = {
    name: costs[name] for name in ("flops", "bytes accessed") if name in costs
  }
  return row, text


def _dumping(target: Target, folder: str) -> dict[str, Any]:
  """Options that have the compiler of a TPU write down what it makes."""
  if target.devices[0].platform != "tpu":
    return {}
  return {"xla_dump_to": folder, "xla_dump_hlo_as_text": True}


def _text(row: Row, compiled: jax.stages.Compiled, dumped: pathlib.Path) -> str:
  """The compiled program; "" where it cannot be read, which the row says.

  What the compiler of TPUs knows and this jaxlib does not is read where the
  compiler wrote it down.
  """
  try:
    return compiled.as_text() or ""
  except jax.errors.JaxRuntimeError as error:
    for path in dumped.glob(_WRITTEN):
      return path.read_text(encoding="utf-8")
    row["unread"] = str(error).strip().splitlines()[0][:300]
    return ""


def _digest(text: str, target: str, options: Mapping[str, Any]) -> str:
  described = f"{target} {dict(options)} {text}"
  return hashlib.sha256(described.encode()).hexdigest()[:16]


def _refused(message: str) -> Row:
  """What is known of a program that the compiler refuses."""
  found = _ROOM.search(message)
  if not found:
    return {"error": message.strip().splitlines()[0][:300]}
  used, unit, room, of = found.groups()
  return {
    "used": float(used) * _UNITS[unit],
    "room": float(room) * _UNITS[of],
  }


def figures(row: Row, text: str, sheet: DataSheet) -> Row:
  """Memory, traffic, bound and rate of a row; those that can be known.

  Args:
    row: a row of `compile_row`.
    text: the compiled program; "" where there is none.
    sheet: one of its devices.
  """
  found = {
    key: row[key]
    for key in ("commit", "mesh", "devices", "work", "unit")
    if row.get(key)
  }
  if "error" in row:
    return found | {"error": row["error"]}
  devices = row["devices"]
  flops = {kind: count / devices for kind, count in row["flops"].items()}
  found["flops"] = flops
  found["dense_flops"] = row["dense"] / devices
  if "used" in row:  # The compiler names the sum alone.
    over = row["used"] - row["room"]
    return found | {
      "bytes": {"total": row["used"]},
      "fits": False,
      "over": over,
    }
  memory = row["memory"]
  total = (
    memory["argument"] + memory["output"] - memory["alias"] + memory["temp"]
  )
  found["bytes"] = memory | {"total": total}
  found["fits"] = total <= sheet.memory
  found["over"] = max(0.0, total - sheet.memory)
  found["compiler"] = row["compiler"]
  if "unread" in row:
    found["unread"] = row["unread"]
  if not text:
    return found
  module = hlo.parse(text)
  moved = traffic(module, cache=sheet.cache)
  found["traffic"] = {
    "bytes": moved.bytes,
    "beyond": moved.beyond,
    "unknown_loops": moved.unknown,
  }
  found["collectives"] = {
    kind: {"count": moved.counts[kind], "bytes": moved.wire[kind]}
    for kind in sorted(moved.counts)
  }
  found["attention"] = attention(text)
  found["kernels"] = sorted(set(_TARGET.findall(text)))
  if calls := float4_calls(module):
    found["float4_calls"] = calls
  least = roofline.bound(
    sheet, flops=flops, memory=moved.beyond, wire=sum(moved.wire.values())
  )
  found["seconds"] = {
    "compute": least.compute,
    "memory": least.memory,
    "link": least.link,
  }
  found["bound"] = least.by
  found["rate"] = row["work"] / least.seconds
  if moved.beyond:
    found["intensity"] = sum(flops.values()) / moved.beyond
  return found


def attention(text: str) -> str:
  """The kernel that a compiled program attends with."""
  for mark, name in _KERNELS.items():
    if mark in text:
      return name
  return "plain"


def float4_calls(module: hlo.Module) -> int:
  """The products that a library multiplies with both operands in float4.

  A loop's body counts once.
  """
  return sum(
    each.opcode == "custom-call"
    and [computation[name].arrays[0].type for name in each.operands[:2]]
    == ["f4e2m1fn"] * 2
    for computation in module.computations.values()
    for each in computation.values()
  )


def write(path: pathlib.Path, row: Row, text: str) -> None:
  """Keeps a row and its text beside each other, the row last."""
  if text:
    path.with_suffix(".hlo.gz").write_bytes(gzip.compress(text.encode(), 5))
  path.write_text(json.dumps(row))


def read(path: pathlib.Path) -> tuple[Row, str]:
  """A row of `write`, and its text.

  Raises:
    FileNotFoundError: there is none.
  """
  row = json.loads(path.read_text())
  if "same" in row:
    first, text = read(path.with_name(row["same"]))
    # Where it was compiled, not where it was found to be the same.
    kept = {key: first[key] for key in ("commit",) if key in first}
    return first | row | kept, text
  packed = path.with_suffix(".hlo.gz")
  text = gzip.decompress(packed.read_bytes()) if packed.exists() else b""
  return row, text.decode()
