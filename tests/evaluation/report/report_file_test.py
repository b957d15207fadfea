import pytest

from gr_jax.evaluation.report import report_file

PARTS = {
  "config": {"seed": 1, "model": {"width": 8}},
  "seconds": {"train": 1.5},
  "results": [{"system": "m", "value": 0.25, "n": 3}],
}


def test_a_report_survives_the_round_trip(tmp_path):
  path = tmp_path / "report.json"
  beams = [{"requests": "semantic", "beam": 10, "value": 0.5}]
  written = report_file.write_report(path, **PARTS, beams=beams)
  assert report_file.read_report(path) == written
  assert written["beams"] == beams
  assert written.items() >= PARTS.items()
  assert set(written["versions"]) >= {"python", "jax", "numpy"}


def test_a_figure_that_is_no_number_is_an_error_and_leaves_no_file(tmp_path):
  bad = [{"value": float("nan")}]
  with pytest.raises(ValueError, match="not JSON compliant"):
    report_file.write_report(
      tmp_path / "report.json", **{**PARTS, "results": bad}
    )
  assert not list(tmp_path.iterdir())
