"""What the paper of GenRec claims (JD, arXiv 2604.14878), and our bars."""

from experiments.studies.claims import (
  BELOW,
  NOT_BELOW,
  Bar,
  at_most,
  ratio,
  relative,
  table,
)

METHOD = """\
All generators of a seed read the same residual k-means IDs (three codes; items
of equal codes share one). A hit is an ID that names a clicked item among the
first 1, 10 or 50 of a beam of 50 inside the catalogue; hallucination is the
share of an unconstrained beam of {unconstrained_beam} that names nothing; both
in percent, on requests of the test period with a history, half of them at most
with a query. Answers are single items for all arms.

**Equal tokens** are positions that are not padding, of prompts and of what
follows them. A prompt is shared by all targets that follow it: the point-wise
arm does not read it once an item, as the paper's baseline does, and is stronger
for it. All generators share their settings; none was chosen for one of them.

**The blind spot** of part (c): the preference model gives {score} to every item
of the least bought category that holds {share:.0%} of the items at least. The
learned reward is that model's, the true one the made-up shop's own probability
of a click, both of the first ten answers. The relevance gate, where nothing
else is said, is shut for {shut:.0%} of random items.

The paper (other data, 1.5B parameters): hit rate@1 .0947 to .1189, @10 .3669 to
.4456 and hallucination 7.80 % to 4.96 % for pages; no loss from merging at half
the prompt; hit rate@50 .7192 (before), .7248 (GRPO), .7438 (GRPO-SR), .6975
(without gate)."""

_SOURCE = "arXiv 2604.14878, section 4"
_THIRD_LOWER = Bar(
  "at least 30 % lower", lambda value, low, high: value <= -0.3
)
_WITHIN = Bar(
  "loss within 1 % relative", lambda value, low, high: value >= -0.01
)
_PAGES = ("page_wise", "point_wise")
_MERGED = ("page_wise", "page_wise_tokens")
_ALIGNED = ("grpo_sr", "page_wise")
_UNGATED = ("without_gate", "grpo_sr")

CLAIMS = table("GenRec", _SOURCE, (
  ("whole pages raise hits at 1 at equal tokens", ".0947 to .1189",
   "hit_rate@1", *_PAGES),
  ("whole pages raise hits at 10 at equal tokens", ".3669 to .4456",
   "hit_rate@10", *_PAGES),
  ("whole pages do not lower hits at 10 at equal tokens", "",
   "hit_rate@10", *_PAGES, NOT_BELOW),
  ("whole pages lower hallucination", "7.80 % to 4.96 %",
   "hallucination", *_PAGES, _THIRD_LOWER, relative),
  ("merging halves the positions of a prompt", "half",
   "prefill/positions", *_MERGED, at_most(0.51), ratio),
  ("merging shortens the reading of a prompt", "0.45 to 0.6",
   "prefill/seconds", *_MERGED, at_most(0.6), ratio),
  ("merging does not cost hits at 10", "within 1 %",
   "hit_rate@10", *_MERGED, _WITHIN, relative),
)) + table("GenRec", _SOURCE, worlds=("shop_world",), rows=(
  ("GRPO raises hits at 50", ".7192 to .7248",
   "hit_rate@50", "grpo", "page_wise"),
  ("GRPO-SR raises hits at 50", ".7192 to .7438", "hit_rate@50", *_ALIGNED),
  ("GRPO-SR raises hits at 10", "", "hit_rate@10", *_ALIGNED),
  ("GRPO-SR raises hits at 1", "", "hit_rate@1", *_ALIGNED),
  ("GRPO-SR is above GRPO at 50", ".7248 to .7438",
   "hit_rate@50", "grpo_sr", "grpo"),
  ("GRPO-SR is above GRPO at 10", "", "hit_rate@10", "grpo_sr", "grpo"),
  ("GRPO-SR lowers hallucination", "4.96 % to 2.68 %",
   "hallucination", *_ALIGNED, BELOW),
  ("GRPO-SR hallucinates less than GRPO", "6.03 % to 2.68 %",
   "hallucination", "grpo_sr", "grpo", BELOW),
  ("GRPO-SR raises the true reward", "", "true_reward", *_ALIGNED),
  ("without the gate hits at 50 fall", ".7438 to .6975",
   "hit_rate@50", *_UNGATED, BELOW),
  ("without the gate the learned reward rises", "",
   "learned_reward", *_UNGATED),
  ("without the gate the true reward falls", "",
   "true_reward", *_UNGATED, BELOW),
))  # fmt: skip
