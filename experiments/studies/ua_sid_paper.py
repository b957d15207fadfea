"""What is claimed of UA-SID (arXiv 2602.22732), and our bars."""

from experiments.studies.claims import (
  Bar,
  Claim,
  at_least,
  at_most,
  ratio,
  table,
  value,
)

COLLIDES, RIGHT_AD = "ad/collides", "ad/right_ad@1"
PARTNER, GAP = "partner/recall@1", "partner/gap_of_intervals@1"
BASELINE, RAW = "rq_kmeans", "raw"

METHOD = """\
**Ads.** {ads:,} made-up ads, of which {copies:.0%} show what another ad shows,
with another account or another type of conversion; a fifth as many as there
were at first come after the fit. Ads of a cluster differ by {noises} of what
clusters do. All tokenizers have {levels} codes a level and read the same
vectors. An ad collides where another has its ID. The right ad is
first with probability 1/n where n ads have its ID: no generator of IDs can do
better, and what a generator does worse is not counted here. *UA-SID* hashes the
item id, the account and the type of conversion, as in the paper; *by owner*
leaves the item id out, so that the hash is shared by the ads of an account.

**Purchases.** Items with one text, category and manufacturer are one ad, whose
vector is the mean of theirs. Partners of an ad are those with a Swing
similarity above 0 in the baskets of the test period (two baskets hold both);
recall@1 is the share of the ads with a partner whose nearest other ad, by the
cosine, is one. All arms map the same vectors of ads: text beside what is bought
together in the training period. The contrast's positives are of the training
period, and its settings were chosen on the validation period. The vectors of
RQ-VAE and CQ-SID are those that they quantize. GR4AD has .541 for QARM, .769
for the vectors as they are and .896 for its own, on its own ads."""

_ABOVE = Bar("above 0", lambda value, low, high: value > 0)
_PAPER = "arXiv 2602.22732"
CLAIMS: tuple[Claim, ...] = (
  *table("GR4AD", _PAPER, [
    ("collisions are at most .4 of RQ-KMeans' with as many codes",
     "85.44 to 18.26 %", COLLIDES, "ua_sid", BASELINE, at_most(0.4), ratio),
    ("the same where the hash reads account and conversion alone", "",
     COLLIDES, "by_owner", BASELINE, at_most(0.4), ratio),
    ("the right ad is first 10 points more often than with RQ-KMeans", "",
     RIGHT_AD, "ua_sid", BASELINE, at_least(0.1)),
    ("the same where the hash reads account and conversion alone", "",
     RIGHT_AD, "by_owner", BASELINE, at_least(0.1)),
    ("no ID changes while the catalogue grows by a fifth", "",
     "growth/changed", "ua_sid", "", at_most(0), value),
    ("sizes of clusters differ by at most one ad", "",
     "sizes/spread", "ua_sid", "", at_most(1), value),
  ], worlds=("ads", "scattered_ads")),
  *table("GR4AD", _PAPER, [
    ("partners are nearest more often by the contrast's vectors than by the "
     "given ones", ".769 to .896", PARTNER, "contrast", RAW),
    ("the intervals of both are apart", "", GAP, "contrast", RAW, _ABOVE,
     value),
    ("partners are nearest more often than by CQ-SID's vectors", "",
     PARTNER, "contrast", "cq_sid"),
    ("the intervals of both are apart", "", GAP, "contrast", "cq_sid", _ABOVE,
     value),
  ], worlds=("complete_journey",)),
)  # fmt: skip
