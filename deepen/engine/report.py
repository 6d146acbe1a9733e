"""The report: one self-contained HTML page a run. It goes by kinds and by what a system can do, never by its name."""
import time
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from deepen.core.kinds import Label
from deepen.core.words import language, say
from deepen.engine import charts, find
from deepen.engine.advise import advise, again
from deepen.engine.reading import curve, reading
from deepen.engine.run import Run, write_text
from deepen.engine.until import Goal
from deepen.engine.validate import Mistake, answerable, answers_of, mistakes_in, validations, weakest_in, with_data
from deepen.nn import metrics

MOST_CLASSES = 24       # a larger matrix is told as its largest confusions
SHARES = {"accuracy", "top5", "f1", "auc", "ece", "miou", "pixel_accuracy", "recognised", "winrate", "map50", "map"}


def report(run: Run, system=None) -> Path:
    """Write RUN/report.html in the language spoken and return its path. `system`: the trained system with its data, if
    it is at hand."""
    path = run.path / "report.html"
    write_text(path, page(run, system or with_data(run)))
    return path


def page(run: Run, system) -> str:
    """The page as text."""
    asked, events = run.asked(), run.events()
    parts = [_verdict(run, asked, system), _curves(events, system.score)]
    split = "valid" if len(system.data.splits.get("valid", ())) else "train"
    if answerable(system) and split in system.data.splits:
        answers, target = answers_of(system, split)
        parts.append(_errors(system, split, answers, target))
    parts += [_made(system), _film(system), _data(system, asked), _recipe(asked), _reproduce(run, asked)]
    title = f"{run.name} · {say('report')}"
    return (f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width,initial-scale=1"><title>{escape(title)}</title><style>{_style()}</style><main>'
            f"<header><h1>{escape(run.name)}</h1><p class=soft>{escape(_subtitle(asked))}</p></header>"
            f"{''.join(parts)}<footer>{escape(_machine(asked))}</footer></main></html>\n")


class Gallery(list):
    """Mistakes that show themselves as pictures in a notebook."""

    def _repr_html_(self) -> str:
        return f"<style>{_style()}</style><div class=mistakes>{''.join(map(_mistake, self))}</div>"


def _style() -> str:
    return resources.files("deepen").joinpath("engine/report.css").read_text(encoding="utf-8")


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def _subtitle(asked: dict[str, Any]) -> str:
    return say("{system} learned from {data}", system=Path(asked["asked"]["system"]).stem,
               data=asked["data"].get("origin", asked["data"].get("source", "?")))


def _verdict(run: Run, asked, system) -> str:
    """The goal, met or not, and the figures of the kept model; of the test set too once it was opened."""
    found = run.metrics
    tests = [told for told in validations(run) if told["split"] == "test" and told["asked"] is None]
    goal = Goal.read(asked["asked"]["goal"]) if asked["asked"].get("goal") else None
    met = goal.met(tests[-1]["metrics"] if tests else found) if goal else None
    if goal is None:
        text, style = say("No goal was set. Set one with goal={score}:…", score=system.score), ""
    elif met is None:
        text, style = say("The goal {goal} was not measured.", goal=goal), ""
    else:
        text = say("The goal {goal} is met.", goal=goal) if met else say("The goal {goal} is not met.", goal=goal)
        style = "met" if met else "unmet"
    figures = [_figure(name, value, say("validation")) for name, value in _first(system.score, found)]
    if tests:
        last = tests[-1]
        between = last.get("intervals", {}).get(system.score)
        note = say("test, opened {count} times", count=len(tests))
        figures.insert(0, _figure(system.score, last["metrics"][system.score], note, between))
    return f'<section class="verdict {style}"><strong>{escape(text)}</strong>{"".join(figures)}</section>'


def _first(score: str, found: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(found.items(), key=lambda pair: pair[0] != score)[:5]


def _figure(name: str, value: float, note: str, between=None) -> str:
    span = f" ({number(name, between[0])} – {number(name, between[1])})" if between else ""
    return f"<div class=figure><b>{number(name, value)}</b><span>{escape(name)} · {escape(note)}{span}</span></div>"


def number(name: str, value: float) -> str:
    """A metric as a person writes it: shares in percent."""
    return f"{value * 100:.2f} %" if name in SHARES else f"{value:.4g}"


def _curves(events, score: str) -> str:
    best = next((event.facts.get("best_step") for event in reversed(events) if event.event == "finished"), None)
    learned, judged = curve(events, "loss", "stepped"), curve(events, "loss", "evaluated")
    scores = curve(events, score, "evaluated")
    others = [name for event in events if event.event == "stepped" for name in event.facts
              if name not in ("loss", "progress", "seconds", "seen", "steps_per_second")]
    drawn = [charts.curves([(say("training"), "train", learned), (say("validation"), "valid", judged)], say("steps"), say("loss"), mark=best)]
    if score != "loss":
        drawn.append(charts.curves([(say("validation"), "valid", scores)], say("steps"), score, mark=best))
    for name in list(dict.fromkeys(others))[:4] if not drawn[0] or not learned else []:
        drawn.append(charts.curves([(name, "train", curve(events, name, "stepped"))], say("steps"), name))
    titles = [say("loss"), score, *list(dict.fromkeys(others))]
    blocks = "".join(f"<div><h3>{escape(title)}</h3>{chart}</div>" for title, chart in zip(titles, drawn, strict=False) if chart)
    if not blocks:
        return ""
    legend = (f"<p class=legend><span><i></i>{say('training')}</span><span><i class=valid></i>{say('validation')}</span>"
              f"<span><i class=mark></i>{say('the kept model')}</span></p>")
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in reading(events, score))
    return _section(say("Curves"), f"{legend}<div class=two>{blocks}</div>{told}")


def _errors(system, split: str, answers, target) -> str:
    """Where it errs: the matrix or the bars, the weakest class, and the worst mistakes with their pictures."""
    kind, parts = system.data.target, []
    if isinstance(kind, Label):
        counts = metrics.confusion(target, answers.argmax(1), len(kind.names))
        worst = weakest_in(kind, answers, target)
        if worst:
            parts.append(f"<p>{escape(say('Weakest class: {name}; {share} of {count} are found.', name=worst[0], share=f'{worst[1]:.1%}', count=worst[2]))}</p>")
        if len(kind.names) <= MOST_CLASSES:
            parts.append(charts.matrix(counts, kind.names, say("was"), say("said")))
        else:
            off = counts - torch.diag(counts.diag())
            top = off.flatten().topk(10)
            rows = [(f"{kind.names[i // len(kind.names)]} → {kind.names[i % len(kind.names)]}", n / max(1, int(top.values[0])), str(n))
                    for n, i in zip(top.values.tolist(), top.indices.tolist(), strict=True) if n]
            parts.append(charts.bars(rows))
    wrong = mistakes_in(system, split, answers, target, 12)
    if wrong:
        parts.append(f"<h3>{escape(say('The worst mistakes, the most certain first'))}</h3><div class=mistakes>{''.join(map(_mistake, wrong))}</div>")
    elif isinstance(kind, Label):
        parts.append(f"<p>{escape(say('Not one mistake on this split.'))}</p>")
    return _section(say("Where it errs"), "".join(parts))


def _mistake(wrong: Mistake) -> str:
    shown = charts.picture(wrong.input, 1, wrong.was) if wrong.input.ndim == 3 else f"<p class=soft>{escape(wrong.shown)}</p>"
    sure = f" · {wrong.sure:.0%}" if wrong.sure is not None else ""
    return (f"<figure>{shown}<figcaption>{escape(say('was'))} {escape(wrong.was)} · {escape(say('said'))} <b>{escape(wrong.said)}</b>{sure}"
            f"<br><span class=soft>{escape(wrong.where)}</span></figcaption></figure>")


def _made(system) -> str:
    """What a maker makes: a grid of samples."""
    if not hasattr(system, "sample"):
        return ""
    from deepen.engine.fit import quiet
    with quiet(system):
        pictures = system.sample(100, seed=0)
    return _section(say("Samples"), f"<div class=samples>{charts.picture(charts.grid(pictures), 2, say('Samples'))}</div>")


def _film(system) -> str:
    """What a player does: one greedy episode."""
    if not hasattr(system, "film"):
        return ""
    from deepen.engine.fit import quiet
    with quiet(system):
        frames = system.film(seed=0)
    if not frames:
        return ""
    return _section(say("One episode"), f"<div class=samples>{charts.film(frames, say('One episode'))}</div>")


def _data(system, asked) -> str:
    sizes = "".join(f"<dt>{escape(say(name))}</dt><dd>{len(split):,}</dd>" for name, split in system.data.splits.items())
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in system.data.said)
    return _section(say("Data"), f"<p>{escape(system.data.origin)}</p><dl>{sizes}</dl>{told}")


def _recipe(asked) -> str:
    entry = find.systems().get(asked["asked"]["system"])
    rows = []
    for setting in entry.settings if entry else ():
        value = asked["recipe"].get(setting.name)
        changed = str(value) != setting.default.strip("'\"") and repr(value) != setting.default
        rows.append(f"<tr><td><code>{escape(setting.name)}</code></td><td class={'changed' if changed else 'same'}>{escape(str(value))}</td>"
                    f"<td class=soft>{escape(say(setting.help))}</td></tr>")
    return _section(say("Recipe"), f'<div class="scroll"><table class=recipe>{"".join(rows)}</table></div>' if rows else "")


def _reproduce(run: Run, asked) -> str:
    parts = [f"<pre>{escape(again(asked))}</pre>"]
    if asked["made"].get("git"):
        parts.append(f"<p class=soft>{escape(say('version {version}, source {git}', version=asked['made']['deepen'], git=asked['made']['git']))}</p>")
    next_one = advise(run)
    if next_one:
        parts.append(f"<h3>{escape(say('The next experiment'))}</h3><p>{escape(next_one[1])}</p><pre>{escape(next_one[0])}</pre>")
    return _section(say("How to do it again"), "".join(parts))


def _machine(asked) -> str:
    made = asked["made"]
    told = [f"deepen {made['deepen']}", f"torch {made['torch']}", f"python {made['python']}", made.get("machine", ""),
            made.get("gpu") or "", made.get("started", ""), time.strftime("%Y-%m-%d %H:%M")]
    return " · ".join(part for part in told if part)
