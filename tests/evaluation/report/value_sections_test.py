from gr_jax.evaluation.report import value_sections

FOUND = {
  "most": [{"requests": "next_basket", "value": 21.0}],
  "calibration": {
    "ece": 0.021,
    "chance": 0.018,
    "ratio": 1.0375,
    "rank_correlation": 0.41,
    "n": 2500,
  },
  "reliability": [
    {"predicted": p, "value": p, "low": p - 0.5, "high": p + 0.5, "n": 125}
    for p in (2.0, 4.0)
  ],
  "rerank": {
    "chosen": 0.25,
    "tried": [
      {"rerank": g, "value": 5 + g, "lost": 1 - g, "error": 0.1}
      for g in (0.0, 0.25)
    ],
  },
}


def rows():
  shared = {"requests": "next_basket", "level": "item", "seen": "kept"}
  shared |= {"segment": "all", "metric": "value", "k": 10, "n": 30}
  return [
    shared
    | {"system": system, "role": role, "value": v, "low": v - 1, "high": v + 1}
    | {"difference": d, "difference_low": d and d - 1}
    | {"difference_high": d and d + 1}
    for system, role, v, d in (
      ("gr4ad", "model", 7.5, None),
      ("repeat", "baseline", 5.25, 2.25),
    )
  ]


def test_a_run_without_values_has_no_such_section():
  assert value_sections.values(rows(), {}).is_empty()


def test_value_stands_beside_that_of_the_baselines():
  section = value_sections.values(rows(), FOUND)
  (table,) = section.tables
  cells = [[cell.text for cell in row.cells] for row in table.rows]
  assert cells[0][:2] == ["gr4ad", "7.5000"]
  assert cells[1] == ["repeat", "5.2500", "+2.2500", "ahead"]
  assert "next basket 21" in section.notes[0]


def test_predictions_and_their_weight_are_in_numbers_and_pictures():
  section = value_sections.values(rows(), FOUND)
  assert len(section.figures) == 2
  assert "1.038 of what was paid" in section.notes[1]
  assert "2.1% of the mean value" in section.notes[1]
  assert "gamma = 0.25, chosen on validation" in section.notes[2]
  (fold,) = section.folds
  assert len(fold.tables[0].rows) == 2


def test_a_weight_that_was_given_has_no_curve():
  given = FOUND | {"rerank": {"chosen": 0.5, "tried": []}}
  section = value_sections.values(rows(), given)
  assert len(section.figures) == 1
  assert "nothing was tried" in section.notes[2]
