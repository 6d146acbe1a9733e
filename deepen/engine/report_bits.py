"""The report's part about number formats: what fewer bits cost this network, measured on its validation split."""
from html import escape

from deepen.core.words import say
from deepen.engine import bits


def bits_of(system, number) -> str:
    """A table of the formats, or nothing where the system has no network or nothing to be judged on. `number` writes a
    metric for people."""
    found, batch, count = bits.costs(system, system.data)
    if not found:
        return ""
    kinds = {"fp32": say("as it learned"), "bf16": say("weights and products in 16 bits, the range of fp32"),
             "fp16": say("weights stored in 16 bits, finer but with a smaller range"),
             "1 bit": say("packed: signs in words of 64, exactly the same answers")}
    same = any(one.same is not None for one in found)
    heads = [say("format"), system.score, *([say("same class as fp32")] if same else []), say("weights"),
             say("ms for {batch} examples", batch=batch)]
    rows = [[f"<code>{escape(one.name)}</code> <span class=soft>{escape(kinds[one.name])}</span>",
             escape(number(system.score, one.score or 0.0)), *([f"{one.same:.2%}"] if same else []),
             f"{one.bytes / 1000:,.1f} kB", f"{one.milliseconds:,.2f}"] for one in found]
    table = "<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>" \
        + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    told = say("Measured here on {count} validation examples.", count=f"{count:,}")
    faster = [(found[0].milliseconds or 0) / (one.milliseconds or 1) for one in found]
    if faster[1] > 1.1:
        told += " " + say("bf16 is {times} times as fast as fp32.", times=f"{faster[1]:.1f}")
    if found[-1].name == "1 bit":
        told += " " + say("Packed, the network is {times} times smaller and {faster} times as fast.",
                          times=f"{found[0].bytes / found[-1].bytes:.1f}", faster=f"{faster[-1]:.1f}")
    return f'<div class="scroll"><table>{table}</table></div><p>{escape(told)}</p>'
