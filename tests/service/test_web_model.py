"""What the page's scripts compute, in Node: choosing files, progress, answers, boxes, rows."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import formreader

PACKAGE = Path(formreader.__file__).parent
WEB = PACKAGE / "service" / "web"
SHARED = PACKAGE / "output" / "web"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="no Node on this machine")
def test_the_model_of_the_page(tmp_path: Path) -> None:
    for folder in (WEB, SHARED):  # in one place, as the service gives them
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    done = subprocess.run(
        [
            str(NODE),
            "--experimental-detect-module",  # the scripts are modules without a package.json
            "--no-warnings",
            "--test",
            str(Path(__file__).with_name("web_model.test.mjs")),
        ],
        env=os.environ | {"WEB": str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
