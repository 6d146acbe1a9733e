"""Formulas of the chapters: LaTeX as MathML for browsers, and as plain letters for a terminal."""
import re

from deepen.core.words import Problem

SIGNS = {
    "leftarrow": " ← ", "rightarrow": " → ", "to": " → ", "partial": "∂", "nabla": "∇", "sum": " Σ", "prod": " Π", "cdot": " · ",
    "times": " × ", "le": " ≤ ", "leq": " ≤ ", "ge": " ≥ ", "geq": " ≥ ", "ne": " ≠ ", "neq": " ≠ ", "approx": " ≈ ", "sim": " ~ ",
    "in": " ∈ ", "infty": "∞", "pm": " ± ", "dots": "…", "ldots": "…", "cdots": "…", "odot": " ⊙ ", "oplus": " ⊕ ", "quad": "   ",
    "qquad": "      ", "mid": " | ", "lVert": "‖", "rVert": "‖", "lfloor": "⌊", "rfloor": "⌋ ", "propto": " ∝ ",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ",
    "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "psi": "ψ", "omega": "ω",
    "Delta": "Δ", "Sigma": "Σ", "Theta": "Θ", "left": "", "right": "", "displaystyle": "", "top": "ᵀ"}
THIN = "\u2009"           # a space that LaTeX asked for; others it swallows
SIGNS |= dict.fromkeys(("big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "limits", "nolimits"), "")
FUNCTIONS = ("log", "ln", "exp", "max", "min", "tanh", "sin", "cos", "arg")       # their names are their letters
STYLES = ("text", "mathrm", "mathbf", "mathbb", "mathcal", "operatorname", "operatorname*")
SMALL_HIGH = dict(zip("0123456789+-=()niTᵀtkm", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀᵀᵗᵏᵐ", strict=True))
SMALL_LOW = dict(zip("0123456789+-=()aeijkmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢⱼₖₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))


def mathml(latex: str, block: bool = False) -> str:
    """A formula as one `<math>` element; `Problem` when it cannot be read."""
    from latex2mathml.converter import convert
    try:
        return convert(latex, display="block" if block else "inline")
    except Exception as error:              # the converter has a dozen exception types of its own
        raise Problem("the formula {formula} cannot be read: {reason}", formula=latex, reason=type(error).__name__) from None


def plain(latex: str) -> str:
    """A formula in letters a terminal has: `w ← w − η ∂L/∂w`. For reading only."""
    text = latex.replace(r"\,", THIN).replace(r"\;", THIN).replace(r"\!", "").replace(r"\\", " ; ").replace(r"\%", "%")
    text = re.sub(r"\\partial\s*", "∂", text)
    text = text.replace(r"\tfrac", r"\frac").replace(r"\dfrac", r"\frac").replace(r"\operatorname*", r"\operatorname")
    for command in STYLES[:-1]:
        text = _replaced(text, command, 1, lambda inside: inside)
    text = _replaced(text, "hat", 1, lambda inside: inside + "\u0302")
    text = _replaced(text, "bar", 1, lambda inside: inside + "\u0304")
    text = _replaced(text, "sqrt", 1, lambda inside: f"√{inside}" if len(inside) == 1 or inside.startswith(r"\hat") else f"√({inside})")
    text = _replaced(text, "frac", 2, lambda above, below: f"{_bracketed(above)}/{_bracketed(below)}{THIN}")
    text = re.sub(r"\\([A-Za-z]+) ?(?=(\W|_|$)?)", _word, text)
    text = re.sub(r"([\^_])(?:\{([^{}]*)\}|(\S))", _small, text)
    text = re.sub(r"[{}]", "", text).replace("-", "−").replace(THIN, " ")
    text = re.sub(r"(Σ\S*?)(?=[ΣΠ]| )", r"\1 ", text)
    text = re.sub(r" +(?=[),;])|(?<=[(\[]) +", "", text)
    return re.sub(r" {2,}(?=\S)", lambda found: " " if len(found[0]) < 5 else "    ", text).strip()


def _word(found: re.Match) -> str:
    sign = SIGNS.get(found[1])
    return sign if sign is not None else found[1] if found[2] else f"{found[1]} "


def _small(found: re.Match) -> str:
    high, inside = found[1] == "^", (found[2] if found[2] is not None else found[3]).strip().replace("−", "-")
    letters = SMALL_HIGH if high else SMALL_LOW
    if inside and all(letter in letters for letter in inside) and (high or len(inside) < 3 or not inside.isalpha()):
        return "".join(letters[letter] for letter in inside)
    if not high and inside.isalpha():
        return f"_{inside}"
    return found[1] + (inside if len(inside) == 1 else f"({inside})")


def _bracketed(inside: str) -> str:
    inside = inside.strip()
    return f"({inside})" if re.search(r"[+\-=]|(?<=\S) (?=\S)", inside) else inside


def _replaced(text: str, command: str, count: int, make) -> str:
    r"""Every `\command{…}` with `count` arguments as what `make` says of them, the inner ones first."""
    while True:
        places = [found.start() for found in re.finditer(rf"\\{command}(?![A-Za-z])", text)]
        if not places:
            return text
        start = places[-1]
        place, arguments = start + len(command) + 1, []
        for _ in range(count):
            argument, place = _argument(text, place)
            arguments.append(argument)
        text = text[:start] + make(*arguments) + text[place:]


def _argument(text: str, place: int) -> tuple[str, int]:
    """(what stands in the braces or the one letter at `place`, where it ends)"""
    while place < len(text) and text[place] == " ":
        place += 1
    if place >= len(text) or text[place] != "{":
        return text[place: place + 1], place + 1
    depth = 0
    for end in range(place, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return text[place + 1: end], end + 1
    raise Problem("the formula {formula} cannot be read: {reason}", formula=text, reason="{")
