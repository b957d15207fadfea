"""The recipe: whole triples are ads, the training period is read, IDs stay."""

import dataclasses
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import ua_sid as config_file
from experiments import ua_sid
from gr_jax.data.row_lists import RowLists
from gr_jax.tokenizers.build import load_tokenizer
from gr_jax.tokenizers.stable_hash import hash_codes
from tests.reference import tiny_tokenizers


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """The stages up to the tokenizer's, the IDs and the fit's result."""
  kept, workdir = [], tmp_path_factory.mktemp("run")
  tokenized = tiny_tokenizers.fit("ua_sid", workdir, keep=kept.append)
  return workdir, tokenized.semantic_ids, kept[0]


def section_of(workdir):
  manifest = workdir / "tokenizer" / "manifest.json"
  return json.loads(manifest.read_text())["section"]


def test_the_manifest_names_the_fields_that_are_hashed(run):
  workdir, ids, _ = run
  section = section_of(workdir)
  assert section["fields"] == ["item_id", "account", "conversion"]
  assert section["contrast"]["facts"] == ["account"]
  catalogue = tiny_tokenizers.data(workdir).catalogue
  hashes = hash_codes(catalogue.fields_of(section["fields"]), num_codes=8)
  np.testing.assert_array_equal(ids.codes[:, -1], hashes)


def test_items_of_the_catalogue_are_coded_as_they_were(run):
  """By the loaded tokenizer, from vectors, categories and fields alone.

  But for those that were moved for the sake of even sizes.
  """
  workdir, ids, fitted = run
  data, section = tiny_tokenizers.data(workdir), section_of(workdir)
  loaded = load_tokenizer(workdir / "tokenizer", section)
  vectors = np.load(workdir / "vectors" / "items.npy")
  categories = data.catalogue.categories[:, 1]
  fields = data.catalogue.fields_of(section["fields"])
  found = loaded.encode(vectors, categories, fields)
  assert (found == ids.codes).all(axis=1).mean() > 0.6
  moved = loaded.ads.encode(vectors, categories, fields[:, 1:2])
  np.testing.assert_array_equal(moved, fitted.latents)


def test_history_and_quality_tell_of_the_contrast_and_of_the_clusters(run):
  workdir, _, fitted = run
  steps = [row["step"] for row in fitted.history]
  assert steps == [2, 3, 4]
  quality = json.loads((workdir / "tokenizer/quality.json").read_text())
  metrics = {row["metric"] for row in quality}
  assert {
    "collision_rate",
    "items_per_id",
    "utilization",
    "partner_recall@1",
    "random_partner_recall@1",
    "given_partner_recall@1",
  } <= metrics
  assert "reconstruction_error" not in metrics  # Of other vectors.


def test_items_of_one_text_category_and_owner_are_one_ad(run):
  workdir, *_ = run
  data = tiny_tokenizers.data(workdir)
  texts = data.catalogue.texts.copy()
  texts[::2] = "the same"
  catalogue = dataclasses.replace(data.catalogue, texts=texts)
  section = ConfigDict(section_of(workdir))
  ads = ua_sid.ads_of(section, dataclasses.replace(data, catalogue=catalogue))
  triples = [
    (text, category, account)
    for text, category, account in zip(
      texts, catalogue.categories[:, 1], catalogue.fields[:, 0]
    )
  ]
  for item, ad in enumerate(ads.of_item):
    same = [triple == triples[item] for triple in triples]
    np.testing.assert_array_equal(ads.of_item == ad, same)
    assert ads.of_item[ads.first[ad]] == ad
  vectors = np.random.default_rng(0).normal(size=(60, 3))
  means = [
    vectors[ads.of_item == ad].mean(axis=0) for ad in range(len(ads.first))
  ]
  assert len(means) < 60
  np.testing.assert_allclose(ads.means(vectors), means, rtol=1e-6)


def test_no_steps_leave_the_vectors_as_they_are(run, monkeypatch):
  workdir, _, fitted = run
  clustered, steps = [], []

  def seen(vectors, fields, *, config, key, ads):
    clustered.append((vectors, fields, config.fields, ads))
    return dataclasses.replace(
      fitted, history=[{"step": 1, "loss": 0.0}, {"step": 2, "loss": 0.0}]
    )

  monkeypatch.setattr(ua_sid.ua_sid, "fit", seen)
  data, vectors = (
    tiny_tokenizers.data(workdir),
    tiny_tokenizers.vectors(workdir),
  )
  section = ConfigDict(section_of(workdir))
  section.contrast.steps = 0
  ua_sid.fit(section, data, vectors, lambda step, row: steps.append(step))
  ((given, fields, names, ads),) = clustered
  assert given is vectors.items
  np.testing.assert_array_equal(fields, data.catalogue.fields_of(names))
  assert ads is None
  assert steps == [1, 2]


def test_without_partners_the_vectors_stay_and_a_line_says_so(
  run, monkeypatch, capsys
):
  workdir, *_ = run
  data, vectors = (
    tiny_tokenizers.data(workdir),
    tiny_tokenizers.vectors(workdir),
  )
  nobody = RowLists(np.zeros(1, np.int64), np.zeros(0, np.int32))
  monkeypatch.setattr(ua_sid, "taken_together", lambda requests: nobody)
  found = ua_sid.contrast(
    ConfigDict(section_of(workdir)), data, vectors.items, None, None
  )
  assert found == (None, [])
  assert "no two ads are partners" in capsys.readouterr().out


@pytest.mark.parametrize("policy", ["sinkhorn", "next_free"])
def test_a_policy_that_chooses_the_last_code_stops_the_run(tmp_path, policy):
  config = config_file.get_config("tiny")
  config.tokenizer.collisions = policy
  with pytest.raises(ValueError, match="that of ua_sid is a hash"):
    ua_sid.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
