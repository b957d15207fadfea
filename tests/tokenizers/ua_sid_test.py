"""UA-SID: even clusters, hashes that tell copies apart, IDs that stay."""

import jax
import numpy as np
import pytest

from gr_jax.tokenizers import quality, rq_kmeans, ua_sid
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.stable_hash import hash_codes

N, LEVELS = 150, (12, 8, 64)
CONFIG = ua_sid.UaSidConfig(LEVELS, iterations=3)
SECTION = {"levels": [12, 8, 64], "iterations": 3}


def ads(seed, count, *, copies):
  """Vectors and fields; `copies` ads show what another shows.

  A copy differs in account, item or conversion type.
  """
  rng = np.random.default_rng(seed)
  vectors = rng.normal(size=(count, 6)).astype(np.float32)
  vectors[count - copies :] = vectors[rng.integers(0, count - copies, copies)]
  fields = [
    (f"account {rng.integers(9)}", f"{seed}/{ad}", int(rng.integers(3)))
    for ad in range(count)
  ]
  return vectors, fields


VECTORS, FIELDS = ads(0, N, copies=45)


@pytest.fixture(scope="module")
def fitted():
  return ua_sid.fit(VECTORS, FIELDS, config=CONFIG, key=jax.random.key(1))


def ids_of(fitted):
  return SemanticIds(fitted.codes, fitted.tokenizer.level_sizes)


def collision_rate(ids):
  rows = {row["metric"]: row["value"] for row in quality.collision_rows(ids)}
  return rows["collision_rate"]


def test_levels_of_vectors_have_even_sizes_and_lower_the_error(fitted):
  assert fitted.tokenizer.level_sizes == LEVELS
  for level, size in enumerate(LEVELS[:-1]):
    counts = np.bincount(fitted.codes[:, level], minlength=size)
    assert counts.max() - counts.min() <= 1
  before = np.square(VECTORS - VECTORS.mean(0)).sum(1).mean()
  errors = [before, *(row["loss"] for row in fitted.history)]
  assert (np.diff(errors) < 0).all()
  gap = np.square(VECTORS - fitted.restored).sum(1).mean()
  assert gap == pytest.approx(errors[-1], rel=1e-5)


def test_the_last_code_hashes_the_fields_and_nothing_else(fitted):
  expected = hash_codes(FIELDS, num_codes=64)
  np.testing.assert_array_equal(fitted.codes[:, -1], expected)
  found = fitted.tokenizer.encode_items(VECTORS[::-1], FIELDS)
  np.testing.assert_array_equal(found[:, -1], expected)
  renamed = [(*row[:2], "other") for row in FIELDS]
  again = fitted.tokenizer.encode_items(VECTORS, renamed)
  codes = fitted.tokenizer.encode_items(VECTORS, FIELDS)
  np.testing.assert_array_equal(again[:, :-1], codes[:, :-1])
  assert (again[:, -1] != codes[:, -1]).mean() > 0.9


def test_copies_of_what_is_shown_have_ids_of_their_own(fitted):
  """At most 0.4 of the collisions of as many codes that read the vector."""
  config = rq_kmeans.RqKMeansConfig(LEVELS)
  other = rq_kmeans.fit(VECTORS, config=config, key=jax.random.key(1))
  other = rq_kmeans.RqKMeans(other.codebooks).encode(VECTORS)
  vectors_alone = collision_rate(SemanticIds(other, LEVELS))
  assert vectors_alone >= 0.3
  codes = fitted.tokenizer.encode_items(VECTORS, FIELDS)
  assert collision_rate(SemanticIds(codes, LEVELS)) <= 0.4 * vectors_alone


def test_a_new_ad_has_the_codes_of_known_ads_like_it(fitted):
  """All but the few that were moved for the sake of even sizes."""
  known = fitted.codes[:, :-1]
  codes = fitted.tokenizer.encode(VECTORS)[:, :-1]
  nearest = rq_kmeans.RqKMeans(fitted.codebooks).encode(VECTORS)
  by_prices, without = (
    (found == known).all(axis=1).mean() for found in (codes, nearest)
  )
  assert by_prices > max(0.8, without + 0.05)


def test_a_new_ad_has_its_id_whatever_comes_with_it(fitted):
  vectors, fields = ads(1, 30, copies=0)
  codes = fitted.tokenizer.encode_items(vectors, fields)
  alone = fitted.tokenizer.encode_items(vectors[7:8], fields[7:8])
  np.testing.assert_array_equal(alone[0], codes[7])
  np.testing.assert_array_equal(
    fitted.tokenizer.encode(vectors), np.where([1, 1, 0], codes, -1)
  )


def test_an_id_stays_while_the_catalogue_grows(fitted):
  """By a fifth, in two steps, under every policy that keeps all levels."""
  vectors, fields = ads(1, N // 5, copies=0)
  codes = fitted.tokenizer.encode_items(vectors, fields)
  popularity = np.zeros(N)
  for name in ("clusters", "suffix", "split"):
    ids = COLLISIONS[name].resolve(fitted, popularity)
    once = COLLISIONS[name].append(ids, codes[:10])
    twice = COLLISIONS[name].append(once, codes[10:])
    np.testing.assert_array_equal(twice.codes[:N], ids.codes)
    np.testing.assert_array_equal(twice.codes[N:, :3], codes)
    assert twice.level_sizes == ids.level_sizes


def test_an_id_leads_back_to_its_ads(fitted):
  ids = ids_of(fitted)
  for ad in range(0, N, 10):
    found = ids.id_of_item[ad]
    items = ids.items[ids.item_offsets[found] : ids.item_offsets[found + 1]]
    np.testing.assert_array_equal(ids.ids[found], fitted.codes[ad])
    assert ad in items
    assert (fitted.codes[items] == fitted.codes[ad]).all()


def test_a_loaded_tokenizer_encodes_as_the_fitted_one(fitted, tmp_path):
  fitted.tokenizer.save(tmp_path)
  loaded = ua_sid.UaSid.load(tmp_path, SECTION)
  assert loaded.level_sizes == fitted.tokenizer.level_sizes
  codes = loaded.encode_items(VECTORS, FIELDS)
  assert codes.dtype == np.int32
  np.testing.assert_array_equal(
    codes, fitted.tokenizer.encode_items(VECTORS, FIELDS)
  )


def test_a_section_gives_the_config():
  assert ua_sid.UaSid.settings(SECTION) == CONFIG


@pytest.mark.parametrize("levels", [(), (8,), (8, 0)])
def test_there_is_a_level_of_vectors_and_one_of_hashes(levels):
  with pytest.raises(ValueError, match="must be two or more"):
    ua_sid.UaSidConfig(levels)


def test_levels_of_vectors_do_not_grow():
  with pytest.raises(ValueError, match=r"\(8, 16, 4\) grow"):
    ua_sid.UaSidConfig((8, 16, 4))
  assert ua_sid.UaSidConfig((8, 8, 32)).levels == (8, 8, 32)


def test_every_ad_has_its_own_fields(fitted):
  with pytest.raises(ValueError, match="150 vectors have the fields of 149"):
    ua_sid.fit(VECTORS, FIELDS[:-1], config=CONFIG, key=jax.random.key(1))
  with pytest.raises(ValueError, match="2 vectors have the fields of 3"):
    fitted.tokenizer.encode_items(VECTORS[:2], FIELDS[:3])
