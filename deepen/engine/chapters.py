"""Chapters: a page for every system and every concept, in two languages, and what browsers and terminals make of it.

A chapter is a Markdown file in `chapters/en` and `chapters/ko`: front matter (title, summary), five headings, formulas in
`$…$` and `$$…$$`, commands to try in ```` ```try ```` blocks.
"""
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from deepen.core.recipe import unknown
from deepen.core.words import LANGUAGES, Problem
from deepen.engine.formula import mathml

HOME = Path(__file__).parent.parent / "chapters"
HEADINGS = {"en": ("The idea", "The formula", "The trap", "Try it", "Reading the report"),
            "ko": ("아이디어", "수식", "함정", "해 보기", "보고서 읽기")}
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$\n]+?)(?<!\s)\$", re.DOTALL)
TRY = re.compile(r"^```try\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """One page in one language; `sections` are its five headings with their Markdown."""
    name: str
    language: str
    title: str
    summary: str
    sections: tuple[tuple[str, str], ...]

    @property
    def commands(self) -> list[str]:
        """The command lines of its `try` blocks."""
        return [line for _, text in self.sections for block in TRY.findall(text) for line in block.splitlines() if line.strip()]

    @property
    def formulas(self) -> list[str]:
        return [block or inline for _, text in self.sections for block, inline in FORMULA.findall(TRY.sub("", text))]


def names() -> list[str]:
    """Every chapter there is."""
    return sorted({file.stem for language in LANGUAGES for file in (HOME / language).glob("*.md")})


def chapter(name: str, language: str = "en") -> Chapter:
    """One chapter; `Problem` when there is none of that name, or its file is not as chapters are."""
    file = HOME / language / f"{name}.md"
    if name not in names() or not file.is_file():
        raise unknown("chapter", name, names())
    return read(file.read_text(encoding="utf-8"), name, language)


def read(text: str, name: str, language: str) -> Chapter:
    """A chapter from its file's text."""
    _, front, body = [*text.split("---\n", 2), "", ""][:3] if text.startswith("---\n") else ("", "", "")
    facts = dict(line.split(": ", 1) for line in front.splitlines() if ": " in line)
    parts = re.split(r"^## (.+)\n", body, flags=re.MULTILINE)
    sections = tuple((heading.strip(), told.strip()) for heading, told in zip(parts[1::2], parts[2::2], strict=True))
    if not facts.get("title") or not facts.get("summary") or tuple(heading for heading, _ in sections) != HEADINGS[language]:
        raise Problem("the chapter {name} ({language}) needs a title, a summary and the headings {headings}", name=name,
                      language=language, headings=", ".join(HEADINGS[language]))
    return Chapter(name, language, facts["title"], facts["summary"], sections)


def html(markdown: str) -> str:
    """Markdown of a chapter as HTML: formulas become MathML, `try` blocks `<pre class="try">`; tags in it are escaped."""
    from markdown_it import MarkdownIt
    formulas: list[str] = []

    def keep(found: re.Match) -> str:
        formulas.append(mathml(found[1] or found[2], bool(found[1])))
        return f"\ue000{len(formulas) - 1}\ue001"       # letters nobody writes mark the place

    outside = [part if number % 2 else FORMULA.sub(keep, part)
               for number, part in enumerate(re.split(r"(^```.*?^```$|`[^`\n]+`)", markdown, flags=re.DOTALL | re.MULTILINE))]
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("fence", _fence)
    page = reader.render("".join(outside))
    page = re.sub(r"<p>\s*(\ue000\d+\ue001)\s*</p>", r"\1\n", page)      # a formula of its own needs no paragraph
    return re.sub(r"\ue000(\d+)\ue001", lambda found: formulas[int(found[1])], page)


def _fence(renderer, tokens, place, options, environment) -> str:
    token = tokens[place]
    kind = ' class="try"' if token.info.strip() == "try" else ""
    lines = "\n".join(f"<code>{escape(line)}</code>" for line in token.content.splitlines() if line.strip())
    return f"<pre{kind}>{lines}</pre>\n"


def page(one: Chapter) -> str:
    """A whole chapter as an HTML `<article>`, for reports and the Studio."""
    sections = "".join(f"<section>\n<h2>{escape(heading)}</h2>\n{html(text)}</section>\n" for heading, text in one.sections)
    return (f'<article lang="{one.language}" class="chapter">\n<h1>{escape(one.title)}</h1>\n'
            f'<p class="summary">{html(one.summary).strip().removeprefix("<p>").removesuffix("</p>")}</p>\n{sections}</article>\n')
