"""The wheel runs by itself: installed into an empty environment, away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from referins_woo.run.parent import die_with_parent
from tests.conftest import ENCRYPTION_KEY, ROOT, SECRET_KEY


def run(*command: str | Path, cwd: Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.storm
@pytest.mark.timeout(400)
def test_the_wheel_migrates_and_serves_in_an_empty_environment(tmp_path: Path, free_port: int) -> None:
    dist = tmp_path / "dist"
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, ".", cwd=ROOT)
    wheel = next(dist.glob("*.whl"))

    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=tmp_path)
    run(*install, "--no-deps", wheel, cwd=tmp_path)

    url = f"http://127.0.0.1:{free_port}"
    environ = {
        "PATH": os.environ["PATH"],
        "REFERINS_DATA": str(tmp_path / "data"),
        "PUBLIC_URL": url,
        "REDIS_URL": f"unix://{tmp_path}/nobody.sock",  # pages do without; bells are heard by nobody here
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    referins = venv / "bin" / "referins"
    run(referins, "db", "upgrade", cwd=tmp_path, environ=environ)
    parent = os.getpid()
    web = subprocess.Popen(
        [referins, "web", "--bind", f"127.0.0.1:{free_port}"],
        cwd=tmp_path,
        env=environ,
        preexec_fn=lambda: die_with_parent(parent),
    )
    try:
        page = fetch(f"{url}/sign-in", web)
        assert "<h1" in page
        styles = next(part for part in page.split('"') if "/static/dist/app-" in part and part.endswith(".css"))
        assert len(fetch(url + styles, web)) > 100_000
    finally:
        web.terminate()
        assert web.wait(30) == 0


def fetch(url: str, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            assert server.poll() is None, "referins web ended"
            assert time.monotonic() < deadline, f"{url} did not answer"
            time.sleep(0.05)
