"""The report: one self-contained HTML page a run. It goes by kinds and by what a system can do, never by its name."""
import time
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from deepen.core.words import language, say, visible
from deepen.engine import charts, find
from deepen.engine.advise import advise, again
from deepen.engine.fit import quiet
from deepen.engine.goals import read as goal_of
from deepen.engine.goals import sentence
from deepen.engine.mistakes import Mistake
from deepen.engine.reading import curve, reading
from deepen.engine.report_answers import columns, errors, mistake, sureness
from deepen.engine.report_augment import augmentation
from deepen.engine.report_bits import bits_of
from deepen.engine.report_data import data
from deepen.engine.report_insight import insights
from deepen.engine.report_made import made
from deepen.engine.report_scenes import scene_errors
from deepen.engine.report_transfer import brought
from deepen.engine.run import Run, write_text
from deepen.engine.validate import validations, with_data
from deepen.engine.verdict import Verdict, beside_sentences, current, read, weakest_sentence

SHARES = {"accuracy", "member_accuracy", "top5", "f1", "auc", "ece", "miou", "pixel_accuracy", "class_accuracy", "recognised", "as_asked", "sample_precision", "sample_recall", "probe", "winrate", "map50", "map", "bleu1", "bleu4",
          "balanced_accuracy"}


def report(run: Run, system=None, found: Verdict | None = None) -> Path:
    """Write RUN/report.html in the language spoken and return its path. `system`: the trained system with its data, if
    it is at hand; `found`: its verdict, if it is."""
    path = run.path / "report.html"
    write_text(path, visible(page(run, system or with_data(run), found), lines=True))
    return path


def page(run: Run, system, found: Verdict | None = None) -> str:
    """The page as text."""
    asked, events = run.asked(), run.events()
    found = found or current(run, system, read(run).get("beside"))
    parts = [_verdict(run, found), _curves(events, system.score, len(system.data.splits.get("valid", ())))]
    if found.answers is not None and found.target is not None:
        kind = system.data.target
        parts.append(section(say("Where it errs"), errors(kind, found, number)))
        parts.append(section(*sureness(kind, found)))
        parts.append(section(say("What it goes by"), columns(system, found.split)))
    if found.seen is not None:
        parts.append(section(say("Where it errs"), scene_errors(found.seen, found.mistakes)))
    parts.append(section(say("What the network sees"), insights(system, found)))
    parts.append(section(say("What the weights brought"), brought(run, system.score, number)))
    parts += [*(section(title, inside) for title, inside in made(system, run.path / "shown", found, number)), _film(system), section(say("Data"), data(system)),
              section(say("Augmentation"), augmentation(system)), section(say("Bits"), bits_of(system, number)), _recipe(asked), _reproduce(run, asked)]
    return whole(run.name, _subtitle(asked), "".join(parts), _machine(asked))


def whole(title: str, subtitle: str, inside: str, foot: str) -> str:
    """A page of ours: one file, nothing loaded from elsewhere."""
    name = f"{title} · {say('report')}"
    return (f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width,initial-scale=1"><title>{escape(name)}</title><style>{_style()}</style><main>'
            f"<header><h1>{escape(title)}</h1><p class=soft>{escape(subtitle)}</p></header>"
            f"{inside}<footer>{escape(foot)}</footer></main></html>\n")


class Gallery(list[Mistake]):
    """Mistakes that show themselves as pictures in a notebook."""

    def _repr_html_(self) -> str:
        return f"<style>{_style()}</style><div class=mistakes>{''.join(map(mistake, self))}</div>"


def _style() -> str:
    return resources.files("deepen").joinpath("engine/report.css").read_text(encoding="utf-8")


def section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def _subtitle(asked: dict[str, Any]) -> str:
    return say("{system} learned from {data}", system=Path(asked["asked"]["system"]).stem,
               data=asked["data"].get("origin", asked["data"].get("source", "?")))


def _verdict(run: Run, found: Verdict) -> str:
    """The goal, met or not and how surely, the figures of the kept model, the weakest class, what mistakes share; from the
    test set once it was opened, else from validation."""
    tests = [told for told in validations(run) if told["split"] == "test" and told["asked"] is None]
    plain = {**found.plain(), **(tests[-1] if tests else {})}
    goal = goal_of(plain.get("goal") or {})
    if goal is None:
        text, style = say("No goal was set. Set one with goal={score}:…", score=found.score), ""
    else:
        text, style = sentence(goal, number), "" if goal.met is None else "met" if goal.met else "unmet"
    figures = [_figure(name, value, say("validation"), found.intervals.get(name)) for name, value in _first(found.score, run.metrics)
               if name != "baseline"]                           # told beside it, in words
    if tests:
        last = tests[-1]
        between = last.get("intervals", {}).get(found.score)
        note = say("test, opened {count} times", count=len(tests))
        figures.insert(0, _figure(found.score, last["metrics"][found.score], note, between))
    told = beside_sentences(found.score, plain["metrics"], plain.get("beside") or {}, number, plain["examples"])
    if (weak := plain.get("weakest")) and weak[1] < 1:
        told.append(say("Weakest class: {told}", told=weakest_sentence(tuple(weak), plain.get("unit", ""))))
    told += [say("Mistakes share: {told}", told=one) if weak else say("Errors: {told}", told=one) for one in plain.get("shared") or ()]
    lines = f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in told)}</ul>" if told else ""
    return f'<section class="verdict {style}"><strong>{escape(text)}</strong>{"".join(figures)}{lines}</section>'


def _first(score: str, found: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(found.items(), key=lambda pair: pair[0] != score)[:5]


def _figure(name: str, value: float, note: str, between=None) -> str:
    span = f" ({number(name, between[0])} – {number(name, between[1])})" if between else ""
    return f"<div class=figure><b>{number(name, value)}</b><span>{escape(say(name))} · {escape(note)}{span}</span></div>"


def number(name: str, value: float) -> str:
    """A metric as a person writes it: shares in percent."""
    if name in SHARES:
        return f"{value * 100:.2f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _curves(events, score: str, examples: int) -> str:
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
    titles = [say("loss"), *([say(score)] if score != "loss" else []), *map(say, dict.fromkeys(others))]
    blocks = "".join(f"<div><h3>{escape(title)}</h3>{chart}</div>" for title, chart in zip(titles, drawn, strict=False) if chart)
    if not blocks:
        return section(say("Curves"), _warned(events))
    legend = (f"<p class=legend><span><i></i>{say('training')}</span><span><i class=valid></i>{say('validation')}</span>"
              f"<span><i class=mark></i>{say('the kept model')}</span></p>")
    told = "".join(f"<p>{escape(one)}</p>" for one in reading(events, score, examples))
    return section(say("Curves"), f"{legend}<div class=two>{blocks}</div>{told}{_warned(events)}")


def _warned(events) -> str:
    """What was told while it learned: that a game goes wrong, whose weights are used."""
    told = dict.fromkeys(say("step {step}: {why}", step=f"{event.step:,}", why=event.facts["why"]) if event.step else event.facts["why"]
                         for event in events if event.event == "warned")
    lines = "".join(f"<li>{escape(one)}</li>" for one in told)
    return f"<h3>{escape(say('Told while it learned'))}</h3><ul>{lines}</ul>" if lines else ""


def _film(system) -> str:
    """What a player does: one greedy episode."""
    if not hasattr(system, "film"):
        return ""
    with quiet(system):
        frames = system.film(seed=0)
    if not frames:
        return ""
    return section(say("One episode"), f"<div class=samples>{charts.film(frames, say('One episode'))}</div>")


def _recipe(asked) -> str:
    entry = find.systems().get(asked["asked"]["system"])
    rows = []
    for setting in entry.settings if entry else ():
        value = asked["recipe"].get(setting.name)
        changed = str(value) != setting.default.strip("'\"") and repr(value) != setting.default
        rows.append(f"<tr><td><code>{escape(setting.name)}</code></td><td class={'changed' if changed else 'same'}>{escape(str(value))}</td>"
                    f"<td class=soft>{escape(say(setting.help))}</td></tr>")
    return section(say("Recipe"), f'<div class="scroll"><table class=recipe>{"".join(rows)}</table></div>' if rows else "")


def _reproduce(run: Run, asked) -> str:
    parts = [f"<pre>{escape(again(asked))}</pre>"]
    if asked["made"].get("git"):
        parts.append(f"<p class=soft>{escape(say('version {version}, source {git}', version=asked['made']['deepen'], git=asked['made']['git']))}</p>")
    next_one = advise(run)
    if next_one:
        parts.append(f"<h3>{escape(say('The next experiment'))}</h3><p>{escape(next_one[1])}</p><pre>{escape(next_one[0])}</pre>")
    return section(say("How to do it again"), "".join(parts))


def _machine(asked) -> str:
    made = asked["made"]
    told = [f"deepen {made['deepen']}", f"torch {made['torch']}", f"python {made['python']}", made.get("machine", ""),
            made.get("gpu") or "", made.get("started", ""), time.strftime("%Y-%m-%d %H:%M")]
    return " · ".join(part for part in told if part)
