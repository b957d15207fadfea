"""What the paper of GR4AD claims (arXiv 2602.22732), and our bars."""

from experiments.studies.claims import (
  BELOW,
  NOT_BELOW,
  at_least,
  at_most,
  relative,
  table,
  value,
)

METHOD = """\
One table of UA-SIDs and one of residual k-means IDs with as many codes per
world; one generator per seed and arm of {layers} thin layers. Alignments, other
widths and other beams start from LazyAR with K = 6. An alignment takes {steps}
steps of {batch} training requests; a list is the beam of {group} IDs and what
the page of the request showed, and its values are a model of clicks times what
a click pays. *Unified* has the weights of the paper. With a *wrong reference*
two of five requests have the reference read the prompt of another one, with a
beta of 1 (else .1). In the world of ads revenue is the truth: the expected pay
of showing the first ten items a thousand times each; on the purchases it is
what was paid for those that were bought; both as a share of what the best ten
would earn, over all requests. Hits are of items; NDCG counts the same money,
*head* is the share of the first ten items that are among the tenth that is
clicked most."""

_SOURCE = "arXiv 2602.22732, sections 4.2 and 4.3"
_ADS = ("ads",)
_AGAINST = ("grpo", "best_worst_dpo")


def _rows():
  ladder = (
    ("UA-SID earns more than RQ-KMeans IDs", "+1.68 %", "ua_sid", "sft"),
    ("VSL earns more than plain SFT", "1.68 to 1.92 %", "vsl", "ua_sid"),
    ("RSPO earns more than VSL alone", "2.80 to 3.86 %", "rspo", "lazy_6"),
    ("RSPO earns more than GRPO", "3.21 to 3.86 %", "rspo", "grpo"),
    ("RSPO earns more than DPO of best and worst", "3.16 to 3.86 %", "rspo",
     "best_worst_dpo"),
    ("unified weights earn more than RSPO after VSL", "3.86 to 4.01 %",
     "unified", "rspo"),
  )  # fmt: skip
  for text, paper, arm, baseline in ladder:
    yield (text, paper, "revenue@10", arm, baseline)


CLAIMS = (
  *table("GR4AD", _SOURCE, _rows(), _ADS),
  *table("GR4AD", _SOURCE, [
    ("RSPO earns no less than S-DPO", "", "revenue@10", "rspo", "s_dpo",
     NOT_BELOW),
    ("LazyAR with six of nine layers early keeps revenue within 0.5 %",
     "4.32 to 4.28 %", "revenue@10", "lazy_6", "vsl", at_least(-0.005),
     relative),
    ("LazyAR with six of nine layers early keeps hits within 0.5 %", "",
     "hit_rate@10", "lazy_6", "vsl", at_least(-0.005), relative),
    ("RSPO earns more than plain SFT", "", "revenue@10", "rspo", "sft"),
    ("RSPO orders the first five 0.3 points better than GRPO", "", "ndcg@5",
     "rspo", "grpo", at_least(0.003)),
    ("at three times the rate RSPO earns more than GRPO", "", "revenue@10",
     "rspo_fast", "grpo_fast"),
    ("RSPO orders the first five a point better than DPO of best and worst", "",
     "ndcg@5", "rspo", "best_worst_dpo", at_least(0.01)),
    ("under a wrong reference the gate gives a point of NDCG@5", "", "ndcg@5",
     "wrong_gated", "wrong_ungated", at_least(0.01)),
    ("a wider generator earns more", "2.13 to 4.43 %, .03B to .32B",
     "revenue@10", "width_32", "lazy_6", BELOW),
    ("a wider beam earns more", "2.33 to 4.21 %, 128 to 1024", "revenue@10",
     "beam_128", "lazy_6"),
    ("ranked by codes alone LazyAR keeps hits within 0.5 %", "",
     "hit_rate@10", "lazy_6_codes", "vsl_codes", at_least(-0.005), relative),
    ("ranked by codes alone LazyAR keeps revenue within 0.5 %", "",
     "revenue@10", "lazy_6_codes", "vsl_codes", at_least(-0.005), relative),
    ("with values UA-SID earns more than RQ-KMeans IDs", "", "revenue@10",
     "vsl", "rq_vsl"),
    ("progressive beams lose at most 0.3 % of revenue", "-0.15 %",
     "revenue@10", "progressive", "beam_128", at_least(-0.003), relative),
    ("values are calibrated: ECE", "", "values/ece", "vsl", "",
     at_most(0.03), value),
    ("values are calibrated: ECE above that of right predictions", "",
     "values/above_chance", "vsl", "", at_most(0.03), value),
  ], _ADS),
  *table("GR4AD", _SOURCE, [
    ("VSL earns more than plain SFT", "", "revenue@10", "vsl", "ua_sid"),
    ("LazyAR with six of nine layers early keeps revenue within 0.5 %", "",
     "revenue@10", "lazy_6", "vsl", at_least(-0.005), relative),
    ("LazyAR with six of nine layers early keeps hits within 0.5 %", "",
     "hit_rate@10", "lazy_6", "vsl", at_least(-0.005), relative),
  ], ("complete_journey",)),
)  # fmt: skip
