"""Measurements as lines for the terminal."""

from collections.abc import Sequence

from tools.benchmarks.contender import Contender, Section
from tools.benchmarks.rounds import Samples, median, ratio

_SECONDS = ("wall_seconds", "cpu_seconds")


def section_table(section: Section, samples: Samples, *, metric: str) -> str:
  """A line per contender; ratios are to the first of the same batch."""
  heads = ["contender", "dtype", "batch", "wall s", "CPU s"]
  heads += [f"{section.item}s / s", "ratio", "figures"]
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
  return "\n".join([title, *_aligned([heads, *lines])])


def verdict_lines(verdicts: Sequence[dict]) -> str:
  """A line per bar: what it asks, what came out."""
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


def _aligned(cells: list[list[str]]) -> list[str]:
  widths = [max(map(len, column)) for column in zip(*cells)]
  return [
    "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    for row in cells
  ]
