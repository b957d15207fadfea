"""Measurements summed up, for the terminal and for a file."""

import importlib.metadata
import os
import pathlib
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence

from gr_jax import provenance
from gr_jax.evaluation.report.text_table import terminal
from tools.benchmarks.contender import Contender, Section
from tools.benchmarks.rounds import Samples

_SECONDS = ("wall_seconds", "cpu_seconds")
_PEERS = ("torch", "transformers", "scikit-learn", "faiss-cpu")


def median(samples: Samples, label: str, metric: str) -> float:
  return statistics.median(sample[metric] for sample in samples[label])


def ratio(samples: Samples, ours: str, peer: str, *, metric: str) -> float:
  """`seconds(peer) / seconds(ours)`, of medians: above 1 we are faster."""
  return median(samples, peer, metric) / median(samples, ours, metric)


def rows(section: Section, samples: Samples) -> Iterator[dict]:
  """One row a figure: median, lowest and highest of the rounds."""
  for contender in section.contenders:
    found = samples.get(contender.label, [])
    for metric in found[0] if found else ():
      values = [sample[metric] for sample in found]
      yield {
        "section": section.name,
        "contender": contender.name,
        "dtype": contender.dtype,
        "batch": contender.batch,
        "metric": metric,
        "unit": section.unit,
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "rounds": len(values),
      }


def medians(rows: Sequence[Mapping]) -> dict[str, dict[str, dict]]:
  """The medians of all metrics by section and by label of the contender."""
  found = {}
  for row in rows:
    parts = (row["contender"], row["dtype"], str(row["batch"] or ""))
    label = " ".join(filter(None, parts))
    section = found.setdefault(row["section"], {})
    section.setdefault(label, {})[row["metric"]] = row["median"]
  return found


def verdicts(section: Section, samples: Samples, *, metric: str) -> list[dict]:
  """Bars and limits whose contenders ran: what came out, and whether met."""
  found = []

  def judge(claim: str, metric: str, value: float, met: bool) -> None:
    found.append(
      {
        "section": section.name,
        "claim": claim,
        "metric": metric,
        "value": value,
        "met": met,
      }
    )

  for bar in section.bars:
    if not {bar.ours, bar.peer} <= samples.keys():
      continue
    value = ratio(samples, bar.ours, bar.peer, metric=metric)
    claim = f"{bar.ours} >= {bar.minimum:g}x {bar.peer}"
    met = value >= bar.minimum
    if bar.error is not None:
      # Of ours over the peer's, the other way round than the seconds.
      error = ratio(samples, bar.peer, bar.ours, metric="error")
      claim += f" at {bar.error:g}x its error or less ({error:.4f}x)"
      met = met and error <= bar.error
    judge(claim, metric, value, met)
  for limit in section.limits:
    if limit.ours in samples:
      value = median(samples, limit.ours, limit.metric)
      claim = f"{limit.ours}: {limit.metric} <= {limit.maximum:g}"
      judge(claim, limit.metric, value, value <= limit.maximum)
  return found


def section_table(section: Section, samples: Samples, *, metric: str) -> str:
  """A line per contender, with the ratio to the first of the same batch."""
  heads = ["contender", "dtype", "batch", "wall s", "CPU s"]
  lines = [[*heads, f"{section.items} / s", "ratio", "figures"]]
  first: dict[int | None, str] = {}
  for contender in section.contenders:
    label = contender.label
    if label not in samples:
      continue
    ours = first.setdefault(contender.batch, label)
    lines.append(
      [
        contender.name,
        contender.dtype,
        str(contender.batch or ""),
        *(_spread(samples, label, name) for name in _SECONDS),
        f"{contender.items / median(samples, label, metric):,.0f}",
        f"{ratio(samples, ours, label, metric=metric):.2f}",
        _figures(contender, samples),
      ]
    )
  title = f"\n{section.name}: {section.title}; seconds per {section.unit}"
  return f"{title}\n{terminal(lines)}"


def verdict_lines(verdicts: Sequence[dict]) -> str:
  """A line per bar: the claim, and the value that came out."""
  return "\n".join(
    f"{'met   ' if v['met'] else 'MISSED'}  {v['claim']}: {v['value']:.3g}"
    for v in verdicts
  )


def _spread(samples: Samples, label: str, metric: str) -> str:
  values = [sample[metric] for sample in samples[label]]
  middle = median(samples, label, metric)
  return f"{middle:.4g} [{min(values):.4g}-{max(values):.4g}]"


def _figures(contender: Contender, samples: Samples) -> str:
  names = [n for n in samples[contender.label][0] if n not in _SECONDS]
  return ", ".join(
    f"{name} {median(samples, contender.label, name):.5g}" for name in names
  )


def machine(*, cores: int) -> dict:
  """The model and flags of the CPU, the cores there are and those in use."""
  return {
    "cpu": _cpu_model(),
    "cpu_flags": _cpu_flags(),
    "cores_available": len(os.sched_getaffinity(0)),
    "cores_used": cores,
    "platform": platform.platform(),
    "load": os.getloadavg()[0],
  }


def machine_line(machine: Mapping) -> str:
  """The CPU and what it can multiply with, for the terminal."""
  flags = " ".join(machine["cpu_flags"])
  return f"CPU: {machine['cpu']}; {flags or 'no flags that are looked for'}"


def _cpu_fields() -> dict[str, str]:
  path = pathlib.Path("/proc/cpuinfo")
  if not path.exists():
    return {}
  lines = [x for x in path.read_text().splitlines() if ":" in x]
  return dict(map(str.strip, line.split(":", 1)) for line in lines)


def _cpu_model() -> str:
  fields = _cpu_fields()
  names = ("model name", "cpu family", "model")
  found = ", ".join(f"{n} {fields[n]}" for n in names if n in fields)
  return found or platform.processor()


def _cpu_flags() -> list[str]:
  """Those flags that decide how fast matrix products are."""
  flags = _cpu_fields().get("flags", "").split()
  wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
  return [flag for flag in wanted if flag in flags]


def versions() -> dict[str, str]:
  """Versions of the library's packages and of the peers that are installed."""
  found = provenance.versions()
  for name in _PEERS:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found
