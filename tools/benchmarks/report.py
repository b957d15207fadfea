"""Measurements as lines for the terminal, and the machine they were made on."""

import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Sequence

from gr_jax import provenance
from gr_jax.evaluation.report.text_table import terminal
from tools.benchmarks.contender import Contender, Section
from tools.benchmarks.rounds import Samples, median, ratio

_SECONDS = ("wall_seconds", "cpu_seconds")
_PEERS = ("torch", "transformers", "scikit-learn", "faiss-cpu")


def section_table(section: Section, samples: Samples, *, metric: str) -> str:
  """A line per contender, with the ratio to the first of the same batch."""
  heads = ["contender", "dtype", "batch", "wall s", "CPU s"]
  heads += [f"{section.items} / s", "ratio", "figures"]
  lines, first = [], {}
  for contender in section.contenders:
    label = contender.label
    if label not in samples:
      continue
    ours = first.setdefault(contender.batch, label)
    seconds = median(samples, label, metric)
    lines.append(
      [
        contender.name,
        contender.dtype,
        "" if contender.batch is None else str(contender.batch),
        *(_spread(samples, label, name) for name in _SECONDS),
        f"{contender.items / seconds:,.0f}",
        f"{ratio(samples, ours, label, metric=metric):.2f}",
        _figures(contender, samples),
      ]
    )
  title = f"\n{section.name}: {section.title}; seconds per {section.unit}"
  return f"{title}\n{terminal([heads, *lines])}"


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
  """The model of the CPU, the cores there are and those in use."""
  return {
    "cpu": _cpu_model(),
    "cores_available": len(os.sched_getaffinity(0)),
    "cores_used": cores,
    "platform": platform.platform(),
    "load": os.getloadavg()[0],
  }


def _cpu_model() -> str:
  path = pathlib.Path("/proc/cpuinfo")
  if path.exists():
    fields = dict(
      map(str.strip, line.split(":", 1))
      for line in path.read_text().splitlines()
      if ":" in line
    )
    names = ("model name", "cpu family", "model")
    return ", ".join(f"{n} {fields[n]}" for n in names if n in fields)
  return platform.processor()


def versions() -> dict[str, str]:
  """Versions of the library's packages and of the peers that are installed."""
  found = provenance.versions()
  for name in _PEERS:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found
