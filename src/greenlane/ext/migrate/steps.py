"""What a shell text does, step by step: calls of pytest with what is set for them, and the commands beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from greenlane.ext.migrate.checks import seconds
from greenlane.ext.migrate.environment import SECRET
from greenlane.ext.migrate.legacy_pytest import PytestCall, bare, call_of
from greenlane.ext.migrate.makefile import Makefile
from greenlane.ext.migrate.secrets import HIDDEN, hidden, secret_lines
from greenlane.ext.migrate.shell import Command, commands
from greenlane.ext.migrate.shell_words import Expansion, ShellError, Word
from greenlane.ext.migrate.values import Findings, Script

DEEPEST = 4
"""Levels of `bash -c` and of make targets in make targets that are followed."""

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_PYTEST = re.compile(r"(?<![\w./-])(?:[\w./-]*/)?(?:py\.test|pytest)(?![\w.])")
_SHELLS = ("bash", "sh", "zsh", "dash", "ksh")
_SETTINGS = ("set", "shopt", "trap", "wait", "unset", "umask", "ulimit", "hash", "type", "true", ":", "exit", "return")
_SAYS = ("echo", "printf", "date", "pwd", "ls", "sleep")
_HIDES = (("true",), (":",), ("exit", "0"), ("/bin/true",))
_INSTALLS = re.compile(r"(?:uv |python[\d.]* -m )?pip[\d.]* install\b|(?:uv|poetry|pdm|pipenv) (?:sync|install)\b")
_OPTIONS_WITH_VALUE = {"nice": ("-n",), "timeout": ("-s", "-k", "--signal", "--kill-after"), "env": ("-u", "-C", "-S")}
_WRAPPERS = ("env", "time", "exec", "nice", "command", "timeout", "xvfb-run", "nohup", "sudo", "builtin")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call of pytest with its surroundings.

    Attributes:
        line: of the list.
        env: value by name, None for one that is passed on.
        budget: seconds that `timeout` gives it, None for none said.
        folder: where it is run, relative to the project.
    """

    line: int
    call: PytestCall
    env: dict[str, str | None]
    budget: float | None
    folder: str


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """What a shell text does.

    Attributes:
        calls: of pytest, in order.
        runs: argument vectors of what is beside them; one of a shell where they need one.
        env: variables that the text exports for them.
    """

    calls: tuple[Call, ...]
    runs: tuple[tuple[str, ...], ...]
    env: dict[str, str | None]


def steps_of(script: Script, makefile: Makefile, findings: Findings) -> Steps:
    """Return what a shell text does; whatever is no step of a lane or session is told.

    Args:
        script: the text, with its line in the list.
        makefile: of the project, for make targets.
    """
    walk = _Walk(makefile, findings, lambda line: script.line + line - 1 if script.block else script.line)
    walk.text(script.text)
    walk.tell_secrets(script.text)
    return Steps(calls=tuple(walk.calls), runs=walk.runs(), env=dict(walk.exported))


class _Walk:
    """Follows the commands of a text, and remembers what they set."""

    def __init__(self, makefile: Makefile, findings: Findings, line: Callable[[int], int]) -> None:
        self.calls: list[Call] = []
        self.exported: dict[str, str | None] = {}
        self._makefile = makefile
        self._findings = findings
        self._line = line
        self._values: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._folder = "."
        self._beside: list[tuple[Command, tuple[str, ...] | None]] = []
        self._kept: list[Command] = []
        self._depth = 0

    def text(self, text: str) -> None:
        """Follow a text; one that a shell would refuse is left as a whole."""
        try:
            found = commands(text)
        except ShellError as error:
            self._findings.left(self._line(error.line), f"the shell would refuse it: {error.reason}")
            return
        ran_tests = False
        for index, command in enumerate(found):
            if command.before in ("||", "|") and (ran_tests or self._hides(command)):
                self._dropped(command)
                continue
            if command.before not in ("||", "|"):
                ran_tests = False
            last = index == len(found) - 1
            if last and index and command.before == ";" and self._hides(command):
                self._dropped(command)
            else:
                ran_tests = self._follow(command) or ran_tests

    def tell_secrets(self, text: str) -> None:
        """Tell of the lines that hold a secret, but for those whose variable was told of."""
        for value in self._secrets.values():
            text = text.replace(value, "$")
        for line in secret_lines(text):
            advice = "revoke it, and let the command read it from the environment"
            self._findings.note(self._line(line), f"a secret stands in the file, {HIDDEN} here: {advice}")

    def runs(self) -> tuple[tuple[str, ...], ...]:
        """Return the argument vectors of what is beside the calls; one of a shell where words alone do not say it."""
        if not self._beside:
            return ()
        vectors = [words for _, words in self._beside]
        joined = any(command.before in ("||", "|") for command, _ in self._beside)
        if not joined and all(vectors):
            return tuple(words for words in vectors if words)
        source = ""
        for command in self._kept:
            between = f" {command.before} " if command.before in ("||", "|", "&&") else "\n"
            source += f"{between if source else ''}{command.source}{' &' if command.after == '&' else ''}"
        for name, value in self._secrets.items():
            source = source.replace(value, f"${name}")
        return (("bash", "-c", source),)

    def _hides(self, command: Command) -> bool:
        """Return whether a command does nothing but hide how the one before it ended."""
        words = tuple(word.source for word in command.words)
        return words in _HIDES

    def _dropped(self, command: Command) -> None:
        """Tell of a command that only matters for how the one before it ended."""
        text = f"`{command.before} {_short(command.source)}`"
        hides = command.before == "|" or self._hides(command)
        what = "hides its exit code; dropped" if hides else "follows its failure, which counts anyway; dropped"
        self._findings.note(self._line(command.line), f"{text} {what}")

    def _follow(self, command: Command) -> bool:
        """Take one command; return whether it ran tests."""
        line = self._line(command.line)
        if command.keyword:
            return self._language(command, line)
        env, words, budget = self._unwrapped(command, line)
        if not words:
            self._kept.append(command)
            return False
        texts = [word.text(self._values, defaults=True) for word in words]
        program = texts[0] or words[0].source
        if self._setting(program, words, command, line):
            return False
        if self._nested(program, texts, env, line):
            return True
        known = [text for text in texts if text is not None]
        call = call_of([program, *known[1 if texts[0] else 0 :]])
        if call is None:
            self._other(command, words, env, line)
            return False
        unknown = [word for word, text in zip(words[1:], texts[1:], strict=True) if text is None]
        for word in unknown:
            self._findings.warn(line, f"`{word.source}` is computed by a shell; dropped: write what it stands for")
        if unknown and not call.tests:
            self._findings.left(line, f"its tests are computed by a shell: `{_short(command.source)}`")
            return True
        self._call(program, call, env, budget, command, line)
        return True

    def _call(
        self, program: str, call: PytestCall, env: Mapping[str, str | None], budget: float | None, command: Command,
        line: int,
    ) -> None:  # fmt: skip
        """Take a call of pytest."""
        if bare(program):
            own = "the interpreter of its own environment is used"
            self._findings.note(line, f"bare `{program}` is whichever comes first on the PATH; {own}")
        for note in call.notes:
            self._findings.note(line, note)
        if command.redirected:
            self._findings.note(line, "where its output goes is dropped; the lane's is kept in its artifacts")
        if command.after == "&":
            self._findings.note(line, "`&` lets nobody wait for it; dropped")
        surroundings = {**self.exported, **env}
        self.calls.append(Call(line=line, call=call, env=surroundings, budget=budget, folder=self._folder))

    def _language(self, command: Command, line: int) -> bool:
        """Take a command that is a language of its own."""
        if _PYTEST.search(command.source):
            source = _short(command.source)
            self._findings.left(
                line, f"pytest stands within `{command.keyword}`, for which a lane has no word: `{source}`"
            )
            return True
        self._kept.append(command)
        self._beside.append((command, None))
        return False

    def _other(self, command: Command, words: Sequence[Word], env: Mapping[str, str | None], line: int) -> None:
        """Take a command that runs no tests."""
        texts = [word.text(self._values) for word in words]
        self._kept.append(command)
        if command.after == "&":
            source = _short(command.source)
            advice = "declare it in [tool.greenlane.services], and name it in the lane's `services`"
            self._findings.left(line, f"`{source} &` stays behind for what follows: {advice}")
            return
        inline = command.here is not None and re.fullmatch(r"python[\d.]*", texts[0] or "") and texts[1:] in ([], ["-"])
        plain = not command.redirected and command.here is None and not any(word.glob for word in words)
        own = tuple(text for text in texts if text is not None)
        if inline and not command.redirected and not env:
            self._beside.append((command, (str(texts[0]), "-c", command.here or "")))
        elif plain and len(own) == len(texts) and not env and self._folder == ".":
            self._beside.append((command, own))
        elif plain and len(own) == len(texts) and self._folder == ".":
            given = tuple(f"{name}={value}" for name, value in env.items() if value is not None)
            self._beside.append((command, ("env", *given, *own) if given else own))
        else:
            self._beside.append((command, None))

    def _nested(self, program: str, texts: Sequence[str | None], env: Mapping[str, str | None], line: int) -> bool:
        """Follow a shell in the shell, or a make target that runs pytest; return whether it was one."""
        inner = ""
        if PurePosixPath(program).name in _SHELLS and len(texts) == 3 and re.fullmatch(r"-[a-z]*c", texts[1] or ""):
            inner = texts[2] or ""
        elif PurePosixPath(program).name == "make":
            given = dict(text.split("=", 1) for text in texts[1:] if text and "=" in text and not text.startswith("-"))
            targets = [text for text in texts[1:] if text and "=" not in text]
            known = not any(target.startswith("-") for target in targets) and None not in texts
            inner = "".join(self._makefile.recipe(target, given) for target in targets) if known else ""
        if not inner or not _PYTEST.search(inner) or self._depth >= DEEPEST:
            return False
        before = dict(self.exported), self._line, self._folder
        here = len(self.calls)
        self.exported.update(env)
        self._line = lambda _: line
        self._depth += 1
        self.text(inner)
        self._depth -= 1
        self.exported, self._line, self._folder = before
        return len(self.calls) > here

    def _unwrapped(self, command: Command, line: int) -> tuple[dict[str, str | None], tuple[Word, ...], float | None]:
        """Return what a command sets for itself, its own words, and the seconds that `timeout` gives it."""
        env: dict[str, str | None] = {}
        words = list(command.words)
        budget: float | None = None
        alone = _count_assignments(words) == len(words)
        while words:
            if (assigned := _assignment(words[0])) is not None:
                name, value = assigned
                self._assign(name, value, env, line, alone=alone)
                words = words[1:]
                continue
            program = words[0].source
            if program not in _WRAPPERS or len(words) < 2:
                break
            words = _without_options(words[1:], _OPTIONS_WITH_VALUE.get(program, ()))
            if program == "timeout" and words:
                budget = seconds(words[0].source)
                words = words[1:]
        return env, tuple(words), budget

    def _assign(self, name: str, value: Word, env: dict[str, str | None], line: int, *, alone: bool) -> None:
        """Take an assignment: of a shell variable where it stands alone, otherwise for the command behind it."""
        text = value.text(self._values)
        if alone:
            if text is not None:
                self._values[name] = text
                if name in self.exported:
                    self.exported[name] = text
            return
        self._exported(name, value, text, env, line)

    def _exported(self, name: str, value: Word, text: str | None, env: dict[str, str | None], line: int) -> None:
        """Take a variable that commands see."""
        if SECRET.fullmatch(name) and text:
            advice = "revoke it; it is read from the environment now"
            self._findings.note(line, f"the value of {name} stands in the file: {advice}")
            self._secrets[name] = text
            env[name] = None
            return
        own = value.parts[0] if len(value.parts) == 1 and isinstance(value.parts[0], Expansion) else None
        if text is not None:
            env[name] = text
        elif own is not None and own.variable == name:
            env[name] = None
            if own.default is not None:
                self._findings.warn(line, f"{name} is passed on; its default {own.default!r} is dropped")
        elif name.startswith("PYTHON") or name == "PATH":
            env[name] = None
        else:
            self._findings.left(line, f"the value of {name} is computed by a shell: `{_short(value.source)}`")

    def _setting(self, program: str, words: Sequence[Word], command: Command, line: int) -> bool:
        """Take what only changes the shell or says something; return whether it was that."""
        arguments = words[1:]
        if program in _SETTINGS or (program in _SAYS and not command.redirected):
            self._kept.append(command)
            return True
        if program == "export":
            self._kept.append(command)
            for word in arguments:
                name, value = _assignment(word) or (word.source, Word(parts=(Expansion(f"${word.source}"),)))
                self._exported(name, value, value.text(self._values), self.exported, line)
            return True
        if program in ("cd", "pushd"):
            self._kept.append(command)
            target = arguments[0].text(self._values) if arguments else None
            if target is not None:
                self._folder = str(PurePosixPath(self._folder) / target)
            elif arguments and not re.search(r"\$\(|`", arguments[0].source):
                self._findings.warn(
                    line, f"`{_short(command.source)}` is computed by a shell; the project's folder is taken"
                )
            return True
        if program in ("source", "."):
            self._sourced(arguments, line)
            return True
        if _INSTALLS.match(" ".join(word.source for word in words)):
            advice = "declare it in a dependency group; `nox -s lock` locks it for the lane"
            self._findings.note(line, f"`{_short(command.source)}` installs; dropped: {advice}")
            return True
        return False

    def _sourced(self, arguments: Sequence[Word], line: int) -> None:
        """Tell of a file that the shell reads."""
        file = arguments[0].source if arguments else ""
        if file.endswith("activate"):
            self._findings.note(line, f"`{file}` is dropped; a lane has an environment of its own")
        else:
            self._findings.left(line, f"`{file}` is read by the shell; name the variables that it sets in `env`")


def _assignment(word: Word) -> tuple[str, Word] | None:
    """Return name and value of an assignment; None for another word."""
    first = word.parts[0] if word.parts else ""
    match = _ASSIGNMENT.match(first) if isinstance(first, str) else None
    if match is None or not isinstance(first, str):
        return None
    rest = first[match.end() :]
    return match[1], Word(parts=((rest,) if rest else ()) + word.parts[1:], quoted=word.quoted)


def _count_assignments(words: Sequence[Word]) -> int:
    """Return how many words at the beginning are assignments."""
    return next((index for index, word in enumerate(words) if _assignment(word) is None), len(words))


def _without_options(words: Sequence[Word], with_value: Sequence[str]) -> list[Word]:
    """Return words from the first that is no option of a wrapper."""
    rest = list(words)
    while rest and rest[0].source.startswith("-"):
        rest = rest[2 if rest[0].source in with_value else 1 :]
    return rest


def _short(source: str) -> str:
    """Return shell text in one line that is not long."""
    line = hidden(" ".join(source.split()))
    return line if len(line) <= 100 else f"{line[:97]}..."
