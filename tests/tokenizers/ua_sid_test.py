"""UA-SID: even clusters, hashes that tell copies apart, IDs that stay."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.tokenizers import quality, rq_kmeans, ua_sid
from gr_jax.tokenizers.ad_encoder import AdEncoder, AdNetwork
from gr_jax.tokenizers.ad_vectors import AdVectors, Facts
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.stable_hash import hash_codes
from gr_jax.tokenizers.tokenizer import ReadsFields

N, LEVELS = 150, (12, 8, 64)
NAMES = ("account", "item_id", "conversion")
CONFIG = ua_sid.UaSidConfig(LEVELS, iterations=3, fields=NAMES)
SECTION = {"levels": [12, 8, 64], "iterations": 3, "fields": [*NAMES]}


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
  found = fitted.tokenizer.encode(VECTORS[::-1], fields=FIELDS)
  np.testing.assert_array_equal(found[:, -1], expected)
  renamed = [(*row[:2], "other") for row in FIELDS]
  again = fitted.tokenizer.encode(VECTORS, fields=renamed)
  codes = fitted.tokenizer.encode(VECTORS, fields=FIELDS)
  np.testing.assert_array_equal(again[:, :-1], codes[:, :-1])
  assert (again[:, -1] != codes[:, -1]).mean() > 0.9


def test_copies_of_what_is_shown_have_ids_of_their_own(fitted):
  """At most 0.4 of the collisions of as many codes that read the vector."""
  config = rq_kmeans.RqKMeansConfig(LEVELS)
  other = rq_kmeans.fit(VECTORS, config=config, key=jax.random.key(1))
  other = rq_kmeans.RqKMeans(other.codebooks).encode(VECTORS)
  vectors_alone = collision_rate(SemanticIds(other, LEVELS))
  assert vectors_alone >= 0.3
  codes = fitted.tokenizer.encode(VECTORS, fields=FIELDS)
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


def test_it_is_known_as_a_tokenizer_that_reads_fields(fitted):
  assert isinstance(fitted.tokenizer, ReadsFields)
  assert not isinstance(rq_kmeans.RqKMeans(()), ReadsFields)
  assert fitted.tokenizer.field_names == NAMES


def test_a_new_ad_has_its_id_whatever_comes_with_it(fitted):
  vectors, fields = ads(1, 30, copies=0)
  codes = fitted.tokenizer.encode(vectors, fields=fields)
  alone = fitted.tokenizer.encode(vectors[7:8], fields=fields[7:8])
  np.testing.assert_array_equal(alone[0], codes[7])
  np.testing.assert_array_equal(
    fitted.tokenizer.encode(vectors), np.where([1, 1, 0], codes, -1)
  )


def test_an_id_stays_while_the_catalogue_grows(fitted):
  """By a fifth, in two steps, under every policy that keeps all levels."""
  vectors, fields = ads(1, N // 5, copies=0)
  codes = fitted.tokenizer.encode(vectors, fields=fields)
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
  codes = loaded.encode(VECTORS, fields=FIELDS)
  assert codes.dtype == np.int32
  np.testing.assert_array_equal(
    codes, fitted.tokenizer.encode(VECTORS, fields=FIELDS)
  )


def test_a_section_gives_the_config():
  assert ua_sid.UaSid.settings(SECTION) == CONFIG
  open_section = {"levels": None, "fields": None, "iterations": 3}
  default = ua_sid.UaSid.settings(open_section)
  assert default.levels == (16384, 4096, 1024)
  assert default.fields == ("item_id", "account", "conversion")


@pytest.mark.parametrize("policy", sorted(COLLISIONS))
def test_a_policy_that_chooses_the_last_code_is_refused(policy):
  section = SECTION | {"collisions": policy}
  if policy in ua_sid.POLICIES:
    assert ua_sid.UaSid.settings(section) == CONFIG
    return
  with pytest.raises(ValueError, match="Use one of clusters, suffix, split"):
    ua_sid.UaSid.settings(section)


@pytest.mark.parametrize("fields", [(), ("account", "account")])
def test_a_hash_has_fields_each_once(fields):
  with pytest.raises(ValueError, match="must be one name or more, each once"):
    ua_sid.UaSidConfig(fields=fields)


def moved_by_facts():
  """A random encoder of ads that reads a category and the account."""
  facts = Facts(2, (tuple(f"account {n}" for n in range(5)),))
  network = AdNetwork(facts.sizes, width=6, feed_forward=4)
  rng = np.random.default_rng(3)
  shapes = jax.eval_shape(
    network.init, jax.random.key(0), VECTORS, np.zeros((N, 2), np.int32)
  )
  params = jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype(np.float32), nn.unbox(shapes)
  )
  return AdVectors(AdEncoder(network, params), facts, ("account",))


def test_codes_are_of_the_vectors_that_the_contrast_makes(fitted, tmp_path):
  ads = moved_by_facts()
  whole = dataclasses.replace(fitted.tokenizer, ads=ads)
  categories = np.arange(N) % 4 - 1  # 2 came after the fit.
  accounts = np.array([[row[0]] for row in FIELDS], object)
  moved = ads.encode(VECTORS, categories, accounts)
  codes = whole.encode(VECTORS, categories, FIELDS)
  np.testing.assert_array_equal(
    codes, fitted.tokenizer.encode(moved, fields=FIELDS)
  )
  assert (codes[:, 0] != fitted.tokenizer.encode(VECTORS)[:, 0]).any()
  tmp_path.joinpath("new").mkdir()
  whole.save(tmp_path / "new")
  loaded = ua_sid.UaSid.load(tmp_path / "new", SECTION)
  assert loaded.ads is not None
  assert loaded.ads.facts == ads.facts
  np.testing.assert_array_equal(
    loaded.encode(VECTORS, categories, FIELDS), codes
  )


def test_without_fields_no_fact_of_them_is_known(fitted):
  whole = dataclasses.replace(fitted.tokenizer, ads=moved_by_facts())
  categories = np.zeros(N, int)
  nobody = [(None, None, None)] * N
  expected = whole.encode(VECTORS, categories, nobody)[:, :-1]
  found = whole.encode(VECTORS, categories)
  np.testing.assert_array_equal(found[:, :-1], expected)
  assert (found[:, -1] == -1).all()


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
    fitted.tokenizer.encode(VECTORS[:2], fields=FIELDS[:3])
