"""The roofline of each target, with the programs that were compiled for it."""

from collections.abc import Mapping

from gr_jax.evaluation.report import svg
from tools.ahead.data_sheets import SHEETS
from tools.ahead.rows import Row

_GROUPS = {
  "training": ("train", "update"),
  "prefill": ("prefill",),
  "decoding": ("decode", "search", "rollout"),
}


def plot(table: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> str:
  """FLOPs a second at most against FLOPs a byte of memory, as SVG.

  Targets of one kind of device share a panel; programs that the links bound
  lie below the roof.
  """
  points = _points(table)
  with svg.drawing("hardware"):
    figure, panels = svg.panels(len(points), width=9, height=2.9, columns=3)
    for axes, (device, by_group) in zip(panels, points.items()):
      sheet = SHEETS[device]
      peak = sheet.flops["bfloat16"] / 1e12
      grid = [10 ** (n / 10) for n in range(-5, 51)]
      axes.plot(
        grid,
        [min(peak, x * sheet.bandwidth / 1e12) for x in grid],
        color=svg.BASELINE,
      )
      for color, (group, found) in zip(svg.SERIES, by_group.items()):
        axes.plot(
          [x for x, _ in found],
          [y for _, y in found],
          color=color,
          marker="o",
          markersize=4,
          linestyle="none",
          label=group,
        )
      axes.set_xscale("log")
      axes.set_yscale("log")
      axes.set_title(device)
      axes.set_xlabel("FLOP a byte")
      svg.grid(axes, "y")
    panels[0].set_ylabel("TFLOP/s at most")
    panels[0].legend(frameon=False, loc="lower right")
    drawn = svg.to_svg(figure, label=label(table))
  return svg.standing_alone(drawn)


def _points(table) -> dict[str, dict[str, list[tuple[float, float]]]]:
  """Intensity and TFLOP/s by device and group, each program once."""
  found: dict[str, dict[str, set[tuple[float, float]]]] = {}
  for by_kind in table.values():
    for group, kinds in _GROUPS.items():
      for kind in kinds:
        for target, row in by_kind.get(kind, {}).items():
          if "intensity" not in row:
            continue
          device = target.partition(":")[0].removesuffix("x8")
          place = found.setdefault(device, {group: set() for group in _GROUPS})
          speed = sum(row["flops"].values()) / max(row["seconds"].values())
          place[group].add((row["intensity"], speed / 1e12))
  return {
    device: {group: sorted(each) for group, each in by_group.items()}
    for device, by_group in found.items()
  }


def label(table: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> str:
  """What is read aloud in place of the picture."""
  parts = []
  for device, by_group in _points(table).items():
    medians = [
      f"{group} {each[len(each) // 2][0]:.3g}"
      for group, each in by_group.items()
      if each
    ]
    parts.append(f"{device}: {', '.join(medians)}")
  return f"Median FLOPs a byte. {'; '.join(parts)}."
