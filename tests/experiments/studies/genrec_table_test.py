from experiments.studies.genrec_table import (
  budget_table,
  difference_table,
  prefill_table,
)


def row(arm, baseline, metric, difference, low, high):
  return {
    "arm": arm, "baseline": baseline, "metric": metric, "value": 0.5,
    "difference": difference, "low": low, "high": high, "agreeing": 3.0,
    "seeds": 4,
  }  # fmt: skip


WORLD = {
  "rows": [
    row("point_wise", "point_wise", "hit_rate@10", 0.0, 0.0, 0.0),
    row("page_wise", "point_wise", "hit_rate@10", 0.1, 0.05, 0.15),
    row("page_wise", "point_wise", "hallucination", -0.1, -0.3, 0.1),
  ],
  "budget": {"page_wise": {"steps": 1200, "tokens": 2_500_000.0}},
  "prefill": {
    "page_wise": {"positions": 65, "seconds": 0.002},
    "page_wise_tokens": {"positions": 129, "seconds": 0.004},
  },
}


def test_differences_that_leave_out_zero_are_bold():
  text = difference_table(
    WORLD,
    [("point_wise", "point_wise"), ("page_wise", "point_wise")],
    ["hit_rate@10", "hallucination"],
  )
  baseline, pages = text.splitlines()[2:]
  assert baseline.split("|")[3].strip() == "50.0"
  assert "50.0 **+10.0** [+5.0, +15.0] 3/4" in pages
  assert "50.0 -10.0 [-30.0, +10.0] 3/4" in pages


def test_pairs_that_were_not_run_have_no_line():
  text = difference_table(WORLD, [("grpo_sr", "grpo")], ["hit_rate@10"])
  assert len(text.splitlines()) == 2


def test_budget_and_prefill_are_told():
  assert "| page-wise | 1,200 | 2.50" in budget_table(WORLD)
  line = prefill_table(WORLD).splitlines()[2]
  assert [cell.strip() for cell in line.split("|")[2:5]] == [
    "65", "2.0", "0.50",
  ]  # fmt: skip
