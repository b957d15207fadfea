"""Files of a ranker; damaged ones: tests/experiments/ultra_hstu_test.py."""

from gr_jax.ranking.ranker_files import is_ranker


def test_it_tells_a_ranker_by_its_stage(tmp_path):
  (tmp_path / "run" / "ranker").mkdir(parents=True)
  assert is_ranker(tmp_path / "run")
  assert not is_ranker(tmp_path)
