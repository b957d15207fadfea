from gr_jax.evaluation.report import result_tables


def _row(system, value, metric="recall", k=10, ends=(None, None, None)):
  low, mean, high = ends
  return {
    "system": system,
    "role": "baseline" if system == "bm25" else "model",
    "requests": "next_basket",
    "metric": metric,
    "k": k,
    "value": value,
    "low": value - 0.01,
    "high": value + 0.01,
    "n": 1200,
    "difference": mean,
    "difference_low": low,
    "difference_high": high,
  }


ROWS = [
  _row("<cq>", 0.3),
  _row("bm25", 0.2, ends=(0.05, 0.1, 0.15)),
  _row("<cq>", 0.6, k=50),
  _row("bm25", 0.7, k=50, ends=(-0.2, -0.1, -0.05)),
  _row("<cq>", 0.1, "ndcg"),
  _row("bm25", 0.1, "ndcg", ends=(-0.01, 0.0, 0.01)),
]


def _cells(metric="recall", k=10, **options):
  table = result_tables.against_model(ROWS, metric=metric, k=k, **options)
  return table, [[tuple(cell) for cell in row.cells] for row in table.rows]


def test_figures_stand_beside_the_paired_difference_and_its_verdict():
  table, cells = _cells()
  assert table.head == [
    "next basket, 1,200 requests",
    "recall@10",
    "<cq> minus it",
    "<cq> is",
  ]
  assert [row.tone for row in table.rows] == ["model", "baseline"]
  assert cells == [
    [
      ("<cq>", "", ""),
      ("0.3000", "0.2900 to 0.3100", "best"),
      ("", "", ""),
      ("", "", ""),
    ],
    [
      ("bm25", "", ""),
      ("0.2000", "0.1900 to 0.2100", ""),
      ("+0.1000", "+0.0500 to +0.1500", ""),
      ("ahead", "", "ahead"),
    ],
  ]


def test_systems_stand_from_the_best_and_the_verdict_is_coloured():
  _, cells = _cells(k=50)
  assert [row[0][0] for row in cells] == ["bm25", "<cq>"]
  assert cells[0][3] == ("behind", "", "behind")
  _, cells = _cells("ndcg")
  assert cells[1][3] == ("not distinguishable", "", "")


def test_the_share_ranked_as_popularity_has_a_column_where_there_is_any():
  table, cells = _cells(fallback={"bm25": 0.125})
  assert table.head[-1] == "as popularity"
  assert [row[-1][0] for row in cells] == ["", "12.5%"]
  table, _ = _cells(fallback={"bm25": 0.0})
  assert "as popularity" not in table.head


def test_without_a_model_there_are_figures_alone():
  rows = [_row("bm25", 0.2)]
  table = result_tables.against_model(rows, metric="recall", k=10)
  assert table.head == ["next basket, 1,200 requests", "recall@10"]
  assert [len(row.cells) for row in table.rows] == [2]


def test_every_cutoff_has_a_column():
  table = result_tables.every_cutoff(ROWS[:3])
  assert table.head == ["system and metric", "@10", "@50"]
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["<cq> recall", "0.3000", "0.6000"],
    ["bm25 recall", "0.2000", ""],
  ]


def test_a_chosen_setting_is_marked_among_the_others():
  choices = [
    {
      "system": "repeat",
      "requests": "next_basket",
      "setting": setting,
      "chosen": value == 0.3,
      "value": value,
      "low": 0.1,
      "high": 0.4,
    }
    for setting, value in (("tau=inf", 0.2), ("tau=7", 0.3))
  ]
  table = result_tables.settings(choices)
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["repeat", "next basket", "tau=inf", "0.2000", ""],
    ["repeat", "next basket", "tau=7", "0.3000", "chosen"],
  ]
  assert [row.cells[3].tone for row in table.rows] == ["", "best"]
