"""What the paper of CQ-SID claims (arXiv 2605.14434), and our bars."""

from experiments.studies.claims import ABOVE, at_most, relative, table, value

BASELINE = "rq_vae"

METHOD = """\
Arms share vectors, encoder, codebook sizes and rule, training steps, the
generator and its steps; items with equal codes share an ID, as in the paper.
Every arm was trained with the same seeds (of tokenizer and generator) and
searched for the same requests of the test period: *semantic* with the query
alone, *personalised* with query, profile and history. A hit is a clicked item
among the answers of a beam of that width, each width searched by itself; in
percent of the requests. The last column is the beam at which an arm reaches the
hit rate that {baseline}, the baseline, has at beam {widest}. Weights, steps and
sizes are the paper's or shared by all; none was chosen for an arm.

**Read the two levels together.** At the level of IDs an answer is an ID, and an
arm with fewer distinct IDs, more items behind each, has the easier task: see
"most popular IDs", which no model is needed for. At the level of items an
answer is one item (those behind an ID by popularity), and every arm gives
equally many.

**In both worlds a query all but names a category.** Those of the purchases are
derived from the product type of a bought item, those of the shop are drawn from
the words of a category and its sub-clusters. That favours IDs whose first code
is the category; typed queries may favour them less.

The paper (arXiv 2605.14434, other data, semantic, beams 1/10/100) reports
+26.8/+22.6/+18.9 % relative to an RQ-VAE, and about half the beam for equal
hit rate."""

# The arm and its baseline, and the paper's figures by beam.
_HITS = (
  ("hits more than an RQ-VAE", "semantic/id", "cq_sid", BASELINE,
   {1: "+26.8 % relative", 10: "+22.6 %", 100: "+18.9 %"}),
  ("hits more than an RQ-VAE", "personalised/id", "cq_sid", BASELINE,
   {1: "+11.1 % relative", 100: "+7.3 % (.7513 to .8062)"}),
  ("hits more items than an RQ-VAE, with equally many answers",
   "semantic/item", "cq_sid", BASELINE, {1: "", 10: "", 100: ""}),
  ("queries alone (no category) hit more than an RQ-VAE",
   "semantic/id", "without_category", BASELINE,
   {1: "+13.7 % relative", 10: "+11.3 %", 100: "+7.3 %"}),
  ("categories alone (no InfoNCE) hit more than an RQ-VAE",
   "semantic/id", "without_infonce", BASELINE,
   {10: "+4.3 % relative", 100: "+8.7 %"}),
  ("the category adds to the queries",
   "semantic/id", "cq_sid", "without_category",
   {1: ".0680 to .0758", 10: ".2870 to .3161", 100: ".5578 to .6181"}),
  ("the queries add to the category",
   "semantic/id", "cq_sid", "without_infonce",
   {1: ".0596 to .0758", 10: ".2691 to .3161", 100: ".5652 to .6181"}),
)  # fmt: skip
CLAIMS = table(
  "CQ-SID", "arXiv 2605.14434, section 4, ablation of the tokenizer", [
    (f"{text}, {key.partition('/')[0]}, beam {beam}", figure,
     f"{key}/hit_rate@{beam}", arm, baseline, ABOVE, relative)
    for text, key, arm, baseline, paper in _HITS
    for beam, figure in paper.items()
  ],
) + table(
  "CQ-SID", "arXiv 2605.14434, abstract", [
    ("half the beam reaches the hit rate of an RQ-VAE at 100", "half the beam",
     "semantic/id/equal_beam", "cq_sid", BASELINE, at_most(50), value),
  ],
)  # fmt: skip
