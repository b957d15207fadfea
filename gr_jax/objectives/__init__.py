"""Pure training losses; they know no other room."""
