"""Small wrong changes of the code, and the tests that see them."""
