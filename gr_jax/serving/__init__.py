"""Trained parts to ranked items, in a program and over HTTP."""
