"""Runs that the server's tests load as well."""

from tests.serving.conftest import *  # noqa: F403
