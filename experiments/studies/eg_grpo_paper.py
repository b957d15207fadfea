"""What the paper of EG-GRPO claims (arXiv 2605.14434), and our bars."""

from experiments.studies.claims import BELOW, Claim

METRICS = ("click@1", "click@10", "exposure@10")
SFT = "sft"

METHOD = """\
One table of CQ-SID IDs per world and one generator per seed; all arms of a seed
start from that generator and take {steps} steps of {batch} training requests
with groups of {group}. Rewards are the paper's: 1 for an ID with an item that
was ordered or clicked, 0.5 for one that was shown, 0.1 for any other. "No KL"
leaves out the divergence from the start, which has weight 1 elsewhere. Experts
take the place of samples in the group; *appended* ones join it. *SFT, as many
further steps* goes on with the next-code loss of the clicks of as many
requests, with the same schedule. Learning rates were chosen on requests of the
validation period: {rates}.

Measured on requests of the test period as they were logged. A click is hit
where one of the first (ten) IDs of a beam of ten names a clicked item, an
exposure where one of the ten names an item of the page; in percent of the
requests."""

_SOURCE = "arXiv 2605.14434, section 4, EG-GRPO"
_SHOP = ("shop_world",)
_PAPER = {
  ("k2", SFT): (".1510 to .1524", ".5206 to .5221", ".8693 to .8703"),
  ("k2", "k0"): (".1519 to .1524", ".5196 to .5221", ".8702 to .8703"),
  ("k4", SFT): (".1510 to .1523", ".5206 to .5219", ".8693 to .8711"),
}


def _gains(text: str, arm: str, baseline: str, worlds=()) -> list[Claim]:
  """One claim per metric."""
  paper = _PAPER.get((arm, baseline), ("", "", ""))
  source = _SOURCE if any(paper) else "[OURS]"
  return [
    Claim(
      "EG-GRPO", f"{text}, {metric}", source, printed, metric, arm, baseline,
      worlds=worlds,
    )
    for metric, printed in zip(METRICS, paper)
  ]  # fmt: skip


CLAIMS = (
  *_gains("two clicks as experts raise hits above SFT", "k2", SFT),
  *_gains("two clicks as experts raise hits above GRPO", "k2", "k0"),
  *_gains(
    "a click and three exposures as experts raise hits above SFT", "k4", SFT,
    _SHOP,
  ),
  Claim(
    "EG-GRPO", "GRPO without experts loses hits at 10 against SFT", _SOURCE,
    ".5206 to .5196", "click@10", "k0", SFT, BELOW,
  ),
  Claim(
    "EG-GRPO", "without KL, GRPO without experts loses hits at 10 against SFT",
    "[OURS]", "", "click@10", "k0_free", SFT, BELOW, worlds=_SHOP,
  ),
  *_gains(
    "without KL, two clicks as experts raise hits above GRPO", "k2_free",
    "k0_free", _SHOP,
  ),
  *_gains("two clicks appended raise hits above SFT", "k2_append", SFT),
  *_gains("two clicks appended raise hits above GRPO", "k2_append", "k0"),
  *_gains("two clicks appended raise hits above replacing", "k2_append", "k2"),
)  # fmt: skip
