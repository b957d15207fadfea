"""Item vectors from purchases in the same basket."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from gr_jax.text.encoder import unit_rows


def copurchase_vectors(
  basket_offsets: np.ndarray,
  basket_items: np.ndarray,
  *,
  num_items: int,
  dimensions: int,
  shift: float,
  smoothing: float = 1.0,
) -> np.ndarray:
  """Factors the shifted positive PMI of co-purchases by a truncated SVD.

  With `b` the sets of distinct items of the baskets and `n_b` their sizes,

    C_ij = sum over b that hold i and j != i of 1 / (n_b - 1),
    c_i = a + sum_j C_ij,  C = sum_i c_i,  a = smoothing * mean_i sum_j C_ij,
    M_ij = max(0, log(C_ij C / (c_i c_j)) - log(shift)),
    M ~ U S U^T,  x_i = U_i sqrt(|S|) / |U_i sqrt(|S|)|,

  over the items that were bought with others.

  Shifted PMI is that of Levy and Goldberg 2014, where the shift is the number
  of negative samples. Two parts are [OURS]. By the weight `1 / (n_b - 1)` an
  item gives each of its baskets one vote, so that one large basket does not
  outvote a hundred small ones. Smoothing adds `a` imaginary baskets with random
  partners to every item: without it PMI is largest where evidence is thinnest,
  and items bought once or twice take the leading dimensions.

  Args:
    basket_offsets: The offsets `[B+1]` int64 of the baskets in `basket_items`.
    basket_items: The items `[P]` of all baskets; order and repeats do not
      matter.
    num_items: The number of items, `N`.
    dimensions: The width `D` of a vector; columns past the rank of `M` are
      zero.
    shift: The factor over chance; at least 1 keeps only pairs that are bought
      together that much more often than by chance.
    smoothing: The number of imaginary baskets of an item, in units of the mean
      number of real ones; 0 is plain PMI.

  Returns:
    Unit rows `[N, D]` float32; zeros for an item that was never bought together
    with another.

  Raises:
    ValueError: the shift or the dimensions are not positive.
  """
  if shift <= 0 or dimensions <= 0:
    raise ValueError(
      f"shift={shift} and dimensions={dimensions} must both be positive."
    )
  baskets = _basket_matrix(basket_offsets, basket_items, num_items)
  bought = np.flatnonzero(np.diff(baskets.tocsc().indptr))
  vectors = np.zeros((num_items, dimensions), np.float32)
  if not len(bought):
    return vectors
  counts = _pair_weights(baskets[:, bought])
  pmi = _shifted_pmi(counts, shift=shift, smoothing=smoothing)
  rank = min(dimensions, len(bought))
  factors = _factor(pmi, rank)
  factors[np.diff(pmi.indptr) == 0] = 0  # Lanczos leaves rounding there.
  vectors[bought, :rank] = unit_rows(factors)
  return vectors


def _basket_matrix(
  offsets: np.ndarray, items: np.ndarray, num_items: int
) -> scipy.sparse.csr_array:
  """`[B, N]` float64, 1 where a basket of two or more items has the item."""
  matrix = scipy.sparse.csr_array(
    (np.ones(len(items)), items.astype(np.int32), offsets),
    shape=(len(offsets) - 1, num_items),
  )
  matrix.sum_duplicates()
  matrix.data[:] = 1
  return matrix[np.diff(matrix.indptr) > 1]


def _pair_weights(baskets: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
  """`C [n, n]` float64, symmetric with an empty diagonal."""
  sizes = np.diff(baskets.indptr)
  # Multiples of 2^-20 add up exactly, so no order of baskets can be seen.
  weights = np.round(2.0**20 / (sizes - 1)) / 2.0**20
  weighted = baskets.copy()
  weighted.data = np.repeat(weights, sizes)
  counts = (baskets.T @ weighted).tocsr()
  counts.setdiag(0)
  counts.eliminate_zeros()
  counts.sort_indices()
  return counts


def _shifted_pmi(
  counts: scipy.sparse.csr_array, *, shift: float, smoothing: float
) -> scipy.sparse.csr_array:
  """`M [n, n]` float32."""
  sums = counts.sum(axis=1)
  sums = sums + smoothing * sums.mean()
  # An item that was only bought alone has no entry, but a finite logarithm.
  log_sums = np.log(np.maximum(sums, np.finfo(np.float64).tiny))
  pmi = np.log(counts.data) + np.log(sums.sum()) - np.log(shift)
  pmi -= np.repeat(log_sums, np.diff(counts.indptr))
  pmi -= log_sums[counts.indices]
  matrix = scipy.sparse.csr_array(
    (np.maximum(pmi, 0).astype(np.float32), counts.indices, counts.indptr),
    shape=counts.shape,
    copy=True,  # eliminate_zeros would write into the arrays of counts.
  )
  matrix.eliminate_zeros()
  return matrix


def _factor(matrix: scipy.sparse.csr_array, rank: int) -> np.ndarray:
  """`U sqrt(|S|)` `[n, rank]`, largest first, of a symmetric matrix.

  The singular triplets of a symmetric matrix are its eigenpairs up to sign, and
  one Lanczos product per step finds those where a general SVD needs two.
  """
  n = len(matrix.indptr) - 1
  if n <= 4 * rank:
    values, vectors = np.linalg.eigh(matrix.toarray().astype(np.float64))
  else:
    start = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    values, vectors = scipy.sparse.linalg.eigsh(
      matrix,
      k=rank,
      v0=start,
      tol=1e-3,  # type: ignore[arg-type]  # The stubs take an int.
    )
  order = np.argsort(-np.abs(values), kind="stable")[:rank]
  values, vectors = values[order], vectors[:, order]
  # An eigenvector has two signs; the one with a positive largest entry is kept.
  largest = np.abs(vectors).argmax(axis=0)
  vectors = vectors * np.sign(vectors[largest, np.arange(rank)])
  return (vectors * np.sqrt(np.abs(values))).astype(np.float32)
