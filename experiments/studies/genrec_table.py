"""The GenRec study as Markdown: a page that says what came out."""

from collections.abc import Mapping, Sequence

from experiments.studies.claim_table import made_by, markdown
from experiments.studies.genrec_arms import ARMS
from experiments.studies.genrec_figures import HITS, INVALID, REWARDS
from experiments.studies.genrec_policies import POLICIES
from gr_jax.evaluation.results import select

_METHOD = """\
All generators of a seed read the same residual k-means IDs (three codes; items
of equal codes share one) and were trained with {seeds}. A hit is an ID that
names a clicked item among the first 1, 10 or 50 of a beam of 50 inside the
catalogue; hallucination is the share of a free beam of {unconstrained_beam}
that names nothing; both in percent, on requests of the test period with a
history, half of them at most with a query. Answers are single items for all
arms. In brackets the 95 % interval of the difference per request (bootstrap
over users, seeds pooled), then how many seeds agree with its sign; bold where
the interval leaves out 0.

**Equal tokens** are positions that are not padding, of prompts and of what
follows them. A prompt is shared by all targets that follow it: the point-wise
arm does not read it once an item, as the paper's baseline does, and is stronger
for it.

**The blind spot** of part (c): the preference model gives {score} to every item
of the least bought category that holds {share:.0%} of the items at least. The
learned reward is that model's, the true one the made-up shop's own probability
of a click, both of the first ten answers.

The paper (other data, 1.5B parameters): hit rate@1 .0947 to .1189, @10 .3669 to
.4456 and hallucination 7.80 % to 4.96 % for pages; no loss from merging at half
the prompt; hit rate@50 .7192 (before), .7248 (GRPO), .7438 (GRPO-SR), .6975
(without gate)."""


def label(arm: str) -> str:
  """For people."""
  if arm in POLICIES:
    return POLICIES[arm].label
  return ARMS[arm].label


def page(study: Mapping) -> str:
  """The whole page of what `genrec_claim.run` found."""
  count, config = len(study["seeds"]), study["config"]
  method = _METHOD.format(
    seeds=f"{count} seed{'s' * (count > 1)}",
    unconstrained_beam=config["evaluation"]["unconstrained_beam"],
    **config["blind_spot"],
  )
  blocks = ["# What pages, merged tokens and GRPO-SR bring", method]
  for name, world in study["worlds"].items():
    blocks += [
      f"## {name.replace('_', ' ')}",
      f"{world['items']:,} items, {world['requests']:,} requests of "
      f"{world['users']:,} users; codes per level: "
      f"{', '.join(map(str, world['levels']))}; seeds: "
      f"{world['rows'][0]['seeds']}.",
      "(a) Pages",
      budget_table(world),
      difference_table(
        world, [(a, "point_wise") for a in world["arms"]], [*HITS, INVALID]
      ),
    ]
    if world["prefill"]:
      blocks += [
        "(b) Merged tokens",
        prefill_table(world),
        difference_table(
          world, [("page_wise", "page_wise_tokens")], [*HITS, INVALID]
        ),
      ]
    if world["policies"]:
      told = ", ".join(f"{k} {v:.3f}" for k, v in world["judge"].items())
      pairs = [(p, "page_wise") for p in world["policies"]]
      pairs += [("grpo_sr", "grpo"), ("without_gate", "grpo_sr")]
      blocks += [
        "(c) Alignment of the page-wise generator",
        f"The preference model, before its blind spot, on the validation "
        f"period: {told}.",
        difference_table(world, pairs, [*HITS, INVALID, *REWARDS]),
      ]
  return "\n\n".join([*blocks, made_by(study["origin"])]) + "\n"


def budget_table(world: Mapping) -> str:
  """Steps and tokens of every arm."""
  head = ["arm", "steps", "million tokens"]
  lines = [
    [label(arm), f"{used['steps']:,}", f"{used['tokens'] / 1e6:.2f}"]
    for arm, used in world["budget"].items()
  ]
  return markdown(head, lines)


def prefill_table(world: Mapping) -> str:
  """Positions and seconds of a batch of prompts."""
  head = ["arm", "positions of a full prompt", "ms a batch", "of not merged"]
  whole = world["prefill"].get("page_wise_tokens", {}).get("seconds")
  lines = [
    [
      label(arm),
      f"{row['positions']}",
      f"{1e3 * row['seconds']:.1f}",
      f"{row['seconds'] / whole:.2f}" if whole else "-",
    ]
    for arm, row in world["prefill"].items()
  ]
  return markdown(head, lines)


def difference_table(
  world: Mapping, pairs: Sequence[tuple[str, str]], metrics: Sequence[str]
) -> str:
  """A line per arm; the baseline's own line has no differences."""
  head = ["arm", "against", *[name.replace("_", " ") for name in metrics]]
  lines = []
  for arm, baseline in pairs:
    rows = select(world["rows"], arm=arm, baseline=baseline)
    found = {row["metric"]: row for row in rows}
    cells = [_cell(found[m]) if m in found else "-" for m in metrics]
    against = "-" if arm == baseline else label(baseline)
    if rows:
      lines.append([label(arm), against, *cells])
  return markdown(head, lines)


def _cell(row: Mapping) -> str:
  value = f"{100 * row['value']:.1f}"
  if row["arm"] == row["baseline"]:
    return value
  difference, low, high = (
    f"{100 * row[name]:+.1f}" for name in ("difference", "low", "high")
  )
  if row["low"] > 0 or row["high"] < 0:
    difference = f"**{difference}**"
  agreeing = f"{row['agreeing']:.0f}/{row['seeds']}"
  return f"{value} {difference} [{low}, {high}] {agreeing}"
