"""`manage.py findings`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from challenges.models import Challenge
from findings.bundle import build
from tests.platform.findings import invented


def test_a_challenge_without_results_has_a_report_that_says_so(
    make_challenge: Callable[..., Challenge], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_challenge("quiet")
    call_command("findings", "build", "quiet", out=tmp_path / "a")
    call_command("findings", "quiet", out=tmp_path / "b")
    assert capsys.readouterr().out.count("files, version") == 2
    assert "Nothing is ranked yet." in (tmp_path / "a" / "report.md").read_text()
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_what_stays_is_named(
    make_challenge: Callable[..., Challenge], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_challenge("quiet")
    call_command("findings", "quiet", out=tmp_path)
    (tmp_path / "report.md").write_text("My own report.\n")
    call_command("findings", "quiet", out=tmp_path)
    assert "kept report.md: it was changed by hand; the new one is report.md.new" in capsys.readouterr().out
    assert (tmp_path / "report.md").read_text() == "My own report.\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (["nobody"], {"out": Path("x")}, "There is no challenge 'nobody'."),
        (["nobody"], {}, "Say where to with --out DIR."),
        (["make", "it"], {"out": Path("x")}, "Say `findings CHALLENGE --out DIR`"),
        (["check", "nowhere.tex"], {}, "nowhere.tex: No such file or directory"),
        (["check", "nowhere.tex", "more"], {}, "Say `findings CHALLENGE --out DIR`"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(words: list[str], options: dict[str, Path], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence.replace("(", r"\(").replace("`", ".")):
        call_command("findings", *words, **options)


@pytest.mark.django_db
def test_a_paper_that_disagrees_fails_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(invented.material(), tmp_path)
    (tmp_path / "paper.tex").write_text("\\input{numbers}\n\n\\claim{winner small = Method 2}{Method 2 wins.}\n")
    with pytest.raises(CommandError, match="1 place disagrees with the data") as failed:
        call_command("findings", "check", str(tmp_path / "paper.tex"))
    assert failed.value.returncode == 1
    assert (
        f"{tmp_path / 'paper.tex'}:3: it claims “winner small = Method 2”; Method 0 leads." in capsys.readouterr().out
    )


@pytest.mark.django_db
def test_a_paper_that_agrees_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(invented.material(), tmp_path / "findings")
    (tmp_path / "paper.tex").write_text("\\input{findings/numbers}\n\\numSmallWinnerScore\n")
    call_command("findings", "check", str(tmp_path / "paper.tex"))
    call_command("findings", "check", str(tmp_path / "paper.tex"), against=str(tmp_path / "findings"))
    assert capsys.readouterr().out.count("agrees with invented") == 2


@pytest.mark.django_db
def test_a_paper_without_a_report_beside_it_has_nothing_to_be_held_against(tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text("Nothing.\n")
    with pytest.raises(CommandError, match=r"stats\.json: No such file"):
        call_command("findings", "check", str(tmp_path / "paper.tex"))
