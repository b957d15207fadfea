"""Which claims of the papers hold here: makes experiments/results/README.md.

  python tools/claims.py

reads the `claims.json` of every folder beside it. `--rebuild` decides them anew
from the tables that are stored there; no artefact is needed.
"""

import argparse
import pathlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from experiments.studies import claims, single_runs
from experiments.studies.run_record import SINGLE_RUN
from experiments.studies.study import load_study
from gr_jax.atomic import write_text
from gr_jax.evaluation.report.text_table import markdown

RESULTS = pathlib.Path(__file__).parents[1] / "experiments/results"
# The names that the papers use, in the order of the page.
SYSTEMS = (
  "CQ-SID", "EG-GRPO", "TIGER", "RQ-KMeans", "SA2CRQ", "DSI", "NCI", "DPR",
  "BM25", "GenRec", "never-lose", "scale", "NVFP4", "Sol-RL", "GR4AD", "HSTU",
  "ULTRA-HSTU", "GEMs", "SMES", "MaRI", "ContextRL", "UniRef", "SCoT", "Kelix",
  "S2SServiceBench",
)  # fmt: skip
VERDICTS = ("met", "missed", "open")

_HEAD = """\
# Which of the papers' claims hold here

A claim is a sentence of a paper, or a bar of ours ([OURS]), and the figure that
decides it: in brackets its 95 % interval, `n` requests, seeds. *met* and
*missed* follow from the figure and the bar alone; *open* has no stored figure
yet. Figures are shares (0.05 is five points of a hit rate) or counts, as the
metric says; a difference to the baseline has a sign, *relative* is a share of
the baseline's own figure, *ratio* is over it. Data and sizes are not those of
the papers: their figures stand beside ours for the direction.

Intervals and `q` of a study draw users and seeds. `q` is the false discovery
rate at which a figure would be called different from its baseline's, among all
comparisons of its study: a difference that is *met* with a `q` above 0.05 may
be chance. Without a `q` are figures that stand alone, those of one seed, and
studies whose intervals hold the seeds fixed, as their pages say.

Made by `python tools/claims.py` from the `claims.json` of every folder here,
where command, commit and machine stand as well. How speed was measured:
[performance](performance.md); hardware that was compiled for:
[hardware](hardware/README.md)."""


def decide(folder: pathlib.Path) -> list[dict] | None:
  """The claims of a folder from its tables; None where there are none."""
  if folder.name in single_runs.CLAIMS or (folder / "table.json").exists():
    record = single_runs.load_run(folder)
    if record.study == SINGLE_RUN:
      found = single_runs.of_run(record)
      return claims.decide(found, record) if found else None
    return claims.decide(load_study(record.study).claims, record)
  return None


def rebuild(results: pathlib.Path) -> None:
  """Writes the `claims.json` of every folder."""
  names = {path.name for path in results.iterdir() if path.is_dir()}
  for name in sorted(names | set(single_runs.CLAIMS)):
    found = decide(results / name)
    if found is not None:
      (results / name).mkdir(exist_ok=True)
      write_text(results / name / "claims.json", claims.to_json(found))


def page(results: pathlib.Path) -> str:
  """One table per system, and one of all verdicts.

  Raises:
    ValueError: A claim of a system that is not in `SYSTEMS`.
  """
  found = [
    claim | {"folder": path.parent.name}
    for path in sorted(results.glob("*/claims.json"))
    for claim in claims.load_claims(path)
  ]
  unknown = {claim["system"] for claim in found} - set(SYSTEMS)
  if unknown:
    names = ", ".join(sorted(unknown))
    raise ValueError(f"claims of {names}; systems are {', '.join(SYSTEMS)}.")
  counts, blocks = [["system", *VERDICTS]], []
  for system in SYSTEMS:
    rows = [claim for claim in found if claim["system"] == system]
    if rows:
      seen = Counter(claim["verdict"] for claim in rows)
      counts.append([system, *[str(seen[verdict]) for verdict in VERDICTS]])
      blocks += [f"## {system}", _table(rows, results)]
  return "\n\n".join([_HEAD, markdown(counts), *blocks]) + "\n"


def _table(rows: Sequence[Mapping], results: pathlib.Path) -> str:
  head = [
    "claim", "paper", "world", "ours", "q", "bar", "n", "seeds", "verdict",
    "",
  ]  # fmt: skip
  lines = [
    [
      row["claim"],
      row["paper"] or ("[OURS]" if row["source"] == "[OURS]" else "-"),
      row["world"].replace("_", " "),
      _figure(row),
      "-" if row["q"] is None else f"{row['q']:.2g}",
      row["bar"],
      f"{row['n']:,}" if row["n"] else "-",
      f"{row['seeds']}" if row["seeds"] else "-",
      row["verdict"] if row["verdict"] == "met" else f"**{row['verdict']}**",
      _link(row["folder"], results),
    ]
    for row in rows
  ]
  return markdown([head, *lines])


def _figure(row: Mapping) -> str:
  """`+0.216 [+0.192, +0.242]`, or without signs where it stands alone."""
  if row["value"] is None:
    return "-"
  _, _, how = row["metric"].partition(", ")
  alone = not row["baseline"] or how == "ratio" or "equal_beam" in row["metric"]
  digits = 0 if abs(row["value"]) >= 10 else 4
  middle, *ends = (
    "" if x is None else f"{x:{'' if alone else '+'}.{digits}f}"
    for x in (row["value"], row["low"], row["high"])
  )
  interval = f" [{', '.join(ends)}]" if all(ends) else ""
  return f"{middle}{interval} {how}".rstrip()


def _link(folder: str, results: pathlib.Path) -> str:
  for name in ("README.md", "table.md"):
    if (results / folder / name).exists():
      return f"[{folder}]({folder}/{name})"
  return folder


def main(arguments: Sequence[str]) -> None:
  parser = argparse.ArgumentParser(
    "python tools/claims.py",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument("--rebuild", action="store_true", help="see above")
  if parser.parse_args(arguments).rebuild:
    rebuild(RESULTS)
  write_text(RESULTS / "README.md", page(RESULTS))
  print(f"written: {RESULTS / 'README.md'}")


if __name__ == "__main__":
  main(sys.argv[1:])
