"""The EG-GRPO study as Markdown: a page that says what came out."""

from collections.abc import Mapping

from experiments.studies.alignment_arms import (
  ARMS,
  COMPARED,
)
from experiments.studies.alignment_hits import FIGURES
from experiments.studies.claim_table import made_by, markdown
from gr_jax.evaluation.results import select

_METHOD = """\
One table of CQ-SID IDs per world and one generator per seed ({seeds}); all arms
of a seed start from that generator and take {steps} steps of {batch} training
requests with groups of {group}. Rewards are the paper's: 1 for an ID with an
item that was ordered or clicked, 0.5 for one that was shown, 0.1 for any other.
"No KL" leaves out the divergence from the start, which has weight 1 elsewhere.
*SFT, as many further steps* goes on with the next-code loss of the clicks of as
many requests, with the same schedule. Learning rates were chosen on requests of
the validation period: {rates}.

Asked are requests of the test period as they were logged. A click is hit where
one of the first (ten) IDs of a beam of ten names a clicked item, an exposure
where one of the ten names an item of the page; in percent of the requests.
Behind each figure the difference per request and in brackets its 95 % interval
(bootstrap over users, seeds pooled), then how many seeds agree with its sign;
bold where the interval leaves out 0."""


def page(study: Mapping) -> str:
  """The whole page of what `eg_grpo_claim.run` found."""
  count, section = len(study["seeds"]), study["config"]["align"]
  method = _METHOD.format(
    seeds=f"{count} seed{'s' * (count > 1)}",
    steps=section["loop"]["steps"],
    batch=section["prompts"]["batch_size"],
    group=section["group_size"],
    rates=_rates(section["rates"]),
  )
  blocks = ["# What experts do for alignment", method]
  for name, world in study["worlds"].items():
    blocks += [
      f"## {name.replace('_', ' ')}",
      f"{world['items']:,} items, {world['ids']:,} IDs, {world['requests']:,} "
      f"requests of {world['users']:,} users; seeds: "
      f"{world['hits'][0]['seeds']}.",
      *_hit_blocks(world),
      "While aligning, means over the seeds; reward and KL of the first and "
      "the last row of the log:",
      run_table(world),
    ]
  return "\n\n".join([*blocks, made_by(study["origin"])]) + "\n"


def _rates(rates: Mapping[str, float]) -> str:
  own = [
    f"{ARMS[arm].label} {rate:g}"
    for arm, rate in rates.items()
    if arm != "others"
  ]
  return ", ".join([*own, f"all others {rates['others']:g}"])


def _hit_blocks(world: Mapping) -> list[str]:
  """What each arm hits, and how far it is from what it is compared with."""
  blocks = []
  for against in filter(world["arms"].__contains__, COMPARED):
    blocks += [
      f"Difference to {ARMS[against].label}:",
      hit_table(world, against=against),
    ]
  return blocks


def hit_table(world: Mapping, *, against: str) -> str:
  """Hit rates of all arms and their differences to one."""
  lines = []
  for arm in world["arms"]:
    rows = select(world["hits"], arm=arm, against=against)
    by_figure = {row["figure"]: row for row in rows}
    lines.append(
      [ARMS[arm].label, *[_cell(by_figure[name]) for name in FIGURES]]
    )
  return markdown(["arm", *FIGURES], lines)


def _cell(row: Mapping) -> str:
  value = f"{100 * row['value']:.1f}"
  if row["arm"] == row["against"]:
    return value
  difference, low, high = (
    f"{100 * row[name]:+.2f}" for name in ("difference", "low", "high")
  )
  if row["low"] > 0 or row["high"] < 0:
    difference = f"**{difference}**"
  agreeing = f"{row['agreeing']:.0f}/{row['seeds']}"
  return f"{value} {difference} [{low}, {high}] {agreeing}"


def run_table(world: Mapping) -> str:
  """How the alignments themselves went."""
  head = ["arm", "groups with equal rewards", "reward", "KL a token"]
  lines = [
    [
      ARMS[row["arm"]].label,
      f"{100 * row['equal_groups']:.1f} %",
      f"{row['reward_first']:.3f} to {row['reward_last']:.3f}",
      f"{row['kl_last']:.4f}" if "kl_last" in row else "-",
    ]
    for row in world["runs"]
    # The control has one sample a group, which is no comparison.
    if row["arm"] != "sft_longer"
  ]
  return markdown(head, lines)
