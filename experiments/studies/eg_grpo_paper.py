"""What the paper of EG-GRPO claims (arXiv 2605.14434), and our bars."""

from experiments.studies.claims import BELOW, Claim, table

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
requests, with the same schedule.

Measured on requests of the test period as they were logged. A click is hit
where one of the first (ten) IDs of a beam of ten names a clicked item, an
exposure where one of the ten names an item of the page; in percent of the
requests."""


def _claims(rows, worlds=()) -> tuple[Claim, ...]:
  source = "arXiv 2605.14434, section 4, EG-GRPO"
  return table("EG-GRPO", source, rows, worlds)


def _gains(text: str, arm: str, baseline: str, paper=("", "", "")) -> list:
  """One row per metric."""
  return [
    (f"{text}, {metric}", printed, metric, arm, baseline)
    for metric, printed in zip(METRICS, paper)
  ]


_SHOP = ("shop_world",)
CLAIMS = (
  *_claims(_gains(
    "two clicks as experts raise hits above SFT", "k2", SFT,
    (".1510 to .1524", ".5206 to .5221", ".8693 to .8703"),
  )),
  *_claims(_gains(
    "two clicks as experts raise hits above GRPO", "k2", "k0",
    (".1519 to .1524", ".5196 to .5221", ".8702 to .8703"),
  )),
  *_claims(_gains(
    "a click and three exposures as experts raise hits above SFT", "k4", SFT,
    (".1510 to .1523", ".5206 to .5219", ".8693 to .8711"),
  ), _SHOP),
  *_claims([
    ("GRPO without experts loses hits at 10 against SFT", ".5206 to .5196",
     "click@10", "k0", SFT, BELOW),
  ]),
  *_claims([
    ("without KL, GRPO without experts loses hits at 10 against SFT", "",
     "click@10", "k0_free", SFT, BELOW),
    *_gains("without KL, two clicks as experts raise hits above GRPO",
            "k2_free", "k0_free"),
  ], _SHOP),
  *_claims([
    *_gains("two clicks appended raise hits above SFT", "k2_append", SFT),
    *_gains("two clicks appended raise hits above GRPO", "k2_append", "k0"),
    *_gains("two clicks appended raise hits above replacing",
            "k2_append", "k2"),
  ]),
)  # fmt: skip
