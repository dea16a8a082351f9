"""Tests of gridcover; what several of them share is in `tests.support`."""

import pytest

pytest.register_assert_rewrite("tests.support")
