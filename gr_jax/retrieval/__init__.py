"""From a finished run to ranked items, in a program."""
