import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from experiments.pipeline.base_model import described, find_base
from experiments.pipeline.first_state import frozen, with_pretrained
from experiments.pipeline.untrained import build_untrained
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.averaging import average_params, used_params
from gr_jax.training.state import create_state
from tests.reference import tasks, tiny_tokenizers, trained_run
from tests.reference.small_world import semantic_ids


def test_codes_begin_as_the_words_of_what_they_name(tmp_path):
  data = tiny_tokenizers.data(tmp_path)
  section = ConfigDict(trained_run.section(network="pretrained"))
  base = find_base(section, tmp_path, data)
  section = described(section, base)
  parts = build_untrained(section, data, semantic_ids(), base=base)
  mesh = make_mesh(MeshConfig(), jax.devices()[:1])
  # An average begins with the parameters that it is given.
  optimizer = optax.chain(optax.adam(0.1), average_params(0.5))
  key = jax.random.key(0)
  drawn = create_state(parts.initializer({}), optimizer, key, mesh=mesh)
  fixed = frozen(parts, mesh)
  state = with_pretrained(drawn, optimizer, parts, fixed, mesh)
  rows = np.asarray(state.params["params"]["new_embedding"])
  table = np.asarray(fixed[FROZEN]["token_embedding"])
  ids, texts = semantic_ids(), data.catalogue.texts
  named = np.flatnonzero(ids.codes[:, 0] == 1)[:16]
  text = " ".join(texts[named].tolist())
  tokens = parts.vocabulary.text.tokenizer.encode(text).ids[:128]
  np.testing.assert_allclose(rows[1], table[tokens].mean(axis=0), atol=1e-5)
  begun = used_params(state)["params"]["new_embedding"]
  np.testing.assert_array_equal(begun, rows)


def test_other_generators_begin_as_they_were_drawn(tmp_path):
  parts = tasks.untrained(tasks.section("point_wise"), tmp_path)
  assert frozen(parts, None) == {}
  state = object()
  assert with_pretrained(state, None, parts, {}, None) is state
