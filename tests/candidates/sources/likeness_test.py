import numpy as np
import pytest
from scipy import sparse

from gr_jax.candidates.sources.likeness import like_texts


@pytest.mark.parametrize("dense", [True, False])
def test_like_texts_are_the_largest_cosines_and_never_the_text_itself(dense):
  x = np.random.default_rng(0).random((7, 4)).astype(np.float32)
  x /= np.linalg.norm(x, axis=1, keepdims=True)
  vectors = x if dense else sparse.csr_array(x)
  found = like_texts(vectors, keep=2, power=3, block=3).toarray()
  cosine = x @ x.T
  np.fill_diagonal(cosine, -1)
  for row, kept in zip(cosine, found):
    best = np.sort(np.argsort(-row)[:2])
    np.testing.assert_array_equal(np.flatnonzero(kept), best)
    np.testing.assert_allclose(kept[best], row[best] ** 3, rtol=1e-5)
