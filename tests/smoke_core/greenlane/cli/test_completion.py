"""`greenlane completion`: the shell reads what is printed, and completes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from greenlane.cli.main import main, own_commands


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["greenlane", "ver"], {"verdict"}),
        (["greenlane", ""], set(own_commands())),
        (["greenlane", "matrix", "--gi"], {"--github"}),
        (["greenlane", "completion", ""], {"bash", "zsh", "tcsh"}),
    ],
)
def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], wanted: set[str]) -> None:
    """A real bash, given the script, offers commands, options and choices."""
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "greenlane.bash"
    script.write_text(capsys.readouterr().out)
    quoted = " ".join(f"'{word}'" for word in words)
    ask = f"""
        source {script}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
        function_name=$(complete -p greenlane | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        $function_name greenlane '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert wanted <= set(done.stdout.split()), done.stderr


def test_an_unknown_shell_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, with the shells that are known."""
    with pytest.raises(SystemExit) as ended:
        main(["completion", "fish"])
    assert ended.value.code == 2
    assert "bash" in capsys.readouterr().err
