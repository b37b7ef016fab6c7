"""What the first start makes: a folder that only this user reads, and the same secrets for every process."""

import os
import subprocess
import sys
from pathlib import Path

SHOW = "from config import settings; print(settings.SECRET_KEY, *settings.SEALING_KEYS)"
PLATFORM = Path(__file__).resolve().parents[3] / "platform"


def test_processes_that_start_together_share_their_keys_in_a_folder_of_their_users_own(tmp_path: Path) -> None:
    place = tmp_path / "var"
    environment = {**os.environ, "PROCTOR_VAR": str(place), "PYTHONPATH": f"{PLATFORM}:{PLATFORM.parent}"}
    command = [sys.executable, "-c", SHOW]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0] * 4
    made = [place / "secret_key", place / "sealing_keys"]
    assert keys == {" ".join(path.read_text() for path in made)}
    assert min(len(path.read_text()) for path in made) > 40
    assert [path.stat().st_mode & 0o777 for path in (place, *made)] == [0o700, 0o600, 0o600]
    assert [path.name for path in place.iterdir() if path.name.startswith(("secret_key-", "sealing_keys-"))] == []


def test_sealing_keys_are_taken_from_the_environment_or_from_a_file_that_it_names(tmp_path: Path) -> None:
    place, kept = tmp_path / "var", tmp_path / "keys"
    kept.write_text("one,two")
    common = {**os.environ, "PROCTOR_VAR": str(place), "PYTHONPATH": f"{PLATFORM}:{PLATFORM.parent}"}
    for given in ({"PROCTOR_SEALING_KEYS": "one,two"}, {"PROCTOR_SEALING_KEYS_FILE": str(kept)}):
        shown = subprocess.run([sys.executable, "-c", SHOW], env=common | given, capture_output=True, text=True)
        assert shown.stdout.split()[1:] == ["one", "two"]
    assert not (place / "sealing_keys").exists()
