"""The page says what the model reaches, and what others do."""

from gr_jax.evaluation.report import next_item_page


def row(system, role, metric, value, difference=None):
  names = {"system": system, "role": role, "requests": "next_basket"}
  names |= {"level": "item", "seen": "out", "segment": "all", "k": 10}
  figures = {"value": value, "low": value - 0.01, "high": value + 0.01}
  ends = {"difference": difference}
  for end in ("low", "high"):
    ends[f"difference_{end}"] = difference
  return names | {"metric": metric, "n": 60} | figures | ends


RESULTS = [
  row(system, role, metric, value, difference)
  for metric in ("hit_rate", "ndcg", "mrr")
  for system, role, value, difference in (
    ("hstu", "model", 0.31, None), ("sasrec", "baseline", 0.28, 0.03),
    ("popularity", "baseline", 0.05, 0.26),
  )
]  # fmt: skip


def test_the_headline_is_of_the_best_of_the_others():
  found = next_item_page.headline(RESULTS)
  assert found == (
    "hstu: HR@10 0.3100, +0.0300 [+0.0300, +0.0300] beside sasrec (0.2800)."
  )
  alone = [r for r in RESULTS if r["role"] == "model"]
  assert next_item_page.headline(alone) == "hstu: HR@10 0.3100."


def test_a_row_for_every_system():
  rows = next_item_page.text_rows(RESULTS)
  assert rows[0] == ["system", "HR@10", "NDCG@10", "MRR@10"]
  assert [r[0] for r in rows[1:]] == ["hstu", "sasrec", "popularity"]
  assert rows[1][1] == "0.3100 [0.3000, 0.3200]"


def test_the_page_has_the_figures():
  report = {
    "results": RESULTS, "system": "hstu", "seconds": {"data": 1.0},
    "commits": {"data": "abc"}, "config": {"hstu": {"length": 200}},
  }  # fmt: skip
  found = next_item_page.next_item_page(report)
  for text in ("HR@10", "0.3100", "sasrec", "popularity", "length"):
    assert text in found, text
