"""What Sol-RL claims (arXiv 2604.06916), and our bars."""

import dataclasses

from experiments.studies import frechet_rows
from experiments.studies.claims import (
  ABOVE,
  NOT_ABOVE,
  NOT_BELOW,
  at_least,
  at_most,
  difference,
  relative,
  table,
  value,
)

FRECHET = frechet_rows.METRIC
METRICS = (
  "reward", "exact", "count", "color", "object", "diversity", "brightness"
)  # fmt: skip
BEFORE, GROUP, WIDE = "before", "group", "wide"
DIRECT, SOL_RL = "direct", "sol_rl"
SPEED_UP = "speed_up"

METHOD = """\
One flow model per world learns to draw scenes from their captions; all arms
start from it and train an adapter of rank {rank} by DiffusionNFT for {updates}
updates of {prompts} prompts, {learned} pictures of each. They differ in where
these come from. *24 drawn* draws them; *24 of 96 in 16 bits* draws 96 in ten
steps and learns the 12 best and the 12 worst; *learned as they are* does so
with pictures of a copy whose products have weights and activations in NVFP4;
Sol-RL draws the 96 with that copy in six steps, keeps the seeds of the
extremes, and learns what the model itself draws from them in ten. The reward is
that of a judge who knows what a caption says and looks at pixels.

Cost is counted in passes of the network in sixteen bits; one in four bits
counts a quarter, as Sol-RL has it on Blackwell, and a picture that is learned
at a time five (three of the trained parameters, one of the old, one of the
reference). Here four bits are emulated: nothing is faster, and the counts are a
model of cost.

Measured on {each} pictures in twenty steps of prompts that neither training nor
alignment saw, in percent; diversity and brightness are in hundredths of a
number's range of one. Intervals are over captions and seeds of the alignment,
of one flow model. The Frechet distance compares means and covariances of a
classifier's features with those of real pictures of the same prompts; its
intervals are Student's t over captions and seeds. Explorers rank candidates of
{fidelity} prompts."""

_PAPER = "arXiv 2604.06916"

# Emoji have no colors of their own, and no classifier.
_OF_SHAPES = table("Sol-RL", "[OURS]", [
  ("flow models learn: colors are right, before alignment", "", "color",
   BEFORE, BEFORE, at_least(0.95), value),
  ("pictures are no farther from real ones than with 24 of 96 in sixteen bits "
   "(Frechet distance)", "", FRECHET, SOL_RL, WIDE, NOT_ABOVE),
])  # fmt: skip

CLAIMS = (
  *(dataclasses.replace(claim, optional=True) for claim in _OF_SHAPES),
  *table("Sol-RL", _PAPER, [
    ("the reward is within 1 % of learning the extremes of 96 in sixteen bits",
     "", "reward", SOL_RL, WIDE, at_least(-0.01), relative),
    ("the reward is above drawing 24 and learning 24", "above", "reward",
     SOL_RL, GROUP, ABOVE),
    ("24-in-24's last reward at 1/2.4 of its cost", "up to 4.64x", SPEED_UP,
     SOL_RL, "", at_least(2.4), value),
    ("the reward is above learning pictures in four bits as they are", "above",
     "reward", SOL_RL, DIRECT, ABOVE, difference),
    ("pictures are no less diverse than with 24 of 96 in sixteen bits", "",
     "diversity", SOL_RL, WIDE, NOT_BELOW),
    ("rewards in four bits and six steps rank as those in sixteen and ten "
     "(Spearman)", ".927", "fidelity/spearman", SOL_RL, "", at_least(0.95),
     value),
    ("flow models learn: the number of things is right, before alignment", "",
     "count", BEFORE, BEFORE, at_least(0.9), value),
    ("mean true percentile of the 12 best that it chooses", "93.3 %",
     "fidelity/best", SOL_RL, "", at_least(0.918), value),
    ("mean true percentile of the 12 worst that it chooses", "7.5 %",
     "fidelity/worst", SOL_RL, "", at_most(0.082), value),
  ]),
)  # fmt: skip
