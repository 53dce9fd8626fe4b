"""The model holds, and each planted bug is found in it."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.slow
def test_model_holds_and_planted_bugs_are_found():
    if not shutil.which("spin"):
        pytest.skip("spin is not installed")
    result = subprocess.run([str(Path(__file__).parent / "run.sh")], text=True, capture_output=True, check=False)
    print(result.stdout, result.stderr)
    assert result.returncode == 0
    assert result.stdout.rstrip().endswith(", 0 failed")
