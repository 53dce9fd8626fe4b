"""What the comparisons share: one stock Redis, and its answers kept so that each section asks it once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope="session")
def redis_answers():
    """Answers of the oracle by (section, protocol)."""
    return {}
