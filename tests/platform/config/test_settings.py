"""What the first start makes: a folder that only this user reads, and one secret key for every process."""

import os
import subprocess
import sys
from pathlib import Path

SHOW = "from config import settings; print(settings.SECRET_KEY)"
PLATFORM = Path(__file__).resolve().parents[3] / "platform"


def test_processes_that_start_together_share_one_key_in_a_folder_of_their_users_own(tmp_path: Path) -> None:
    place = tmp_path / "var"
    environment = {**os.environ, "PROCTOR_VAR": str(place), "PYTHONPATH": f"{PLATFORM}:{PLATFORM.parent}"}
    command = [sys.executable, "-c", SHOW]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert keys == {(place / "secret_key").read_text()}
    assert min(map(len, keys)) > 40
    assert (place.stat().st_mode & 0o777, (place / "secret_key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert [path.name for path in place.iterdir() if path.name.startswith("secret_key-")] == []
