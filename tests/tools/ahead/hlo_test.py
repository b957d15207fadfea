"""Text that XLA prints, read by hand."""

import pytest

from tools.ahead import hlo

TEXT = """\
HloModule jit_f, is_scheduled=true

%body (p: (s32[], f32[8])) -> (s32[], f32[8]) {
  %p = (s32[], f32[8]{0}) parameter(0)
  %two = s32[]{:T(128)} constant(2)
  %i = s32[] get-tuple-element(%p), index=0
  %next = s32[] add(%i, %two)
  %x = f32[8]{0} get-tuple-element(%p), index=1
  ROOT %out = (s32[], f32[8]{0}) tuple(%next, %x)
}

%test (q: (s32[], f32[8])) -> pred[] {
  %q = (s32[], f32[8]{0}) parameter(0)
  %last = s32[] constant(7)
  %j = s32[] get-tuple-element(%q), index=0
  ROOT %less = pred[] compare(%j, %last), direction=LT
}

ENTRY %main (a: bf16[2,3]) -> bf16[2,3] {
  %a = bf16[2,3]{1,0:T(8,128)(2,1)S(1)} parameter(0), metadata={op_name="a(b)"}
  %t = (s32[], /*index=1*/f32[8]{0}) tuple(%a, %a)
  %w = (s32[], f32[8]{0}) while(%t), condition=%test, body=%body
  %n = (s32[], f32[8]{0}) while(%t), condition=%test, body=%body, """ + (
  """backend_config={"known_trip_count":{"n":"24"}}
  %c = s4[10]{0} custom-call(%a, %t), custom_call_target="__f$x"
  ROOT %b = bf16[2,3]{1,0} copy(%a)
}
"""
)


@pytest.fixture(scope="module")
def module():
  return hlo.parse(TEXT)


def test_types_have_their_bytes_and_place(module):
  main = module.computations[module.entry]
  (a,) = main["a"].arrays
  assert (a.bytes, a.space, a.in_memory) == (12, 1, False)
  (b,) = main["b"].arrays
  assert (b.bytes, b.in_memory) == (12, True)
  assert main["t"].bytes == 4 + 32
  assert main["c"].bytes == 5
  assert main["c"].operands == ("a", "t")
  assert hlo.root(main).name == "b"


def test_predicates_are_bytes_and_tokens_nothing():
  assert hlo.Array("pred", 3).bytes == 3
  assert hlo.Array("token", 1).bytes == 0


def test_turns_are_those_that_xla_notes_or_that_the_condition_gives(module):
  main = module.computations[module.entry]
  assert hlo.turns(module, main["n"]) == 24
  assert hlo.turns(module, main["w"]) == 4  # 0, 2, 4, 6.
  other = hlo.parse(TEXT.replace("direction=LT", "direction=GT"))
  assert hlo.turns(other, other.computations["main"]["w"]) is None


def test_notes_of_a_kernel_may_go_over_several_lines():
  kernel = '%k = f32[8]{0} custom-call(%x), notes={\n"b": 1\n}}, metadata={}'
  more = TEXT.replace("  ROOT %out", f"  {kernel}\n  ROOT %out")
  body = hlo.parse(more).computations["body"]
  assert body["k"].operands == ("x",)
  assert hlo.root(body).name == "out"
  hosted = TEXT.replace("direction=LT\n}", 'direction=LT\n}, thread="host"')
  assert hlo.parse(hosted).computations.keys() == {"body", "test", "main"}


def test_called_computations_are_found(module):
  main = module.computations[module.entry]
  assert set(main["w"].called) == {"test", "body"}
  assert hlo.users(main, "t") == [main["w"], main["n"], main["c"]]


def test_other_text_is_refused():
  with pytest.raises(ValueError, match="ENTRY"):
    hlo.parse("nothing")
