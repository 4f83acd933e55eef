"""What is measured because it varies: tests that were run several times, and models that answered."""

from __future__ import annotations

from greenlane.evidence.samples import SampleResult
from greenlane.evidence.verdict import ModelAnswers, Verdict
from greenlane.judge.samples import by_chance, percent
from greenlane.report.page.markup import Markup, Section, block, code, join, listing, more, tag

SHOWN_FAILED = 10


def samples(verdict: Verdict) -> Section | None:
    """Return the pass rate of each sampled test with its interval; None for none."""
    found = [(check.name, result) for check in verdict.checks for result in check.samples]
    heads = ("test", "check", "passed", "pass rate, 95 % interval", "0 to 100 %, mark: what is needed", "enough")
    return listing("samples", "Sampled tests", heads, found, _sampled, short="Samples")


def _sampled(found: tuple[str, SampleResult]) -> tuple[str, ...]:
    check, result = found
    word = tag("span", "yes" if result.met else "no", class_=f"badge {'passed' if result.met else 'failed'}")
    return (
        join(code(result.test), _failed(result)),
        check,
        f"{result.passed} of {result.n}",
        join(percent(result), f"; {by_chance(result)}" if by_chance(result) else None),
        _interval(result),
        word,
    )


def _interval(result: SampleResult) -> Markup:
    """Return a picture: the interval as a bar, the rate as a dot, what is needed as a mark."""
    low, high, rate, needed = (
        100 * share for share in (result.low, result.high, result.rate, result.at_least / result.n)
    )
    label = f"{rate:.0f} %, interval {low:.0f} to {high:.0f} %, needed {needed:.0f} %"
    return tag(
        "svg",
        tag("rect", x="0", y=8, width="100%", height=2, class_="run"),
        tag("rect", x=f"{low:.1f}%", y=5, width=f"{max(high - low, 1):.1f}%", height=8,
            class_="passed" if result.met else "failed"),
        tag("line", x1=f"{needed:.1f}%", x2=f"{needed:.1f}%", y1=1, y2=17),
        tag("circle", cx=f"{rate:.1f}%", cy=9, r=4),
        width=160, height=18, role="img", aria_label=label, class_="interval",
    )  # fmt: skip


def _failed(result: SampleResult) -> Markup | None:
    """Return the samples that failed, folded, each with the command that repeats it."""
    if not result.failed:
        return None
    items = [
        tag("li", f"seed {sample.seed}: {sample.cause} ", code(sample.replay))
        for sample in result.failed[:SHOWN_FAILED]
    ]
    rest = more(len(items), len(result.failed), "samples")
    return tag("details", tag("summary", f"{len(result.failed)} that failed"), tag("ul", *items, class_="plain"), rest)


def models(verdict: Verdict) -> Section | None:
    """Return the models that answered, each with one answer as proof; None for none."""
    found = [(check.name, answers) for check in verdict.checks for answers in check.models]
    heads = ("model", "service", "check", "tests", "prompts", "different answers", "tokens", "one of them")
    title = "Models that answered"
    return listing("models", title, heads, found, _model, "models", numbers=(3, 4, 5, 6), short="Models")


def _model(found: tuple[str, ModelAnswers]) -> tuple[str, ...]:
    check, answers = found
    counted = "" if answers.generated is None else f" of {answers.generated:,} it counted"
    proof = tag("details", tag("summary", "prompt and answer"), block(f"{answers.prompt}\n\n{answers.text}"))
    return (
        code(answers.model),
        answers.service,
        check,
        f"{answers.tests:,}",
        f"{answers.prompts:,}",
        f"{answers.texts:,}",
        f"{answers.tokens:,}{counted}",
        proof if answers.prompt or answers.text else "",
    )
