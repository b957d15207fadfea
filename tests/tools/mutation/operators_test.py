"""Every operator makes its change, once, and nothing else."""

import ast

import pytest

from tools.mutation.operators import by_hand, mutants, sample

SOURCE = '''"""A module."""
import jax.numpy as jnp

SIZE = 3


def f(x, y=2, *, mask=None):
  """Words 1 + 1."""
  if x.ndim != 2:
    raise ValueError(f"got {x.ndim + 1}, not {2}.")
  return EXPRESSION
'''


def changes(expression, operator=None):
  """The texts that an expression becomes."""
  source = SOURCE.replace("EXPRESSION", expression)
  return [
    mutant.after.removeprefix("(").removesuffix(")")
    if mutant.after.startswith("(")
    else mutant.after
    for mutant in mutants("f.py", source)
    if mutant.line == 11 and operator in (None, mutant.operator)
  ]


@pytest.mark.parametrize(
  ("operator", "expression", "expected"),
  [
    ("compare", "x < y", ["x <= y"]),
    ("compare", "x in y", ["x not in y"]),
    ("arithmetic", "x + y", ["x - y"]),
    ("arithmetic", "x * y", ["x / y"]),
    ("term", "x * y", ["x"]),
    ("term", "x and y", ["x"]),
    ("logic", "x and y", ["x or y"]),
    ("logic", "x & y", ["x | y"]),
    ("constant", "x[0]", ["1"]),
    ("boolean", "g(True)", ["False"]),
    ("negation", "~x", ["x"]),
    ("negation", "-1", []),
    ("extreme", "jnp.argmin(x)", ["jnp.argmax(x)"]),
    ("axis", "x.sum(axis=-1)", ["x.sum(axis=0)"]),
    ("axis", "x.sum(axis=0)", ["x.sum(axis=-1)"]),
    ("axis", "x.sum(axis=1)", ["x.sum(axis=0)"]),
    ("keyword", "jnp.sum(x, where=mask)", ["jnp.sum(x)"]),
    ("keyword", "g(x, loss_mask=mask)", ["g(x)"]),
    ("keyword", "g(x, size=mask)", []),
    ("argument", "jnp.log(x)", ["x"]),
    ("argument", "x.max()", ["x"]),
    ("argument", "g(x)", []),
    ("choice", "jnp.where(mask, x, y)", ["x", "y"]),
    ("choice", "x if mask else y", ["x", "y"]),
  ],
)
def test_an_operator_makes_its_changes(operator, expression, expected):
  assert changes(expression, operator) == expected


def test_settings_words_and_errors_are_left_alone():
  source = SOURCE.replace("EXPRESSION", "x")
  found = mutants("f.py", source)
  assert [(m.before, m.after) for m in found] == [
    ("x.ndim != 2", "(x.ndim == 2)"),
    ("2", "3"),
  ]


def test_a_change_parses_and_is_confined_to_its_place():
  source = SOURCE.replace(
    "EXPRESSION", "jnp.log(x + y)[..., 0] - 'é'.count('é') * y"
  )
  for mutant in mutants("f.py", source):
    changed = mutant.apply(source)
    assert changed != source
    ast.parse(changed)
    begin = len(source.encode()[: mutant.offset].decode())
    assert changed[:begin] == source[:begin]
    rest = source[begin + len(mutant.before) :]
    assert changed.endswith(rest)


def test_another_source_is_refused():
  mutant = mutants("f.py", SOURCE.replace("EXPRESSION", "x + y"))[-1]
  with pytest.raises(ValueError, match=r"f\.py:11: expected 'x \+ y'"):
    mutant.apply("\n" + SOURCE.replace("EXPRESSION", "x + y"))


def test_a_larger_sample_begins_with_the_smaller_one():
  found = mutants(
    "f.py", SOURCE.replace("EXPRESSION", "(x + y) * (x < y) + x[0]")
  )
  small, large = (sample(found, count=n, seed=3) for n in (4, 50))
  assert large[:4] == small
  assert sorted(large, key=str) == sorted(found, key=str)
  first = {mutant.operator for mutant in large[:4]}
  assert first == {"arithmetic", "compare", "constant", "term"}
  assert sample(found, count=9, seed=4) != sample(found, count=9, seed=3)


def test_a_written_change_has_one_place():
  mutant = by_hand("f.py", "a = 1\nb = 2\n", "b = 2", "b = 3")
  assert (mutant.line, mutant.offset) == (2, 6)
  assert mutant.apply("a = 1\nb = 2\n") == "a = 1\nb = 3\n"
  with pytest.raises(ValueError, match="stands 2 times"):
    by_hand("f.py", "a = 1\na = 1\n", "a = 1", "a = 2")
