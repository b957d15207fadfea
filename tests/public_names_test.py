"""Public names: each is there, none costs anything before it is used."""

import subprocess
import sys

import pytest

import gr_jax


@pytest.mark.parametrize("name", sorted(gr_jax._HOMES))
def test_a_public_name_is_what_its_module_defines(name):
  found = getattr(gr_jax, name)
  assert found is getattr(gr_jax, name)
  home = getattr(found, "__module__", None) or found.__name__.rpartition(".")[0]
  assert home == gr_jax._HOMES[name]
  assert found.__doc__
  assert name in dir(gr_jax)


def test_there_are_few_names():
  assert 30 <= len(gr_jax._HOMES) <= 50


def test_an_unknown_name_is_an_attribute_error():
  with pytest.raises(AttributeError, match="'gr_jax' has no attribute 'beam'"):
    _ = gr_jax.beam


def test_an_import_loads_no_library():
  code = (
    "import sys, gr_jax; "
    "print(sorted({'jax', 'numpy', 'flax', 'polars'} & set(sys.modules)))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout == "[]\n"
