"""The store behaves as the client of JAX's coordinator does."""

import jax
import pytest
from jax._src import distributed

from gr_jax.parallel import private_jax
from gr_jax.parallel.store import CoordinatorStore


class Client:
  """As `key_value_*` of the client are in jax 0.10."""

  def __init__(self):
    self.texts = {}

  def key_value_set(self, key, value, allow_overwrite=False):
    if key in self.texts and not allow_overwrite:
      raise ValueError(f"ALREADY_EXISTS: {key}")
    self.texts[key] = value

  def key_value_dir_get(self, folder):
    return [(k, v) for k, v in self.texts.items() if k.startswith(folder)]


def test_texts_are_read_by_folder_and_name():
  store = CoordinatorStore(Client())
  store.put("beats/0", "a")
  store.put("beats/10", "b")
  store.put("beats/0", "c")
  store.put("beat/1", "d")
  assert store.read("beats") == {"0": "c", "10": "b"}
  assert store.read("none") == {}


def test_the_first_text_stays():
  store = CoordinatorStore(Client())
  assert store.put_first("verdict/first", "a")
  assert not store.put_first("verdict/first", "b")
  assert store.read("verdict") == {"first": "a"}


def test_hosts_that_are_not_joined_have_no_store():
  with pytest.raises(RuntimeError, match="are not joined"):
    CoordinatorStore()


def test_a_version_of_jax_without_a_store_is_named(monkeypatch):
  monkeypatch.delattr(distributed, "global_state")
  with pytest.raises(private_jax.MissingInJax, match=jax.__version__):
    private_jax.client()
