"""What is claimed of four-bit rollouts and serving, and our bars."""

from experiments.studies.claims import (
  NOT_BELOW,
  Claim,
  at_least,
  at_most,
  relative,
  table,
  value,
)

METRICS = ("click@1", "click@10", "click@100", "exposure@10")
SFT, GROUP, WIDE = "sft", "group", "wide"
W4A16, W4A4, SERVED = "w4a16", "w4a4", "served"

METHOD = """\
One table of CQ-SID IDs per world and one generator per seed; all arms of a seed
start from that generator and take {steps} steps of {batch} training requests,
each of which learns a group of {group} with two clicks as experts beside it
(EG-GRPO). *{group} drawn* draws the group. The others draw {candidates}
candidates and learn the {group} most contrastive, the better and the worse
half: drawn by the policy itself, or by a copy with kernels in four bits (and
with activations in four bits, W4A4). Log-probabilities and updates are those of
the policy itself in all arms. By Sol-RL's model of cost (a pass in four bits is
a quarter of one in sixteen) {candidates} candidates in four bits cost what
{cheap} cost in sixteen; here four bits are emulated, and nothing is faster.
*Served in NVFP4* is the generator before alignment, searched with kernels in
NVFP4.

Measured on requests of the test period as they were logged. A click is hit
where one of the first (1, 10, 100) IDs of a beam of a hundred names a clicked
item, an exposure where one of the first ten names an item of the page; in
percent of the requests."""


def _claims(system: str, source: str, rows) -> tuple[Claim, ...]:
  return table(system, source, rows)


_SOL_RL = "arXiv 2604.06916, for pictures"
CLAIMS = (
  *_claims("Sol-RL", _SOL_RL, [
    ("EG-GRPO that explores in NVFP4 hits no fewer clicks than one that draws "
     "its group in sixteen bits at the same cost", "", "click@10", W4A16,
     GROUP, NOT_BELOW),
    ("EG-GRPO that explores in NVFP4 hits more clicks than one that draws its "
     "group in sixteen bits at the same cost", "up to 4.64x fewer updates",
     "click@10", W4A16, GROUP),
    ("four times the candidates in sixteen bits hit no fewer clicks than the "
     "group alone", "", "click@10", WIDE, GROUP, NOT_BELOW),
    ("exploring in NVFP4 hits no fewer clicks than exploring as many "
     "candidates in sixteen bits", "", "click@10", W4A16, WIDE, NOT_BELOW),
    ("with activations in four bits as well, no fewer than in sixteen", "",
     "click@10", W4A4, WIDE, NOT_BELOW),
  ]),
  *_claims("NVFP4", "[OURS]", [
    ("weights in NVFP4 draw a code with a log-probability within .02 of the "
     "policy's, in the median", "", "runs/gap", W4A16, "", at_most(0.02),
     value),
    ("of clicks among a hundred IDs at most 1 % are lost where NVFP4 is "
     "served", "", "click@100", SERVED, SFT, at_least(-0.01), relative),
    ("a quantized weight takes at most .57 bytes", "",
     "served/bytes", SERVED, "", at_most(0.57), value),
  ]),
)  # fmt: skip
