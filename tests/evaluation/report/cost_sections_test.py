from gr_jax.evaluation.report import cost_sections


def _rows(*beams):
  figure = {"requests": "next_basket", "value": 0.2, "low": 0.1, "high": 0.3}
  return [figure | {"beam": beam, "n": 30} for beam in beams]


def test_one_beam_is_a_sentence_and_several_are_a_picture():
  one = cost_sections.search({"config": {}, "beams": _rows(20)})
  assert one.figures == []
  assert "a beam of 20" in one.notes[0]
  assert "next basket 0.200" in one.notes[0]
  several = cost_sections.search({"config": {}, "beams": _rows(1, 10)})
  assert len(several.figures) == 1
  assert several.notes == []
  assert cost_sections.search({"config": {}}).is_empty()


def test_time_and_size_are_written_out():
  report = {
    "config": {"evaluation": {"beam": (50, 100)}},
    "size": {"parameters": 2_712_345, "bytes": 10_900_000},
    "latency": [
      {"requests": 1, "milliseconds": 41.234, "times": 20},
      {"requests": 32, "milliseconds": 512.0, "times": 20},
    ],
  }
  size, latency = cost_sections.search(report).notes
  assert size == "The model has 2,712,345 parameters, 10.9 MB on disk."
  assert "a beam of 50, 100: one request in 41.2 ms; a batch of 32" in latency
  assert "in 512 ms (20 searches each" in latency


def test_a_model_that_knows_the_catalogue_is_not_said_to_invent_nothing():
  rows = [{"requests": "semantic", "value": 0.25}]
  for alpha, notes in ((0.0, 1), (2.0, 0)):
    config = {"generator": {"count_alpha": alpha}}
    found = cost_sections.search({"config": config, "hallucination": rows})
    assert len(found.notes) == notes
