import numpy as np

from gr_jax.dual_encoder import encoding
from tests.reference.small_dense import built


def test_encoding_in_slices_changes_nothing():
  model, params, (prompt, words, vectors, items) = built()
  found = encoding.encode_requests(model, params, prompt, words, vectors)
  q, d = model.apply(params, prompt, words, vectors, items)
  np.testing.assert_allclose(found, q, atol=1e-5)
  np.testing.assert_allclose(
    encoding.encode_items(model, params, items), d, atol=1e-5
  )
