"""Orders of cheap and of dear rewards."""

import numpy as np
import pytest
from scipy import stats

from gr_jax.rl.rank_fidelity import RankFidelity, rank_fidelity

P, N, K = 40, 96, 12


def rewards(seed=0):
  return np.random.default_rng(seed).normal(size=(P, N))


def test_a_perfect_explorer_has_the_best_percentiles_and_all_the_contrast():
  dear = rewards()
  found = rank_fidelity(3 * dear + 7, dear, k=K)
  for name in ("spearman", "kendall", "overlap", "contrast"):
    np.testing.assert_allclose(getattr(found, name), 1)
  np.testing.assert_allclose(found.best, 1 - K / (2 * N))
  np.testing.assert_allclose(found.worst, K / (2 * N))


def test_an_explorer_that_is_wrong_throughout_turns_every_sign():
  dear = rewards()
  found = rank_fidelity(-dear, dear, k=K)
  np.testing.assert_allclose(found.spearman, -1)
  np.testing.assert_allclose(found.kendall, -1)
  np.testing.assert_allclose(found.contrast, -1)
  np.testing.assert_allclose(found.overlap, 0)
  np.testing.assert_allclose(found.best, K / (2 * N))


def test_an_explorer_that_knows_nothing_chooses_the_mean():
  found = rank_fidelity(rewards(1), rewards(2), k=K)
  for name, middle in {"best": 0.5, "worst": 0.5, "spearman": 0}.items():
    assert abs(getattr(found, name).mean() - middle) < 0.04


def test_percentiles_of_the_paper_come_of_its_rank_correlation():
  """A Gaussian copula of Kendall .798; the paper has 96.9, 95.0 and 93.3 %."""
  rng = np.random.default_rng(0)
  pearson = np.sin(np.pi * 0.798 / 2)
  dear = rng.normal(size=(400, 96))
  noise = rng.normal(size=dear.shape)
  cheap = pearson * dear + np.sqrt(1 - pearson**2) * noise
  for best, paper in {4: 0.969, 8: 0.950, 12: 0.933}.items():
    found = rank_fidelity(cheap, dear, k=best)
    assert abs(found.best.mean() - paper) < 0.02
  assert abs(found.kendall.mean() - 0.798) < 0.01
  assert 0.7 < found.overlap.mean() < 0.85


def test_equal_rewards_say_nothing():
  dear = rewards()[:2]
  dear[0] = 1.0
  found = rank_fidelity(rewards(1)[:2], dear, k=K)
  assert all(np.isnan(x[0]) and np.isfinite(x[1]) for x in found)
  assert len(found) == len(RankFidelity._fields)


def test_ties_have_mean_ranks():
  cheap = np.array([[0.0, 0.0, 1.0, 1.0]])
  dear = np.array([[0.0, 1.0, 2.0, 3.0]])
  found = rank_fidelity(cheap, dear, k=1)
  np.testing.assert_allclose(
    found.spearman, stats.spearmanr(cheap[0], dear[0]).statistic
  )
  # Of the two best by the explorer the first counts.
  np.testing.assert_allclose(found.best, 2.5 / 4)


@pytest.mark.parametrize("k", [0, 49])
def test_more_than_half_cannot_be_compared(k):
  with pytest.raises(ValueError, match="48 at most"):
    rank_fidelity(rewards(), rewards(), k=k)


def test_other_candidates_are_refused():
  with pytest.raises(ValueError, match=r"\[P, N\]"):
    rank_fidelity(rewards(), rewards()[:, 1:], k=2)
