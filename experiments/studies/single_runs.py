"""Claims that single runs decide, from the table that was kept of each.

A run has one seed; its differences are paired by request and their intervals
draw users.
"""

import pathlib

from experiments.studies.claims import (
  ABOVE,
  Bar,
  Claim,
  at_least,
  table,
  value,
)
from experiments.studies.record import Record, load_record
from experiments.studies.run_record import HEADLINE, SINGLE_RUN

_COMMAND = "python -m gr_jax.main --config=configs/"


def load_run(folder: pathlib.Path) -> Record:
  """The record in `table.json`; one without rows where there is no file."""
  path = folder / "table.json"
  if path.exists():
    return load_record(path)
  name = folder.name
  return Record(
    study=SINGLE_RUN,
    labels={},
    worlds={name: {"variants": [], "seeds": [0]}},
    rows=[],
    origin={
      "command": _COMMAND + COMMANDS.get(name, f"{name}.py"),
      "commit": "",
      "machine": "",
    },
    config={},
  )


def of_run(record: Record) -> tuple[Claim, ...]:
  """The claims on a run; those on its baselines name all that it has."""
  (name,) = record.worlds
  return CLAIMS.get(name, ()) + above_baselines(record)


def above_baselines(record: Record) -> tuple[Claim, ...]:
  """Recall@10 of the model is above that of every baseline of its table."""
  ((name, facts),) = record.worlds.items()
  system = SYSTEMS.get(name)
  if system is None:
    return ()
  unseen = "unseen/" if facts.get("seen") == "out" else ""
  return table(system, "", [
    (f"{kind.replace('_', ' ')} requests: above {other}", "",
     f"{kind}/{unseen}{HEADLINE}", facts["model"], other, ABOVE)
    for kind in facts.get("requests", ())
    for other in facts["variants"]
    if other != facts["model"]
    and record.find(name, f"{kind}/{unseen}{HEADLINE}", other)
  ])  # fmt: skip


# Runs that are no config of their own.
COMMANDS = {
  "hstu": "hstu.py --config.data.path=DIR",
  "amazon_beauty_no_transitions": "amazon_beauty.py "
  "--config.generator.transitions.neighbours=0",
}
# The runs whose model is compared with all of its baselines.
SYSTEMS = {
  "cq_sid": "CQ-SID",
  "amazon_beauty": "TIGER",
  "amazon_beauty_no_transitions": "TIGER",
  "hstu": "HSTU",
}
_BEAUTY = ("next_basket/unseen/recall@10", "amazon_beauty", "")

# By folder of `experiments/results`.
CLAIMS = {
  "amazon_beauty": table("TIGER", "arXiv 2305.05065, table 1", [
    ("Beauty, leave one out: a single generator reaches TIGER",
     "recall@10 .0648", *_BEAUTY, at_least(0.0648), value),
    ("Beauty, leave one out: a single generator reaches 0.070", "",
     *_BEAUTY, at_least(0.07), value),
    ("Beauty, leave one out: a single generator reaches 0.080", "",
     *_BEAUTY, at_least(0.08), value),
  ]),
  "amazon_beauty_no_transitions": table("TIGER", "arXiv 2305.05065, table 1", [
    ("Beauty, without counts of transitions: a single generator reaches TIGER",
     "recall@10 .0648", *_BEAUTY, at_least(0.0648), value),
  ]),
  "hstu": table("HSTU", "arXiv 2402.17152 and its code", [
    (f"MovieLens-1M, leave one out: {text}", published,
     f"next_basket/unseen/{metric}@10", arm, "", at_least(bar), value)
    for text, published, metric, arm, bar in (
      ("HR@10 of 0.30", "HR@10 .3097", "recall", "hstu", 0.30),
      ("HR@10 as published", "HR@10 .3097", "recall", "hstu", 0.3097),
      ("NDCG@10 of 0.165", "NDCG@10 .1720", "ndcg", "hstu", 0.165),
      ("NDCG@10 as published", "NDCG@10 .1720", "ndcg", "hstu", 0.172),
      ("HR@10 of the larger sizes", "HR@10 .3294", "recall", "hstu", 0.3294),
      ("SASRec's HR@10", "HR@10 .2853", "recall", "sasrec", 0.2853),
    )
  ]),
  "scifact": table("BM25", "", [
    ("SciFact: nDCG@10 within 0.01 of the published 0.660", "",
     "semantic/graded_ndcg@10", "bm25", "",
     Bar("0.650 to 0.670", lambda x, low, high: abs(x - 0.66) <= 0.01), value),
  ]) + tuple(
    Claim(system, "SciFact: above BM25", "[OURS]", "",
          "semantic/graded_ndcg@10", system.lower(), "bm25")
    for system in ("DPR", "TIGER", "DSI", "NCI")
  ),
} | {
  folder: table(system, "", [
    (f"the whole recipe raises recall@10, {kind}", "", f"{kind}/recall@10",
     folder, "before_alignment")
    for kind in ("personalised", "next_basket")
  ])
  for folder, system in (("eg_grpo", "EG-GRPO"), ("genrec", "GenRec"))
}  # fmt: skip
