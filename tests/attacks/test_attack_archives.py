"""Archives that reach for other places, pretend, or burst: refused with their reason, and nothing of them is left."""

import json
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations.models import Run
from submissions import engine
from submissions.errors import UploadRefused
from submissions.models import QuotaCharge, Submission
from tests.attacks import hostile
from tests.attacks.attacker import Attacker, assert_canary_unseen, log_of
from tests.attacks.hostile import MARK, PLAIN, beside_plain, made_tar, made_zip, tar_of_kind

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

WHOLE = made_zip(PLAIN)
TAR = made_tar(PLAIN)

REFUSED_AT_THE_CHECK: list[tuple[str, Callable[[], bytes], str]] = [
    ("a path that leaves the folder, zip", lambda: beside_plain({f"../{MARK}": b"1"}), "E-ARC-PATH"),
    ("a path that leaves the folder, tar", lambda: made_tar({**PLAIN, f"../../tmp/{MARK}": b"1"}), "E-ARC-PATH"),
    ("a path that leaves the folder further down", lambda: beside_plain({f"a/../../{MARK}": b"1"}), "E-ARC-PATH"),
    ("an absolute path, zip", lambda: beside_plain({f"/tmp/{MARK}": b"1"}), "E-ARC-PATH"),
    ("an absolute path, tar", lambda: made_tar({**PLAIN, f"/tmp/{MARK}": b"1"}), "E-ARC-PATH"),
    ("a path with a drive", lambda: beside_plain({f"C:/{MARK}": b"1"}), "E-ARC-PATH"),
    ("a path with backslashes", lambda: beside_plain({f"..\\{MARK}": b"1"}), "E-ARC-PATH"),
    ("a symbolic link to a file, tar", lambda: tar_of_kind(tarfile.SYMTYPE, "/etc/passwd"), "E-ARC-LINK"),
    ("a symbolic link to a folder and a file through it", lambda: hostile.tar_through_link("/tmp"), "E-ARC-LINK"),
    ("a symbolic link, zip", lambda: hostile.zip_symlink("/etc/passwd"), "E-ARC-LINK"),
    ("a hard link to outside", lambda: tar_of_kind(tarfile.LNKTYPE, "/etc/shadow"), "E-ARC-LINK"),
    ("a block device", lambda: tar_of_kind(tarfile.BLKTYPE), "E-ARC-SPECIAL"),
    ("a character device", lambda: tar_of_kind(tarfile.CHRTYPE), "E-ARC-SPECIAL"),
    ("a named pipe", lambda: tar_of_kind(tarfile.FIFOTYPE), "E-ARC-SPECIAL"),
    ("an entry of a kind that nobody knows", lambda: tar_of_kind(b"V"), "E-ARC-SPECIAL"),
    ("a sparse file of a terabyte", hostile.sparse_tar, "E-ARC-SPECIAL"),
    ("a bomb of 1000:1, zip", hostile.zip_bomb, "E-ARC-RATIO"),
    ("a bomb of 1000:1, tar.gz", hostile.gzip_bomb, "E-ARC-RATIO"),
    ("a bomb that calls itself small", hostile.modest_liar, "E-ARC-DAMAGED"),
    ("a bomb of entries that share their bytes", lambda: hostile.overlapping(5000), "E-ARC-OVERLAP"),
    ("200,000 entries, zip", lambda: hostile.crowded_zip(200_000), "E-ARC-ENTRIES"),
    ("20,000 entries, tar", lambda: made_tar({f"{number}": b"" for number in range(20_000)}), "E-ARC-ENTRIES"),
    ("a name that stands twice", lambda: hostile.twice("a.py"), "E-ARC-DUPLICATE"),
    ("a manifest that stands twice", lambda: hostile.twice("submission.yaml"), "E-ARC-DUPLICATE"),
    ("names that differ by case only", lambda: beside_plain({"Model.py": b"1"}), "E-ARC-DUPLICATE"),
    ("a file where a folder is", lambda: beside_plain({"a": b"1", "a/b": b"1"}), "E-ARC-DUPLICATE"),
    ("names that differ by accents' form only", lambda: twins("café"), "E-ARC-NAME"),
    ("a NUL in a name", lambda: hostile.renamed(b"aXb.py", b"a\0b.py"), "E-ARC-NAME"),
    ("a newline in a name", lambda: beside_plain({"a\nb": b"1"}), "E-ARC-NAME"),
    ("an escape sequence in a name", lambda: beside_plain({"a\x1b[2J": b"1"}), "E-ARC-NAME"),
    ("a name that reads backwards", lambda: beside_plain({"a\u202eyp.exe": b"1"}), "E-ARC-NAME"),
    ("a name of 300 bytes", lambda: beside_plain({"n" * 300: b"1"}), "E-ARC-NAME"),
    ("a path of 40 folders", lambda: beside_plain({"d/" * 40 + "f": b"1"}), "E-ARC-NAME"),
    ("a name in no encoding", lambda: hostile.renamed(b"aXb.py", b"a\xffb.py"), "E-ARC-NAME"),
    ("two names for one entry", lambda: WHOLE.replace(b"model.py", b"other.py", 1), "E-ARC-DAMAGED"),
    ("an encrypted zip", hostile.encrypted, "E-ARC-ENCRYPTED"),
    ("packed by LZMA", lambda: made_zip(PLAIN, zipfile.ZIP_LZMA), "E-ARC-METHOD"),
    ("packed by bzip2", lambda: made_zip(PLAIN, zipfile.ZIP_BZIP2), "E-ARC-METHOD"),
    ("broken off, zip", lambda: WHOLE[: len(WHOLE) // 2], "E-ARC-DAMAGED"),
    ("broken off, tar", lambda: TAR[:1024], "E-ARC-DAMAGED"),
    ("broken off, tar.gz", lambda: made_tar(PLAIN, "w:gz")[:-40], "E-ARC-DAMAGED"),
    ("one zip behind another", lambda: WHOLE + made_zip({"a": b"1"}), "E-ARC-DAMAGED"),
    ("a directory that points beyond the file", lambda: hostile.zip_with_end(offset=2**31), "E-ARC-DAMAGED"),
    ("a directory of another size", lambda: hostile.zip_with_end(entries=1), "E-ARC-DAMAGED"),
    ("one zip of several", lambda: hostile.zip_with_end(disk=3), "E-ARC-FORMAT"),
    ("a tar with a size below zero", lambda: hostile.tar_of_size(b"\xff" * 12), "E-ARC-DAMAGED"),
    ("a tar with a size of 2^80", lambda: hostile.tar_of_size(b"\x80\0" + b"\xff" * 10), "E-ARC-DAMAGED"),
    ("a tar header that renames what comes", hostile.global_rename, "E-ARC-DAMAGED"),
    ("bytes behind the end", lambda: WHOLE + b"more", "E-ARC-DAMAGED"),
    ("a zip that begins like JSON", lambda: b"{" + WHOLE, "E-ARC-FORMAT"),
    ("no files, zip", lambda: made_zip({}), "E-ARC-EMPTY"),
]

REFUSED_AT_THE_UPLOAD: list[tuple[str, bytes, str]] = [
    ("a program in front of a zip", b"#!/bin/sh\nexit 0\n" + WHOLE, "E-UP-TYPE"),
    ("a Windows program in front of a zip", b"MZ" + bytes(62) + WHOLE, "E-UP-TYPE"),
    ("an archive of another kind", b"7z\xbc\xaf\x27\x1c" + bytes(100), "E-UP-TYPE"),
    ("a page", b"<!doctype html><script>alert(1)</script>", "E-UP-TYPE"),
    ("a tar without files", made_tar({}), "E-UP-TYPE"),
    ("nothing at all", b"", "E-UP-EMPTY"),
]


def twins(name: str) -> bytes:
    """One name in both of Unicode's forms."""
    return beside_plain({unicodedata.normalize(form, name): b"1" for form in ("NFC", "NFD")})


@pytest.mark.parametrize(("make", "code"), [pytest.param(*rest, id=name) for name, *rest in REFUSED_AT_THE_CHECK])
def test_hostile_archive_is_refused_and_gives_its_quota_back(
    attacker: Attacker, phase: Phase, make: Callable[[], bytes], code: str
) -> None:
    submission = attacker.hand_in(make(), phase)
    assert submission.state == Submission.State.REJECTED
    assert {problem["code"] for problem in submission.problems} == {code}, submission.problems
    assert all(problem["remedy"] for problem in submission.problems)
    assert not engine.sandbox().has_volume(engine.volume_of(submission))
    assert attacker.charge(submission) == (QuotaCharge.State.RELEASED, False)
    assert not Run.objects.exists()
    assert code in assert_canary_unseen(attacker, submission)


@pytest.mark.parametrize(("content", "code"), [pytest.param(*rest, id=name) for name, *rest in REFUSED_AT_THE_UPLOAD])
def test_what_is_no_archive_is_refused_before_it_is_handed_in(
    attacker: Attacker, phase: Phase, content: bytes, code: str
) -> None:
    with pytest.raises(UploadRefused) as refused:
        attacker.hand_in(content, phase)
    assert refused.value.problem.code == code
    assert not Submission.objects.exists()


def seen_inside(run: Run) -> dict[str, Any]:
    """What the submission said of its own files."""
    line = next(line for line in log_of(run).splitlines() if line.startswith("SEEN"))
    found: dict[str, Any] = json.loads(line.removeprefix("SEEN"))
    return found


LOOK = hostile.answering("""
found = {}
for folder, _, names in os.walk("/submission"):
    for path in (folder + "/" + name for name in names):
        facts = os.lstat(path)
        found[path] = [stat.S_ISREG(facts.st_mode), facts.st_mode & 0o7777, facts.st_nlink, os.access(path, os.W_OK)]
        try:
            subprocess.run([path])
            found[path].append("ran")
        except PermissionError:
            pass
print("SEEN" + json.dumps(found), file=sys.stderr, flush=True)
""").encode()
PLAIN_FILE = [True, 0o644, 1, False]


def test_set_uid_program_becomes_a_plain_file_and_the_run_is_scored(attacker: Attacker, phase: Phase) -> None:
    run = attacker.run(hostile.set_uid_tar(LOOK), phase)
    assert (run.state, attacker.score(run)) == (Run.State.DONE, 0.5)
    assert seen_inside(run) == dict.fromkeys(
        ("/submission/submission.yaml", "/submission/model.py", "/submission/program"), PLAIN_FILE
    )


def test_nested_archives_are_not_unpacked_and_the_run_is_scored(attacker: Attacker, phase: Phase) -> None:
    inner = made_zip({f"../{MARK}": b"1", "bomb.zip": hostile.zip_bomb()})
    run = attacker.run(beside_plain({"model.py": LOOK, "inner.zip": made_zip({"more.zip": inner}), "tar": TAR}), phase)
    assert (run.state, attacker.score(run)) == (Run.State.DONE, 0.5)
    assert set(seen_inside(run)) == {
        f"/submission/{name}" for name in ("submission.yaml", "model.py", "inner.zip", "tar")
    }


BASE = hostile.MANIFEST.decode()
MANIFESTS: list[tuple[str, str, str]] = [
    (
        "an object of Python's",
        f"{BASE}answers: !!python/object/apply:os.system ['touch /tmp/{MARK}']\n",
        "E-DOC-SYNTAX",
    ),
    ("aliases that multiply", f"{BASE}answers: {{a: &a [1, 1], b: [*a, *a]}}\n", "E-DOC-SYNTAX"),
    ("100,000 brackets", f"{BASE}answers: {{a: {'[' * 100_000}{']' * 100_000}}}\n", "E-DOC-SYNTAX"),
    ("a whole number that is none", f"{BASE}answers: {{a: !!int ''}}\n", "E-DOC-SYNTAX"),
    ("a truth value that is none", f"{BASE}answers: {{a: !!bool maybe}}\n", "E-DOC-SYNTAX"),
    ("a time that is none", f"{BASE}answers: {{a: !!timestamp never}}\n", "E-DOC-SYNTAX"),
    ("a number to base 60 beyond all floats", f"{BASE}answers: {{a: 1{':59' * 500}.5}}\n", "E-DOC-SYNTAX"),
    ("a number of 100,000 hexadecimal digits", f"{BASE}answers: {{epochs: 0x{'f' * 100_000}}}\n", "E-DOC-VALUE"),
    ("as many words", f"{BASE}data: {{words_seen: 0x{'f' * 100_000}}}\n", "E-DOC-VALUE"),
    ("not a number", f"{BASE}answers: {{epochs: .nan}}\n", "E-SUB-ANSWER"),
    (
        "50,000 answers that nobody asked for",
        f"{BASE}answers: {{{', '.join(f'a{n}: 1' for n in range(50_000))}}}\n",
        "E-SUB-ANSWER",
    ),
    ("a program outside of the archive", BASE.replace("model.py:", "../../usr/bin/x.py:"), "E-DOC-VALUE"),
    ("a name that turns the page around", BASE.replace("Magpie", '"Mag\\u202Epie"'), "E-DOC-VALUE"),
    ("a name with an escape sequence", BASE.replace("Magpie", '"Mag\\e[2Jpie"'), "E-DOC-VALUE"),
    ("a key that stands twice", f"{BASE}kind: model\n", "E-DOC-DUPLICATE"),
    ("a megabyte and more", f"{BASE}#{'x' * 1_000_000}\n", "E-ARC-TEXT"),
    ("another alphabet", BASE.encode("utf-16").decode("latin-1"), "E-DOC-SYNTAX"),
]


@pytest.mark.parametrize(("text", "code"), [pytest.param(*rest, id=name) for name, *rest in MANIFESTS])
def test_hostile_manifest_is_refused_and_its_check_ends(
    attacker: Attacker, track: Track, phase: Phase, text: str, code: str
) -> None:
    Track.objects.update(questions=[{"key": "epochs", "type": "number"}])
    submission = attacker.hand_in(beside_plain({"submission.yaml": text.encode()}), phase)
    assert submission.state == Submission.State.REJECTED
    assert {problem["code"] for problem in submission.problems} == {code}, submission.problems[:5]
    assert len(submission.problems) <= 50
    assert attacker.charge(submission) == (QuotaCharge.State.RELEASED, False)
    assert len(assert_canary_unseen(attacker, submission)) < 1_000_000


def test_an_honest_run_is_scored_after_the_archives(
    honest_run_is_scored: Callable[[Phase], None], phase: Phase
) -> None:
    honest_run_is_scored(phase)
