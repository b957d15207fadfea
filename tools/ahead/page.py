"""The table as a page, and its lines in a terminal."""

from collections.abc import Mapping
from typing import Any

from gr_jax.evaluation.report.text_table import markdown
from tools.ahead import coverage
from tools.ahead.data_sheets import GIB
from tools.ahead.deployed import MEASURED
from tools.ahead.deployed import NAME as DEPLOYED
from tools.ahead.rows import Row

_HEAD = (
  "program", "target", "mesh", "GiB: arguments + temporaries + output", "fits",
  "TFLOP", "compiler's", "GB moved", "FLOP/B", "sent", "least ms", "by",
  "at most",
)  # fmt: skip
_INTRO = """\
# Compiled ahead of time

The preset `paper` of every recipe, compiled for devices that are not here. Made
by `python tools/compile_ahead.py --all`; the [page](README.md) says what the
columns mean. All figures are of one device; a rate is of all of them."""
_COVERAGE = """\
## What is there

`all` programs of a recipe have a row, or those that are named; `-` is for none
yet. `NO` names programs that do not fit one of the target's devices, `failed`
those that no compiler took. Recipes without a section `align` have no rollout
and no update."""
NOT_MEASURED = "not yet measured"
_DEPLOYED = """\
## The deployment of SA2CRQ

What the roofline leaves a decoder of 1.7B parameters with a prompt of 256
positions and 4 codes (`tools/ahead/deployment.py`); analytic. *Alone* is one
request at a time; a batch is the largest whose time leaves half of 50 ms to
wait for it."""
_PRODUCTS = """\
Compiled: the searches with parameters in bfloat16, and the products of all
blocks in few bits, for a prompt and for the beams of a step. Kernels are those
of libraries that XLA calls."""
_MEASURED = """\
Predicted beside measured (`tools/check_device.py`)."""


def head() -> str:
  """The head of the lines of a terminal."""
  return " | ".join(_HEAD)


def line(config: str, kind: str, target: str, row: Row) -> str:
  """A row as a line of a terminal."""
  return " | ".join(cells(f"{config} {kind}", target, row))


def page(record: Mapping[str, Any]) -> str:
  """All rows, a section a recipe, and the deployment.

  Args:
    record: a record of `record.py`.
  """
  blocks = [_INTRO]
  if programs := record.get("programs"):
    blocks += [_COVERAGE, coverage.coverage(record["rows"], programs)]
    blocks += [coverage.said(coverage.commits(record["rows"]))]
  deployed = record["rows"].get(DEPLOYED, {})
  for config, by_kind in record["rows"].items():
    if config != DEPLOYED:
      blocks += [f"## {config}", rows(by_kind)]
  blocks += [_DEPLOYED, _deployment(record["deployment"])]
  if deployed:
    blocks += [_PRODUCTS, _compiled(deployed)]
    blocks += [_MEASURED, _measured(deployed, record["measured"])]
  return "\n\n".join(blocks) + "\n"


def rows(by_kind: Mapping[str, Mapping[str, Row]]) -> str:
  """The rows of a recipe."""
  lines = [
    cells(kind, target, row)
    for kind, by_target in by_kind.items()
    for target, row in by_target.items()
  ]
  return markdown([_HEAD, *lines])


def _deployment(found: Mapping[str, Any]) -> str:
  head = [
    "card", "format", "beam", "GB of weights", "prefill ms", "steps ms",
    "alone ms", "QPS alone", "batch", "QPS at most",
  ]  # fmt: skip
  return markdown(
    [
      head,
      *(
        [
          target,
          name,
          beam,
          f"{row['weights'] / 1e9:.2f}",
          *(f"{1e3 * row[key]:.2f}" for key in ("prefill", "steps", "seconds")),
          f"{row['qps_alone']:.0f}",
          f"{row['batch']}",
          f"{row['qps']:.0f}",
        ]
        for target, by_format in found.items()
        for name, by_beam in by_format.items()
        for beam, row in by_beam.items()
      ),
    ]
  )


def _compiled(deployed: Mapping[str, Mapping[str, Row]]) -> str:
  head = [*_HEAD[:5], "TFLOP", "GB moved", "least ms", "by", "kernels"]
  lines = []
  for kind, by_target in deployed.items():
    for target, row in by_target.items():
      line = cells(kind, target, row)
      kernels = ", ".join(row.get("kernels", ())).replace("$", " ")
      lines.append([*line[:6], line[7], *line[10:12], kernels or "-"])
  return markdown([head, *lines])


def _measured(
  deployed: Mapping[str, Mapping[str, Row]], measured: Mapping[str, Any]
) -> str:
  """The programs that `tools/check_device.py` runs under the same names."""
  lines = [
    ["program", "target", "GiB", "measured", "least ms", "measured", "ratio"]
  ]
  for kind, by_target in deployed.items():
    for target, row in by_target.items():
      if kind in MEASURED and "seconds" in row:
        one = measured.get(target, {}).get(kind)
        least = max(row["seconds"].values())
        line = [kind, target, f"{row['bytes']['total'] / GIB:.2f}"]
        line += [f"{one['bytes'] / GIB:.2f}" if one else NOT_MEASURED]
        line += [f"{1e3 * least:.2f}"]
        line += [f"{1e3 * one['seconds']:.2f}" if one else NOT_MEASURED]
        lines.append([*line, f"{one['seconds'] / least:.2f}" if one else "-"])
  return markdown(lines)


def cells(name: str, target: str, row: Row) -> list[str]:
  """The cells of a row; "-" for what is not known."""
  found = [name, target, mesh(row), _memory(row), _fits(row)]
  if "error" in row:
    return found + ["-"] * (len(_HEAD) - len(found))
  compiler = row.get("compiler", {})
  found += [
    f"{sum(row['flops'].values()) / 1e12:.3g}",
    f"{compiler['flops'] / 1e12:.3g}" if "flops" in compiler else "-",
  ]
  if "seconds" not in row:
    return found + ["-"] * (len(_HEAD) - len(found))
  return [
    *found,
    f"{row['traffic']['bytes'] / 1e9:.3g}",
    f"{row['intensity']:.0f}" if "intensity" in row else "-",
    sent(row),
    f"{1e3 * max(row['seconds'].values()):.3g}",
    row["bound"],
    f"{_round(row['rate'])} {row['unit']}/s",
  ]


def mesh(row: Row) -> str:
  """`data 4 x fsdp 2`; "-" where it is not known."""
  axes = row.get("mesh", {})
  return " x ".join(f"{axis} {size}" for axis, size in axes.items()) or "-"


def sent(row: Row) -> str:
  """Collectives of a row: number and MB by kind."""
  return (
    "; ".join(
      f"{each['count']} {kind} {each['bytes'] / 1e6:.3g} MB"
      for kind, each in row["collectives"].items()
    )
    or "-"
  )


def _memory(row: Row) -> str:
  found = row.get("bytes", {})
  if "temp" not in found:
    return f"{found['total'] / GIB:.1f}" if found else "-"
  output = found["output"] - found["alias"]
  parts = (found["argument"], found["temp"], output)
  return (
    " + ".join(f"{part / GIB:.1f}" for part in parts)
    + f" = {found['total'] / GIB:.1f}"
  )


def _fits(row: Row) -> str:
  if "error" in row:
    return row["error"]
  if row["fits"]:
    return "yes"
  return f"NO, by {row['over'] / GIB:.1f} GiB"


def _round(rate: float) -> str:
  return f"{float(f'{rate:.3g}'):,.0f}" if rate >= 10 else f"{rate:.3g}"
