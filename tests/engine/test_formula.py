import pytest

from deepen.core.words import Problem
from deepen.engine.formula import mathml, plain


@pytest.mark.parametrize(("latex", "letters"), [
    (r"w \leftarrow w - \eta\,\frac{\partial L}{\partial w}", "w ← w − η ∂L/∂w"),
    (r"\frac{a + b}{2}", "(a + b)/2"),
    (r"\sqrt{\frac{1}{n}}", "√(1/n)"),
    (r"x^2 + y_i", "x² + yᵢ"),
    (r"e^{-x}", "e^(−x)"),
    (r"L_{valid}", "L_valid"),
    (r"\mathrm{relu}(x) = \max(0, x)", "relu(x) = max(0, x)"),
    (r"10^{-8}", "10⁻⁸"),
])
def test_formulas_in_letters(latex, letters):
    assert plain(latex) == letters


def test_mathml_is_one_element():
    told = mathml(r"\frac{a}{b}", block=True)
    assert told.startswith("<math") and told.endswith("</math>") and "<mfrac>" in told and 'display="block"' in told


def test_a_broken_formula_is_a_problem():
    with pytest.raises(Problem, match="formula"):
        mathml(r"\frac{a}{")
    with pytest.raises(Problem, match="formula"):
        plain(r"\frac{a}{")
