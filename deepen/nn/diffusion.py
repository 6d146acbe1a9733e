"""Diffusion: a path from data to noise, what a network is asked on it, and the way back. Pure functions.

Every path here mixes data x₀ with noise ε ~ N(0, I): x_t = α_t x₀ + σ_t ε, at t = 0 all data, at t = T all noise. DDPM's has
α² + σ² = 1 (Ho et al. 2020, eq. 4, with α_t = √ᾱ_t); flow matching's is the straight line α = 1 − t/T, σ = t/T (Lipman et al.
2023, Liu et al. 2023). All else is the same, so one way back serves both.
"""
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Way = Literal["flow", "ddpm", "v"]                      # what the network foretells
Look = Callable[[Tensor, int], tuple[Tensor, Tensor]]   # (x_t, t) -> (x₀, ε) as the network sees them


class Path(NamedTuple):
    """α (T+1,) and σ (T+1,) in float64: how much of the data and of the noise there is at t = 0 … T."""
    alpha: Tensor
    sigma: Tensor


def cosine(T: int) -> Path:
    """ᾱ_t = cos²(π/2 · (t/T + s)/(1 + s)), s = 0.008, β at most 0.999 (Nichol & Dhariwal 2021, eq. 17)."""
    wave = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + 0.008) / 1.008 * math.pi / 2).square()
    return by_betas((1 - wave[1:] / wave[:-1]).clamp(max=0.999))


def linear(T: int) -> Path:
    """β from 10⁻⁴ to 0.02 in a line at T = 1000 (Ho et al. 2020, section 4); fewer steps are larger, to end in the same
    noise."""
    return by_betas((torch.linspace(1e-4, 0.02, T, dtype=torch.float64) * 1000 / T).clamp(max=0.999))


def straight(T: int) -> Path:
    """The line from data to noise (Lipman et al. 2023, eq. 22, with σ_min = 0)."""
    sigma = torch.arange(T + 1, dtype=torch.float64) / T
    return Path(1 - sigma, sigma)


def by_betas(beta: Tensor) -> Path:
    """The path of variances β_1 … β_T: ᾱ_t = Π (1 − β_i)."""
    kept = torch.cat([beta.new_ones(1), (1 - beta).cumprod(0)])
    return Path(kept.sqrt(), (1 - kept).clamp(min=0).sqrt())


PATHS: dict[str, Callable[[int], Path]] = {"cosine": cosine, "linear": linear, "straight": straight}


def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """Entries of a table (T+1,) at times (B,), shaped and typed to go with x (B, …)."""
    return table[t.to(table.device)].to(x.device, x.dtype).view(-1, *[1] * (x.ndim - 1))


def noised(path: Path, x0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """q(x_t | x₀) with the noise ε, at times t (B,): equation 4 of DDPM."""
    return at(path.alpha, t, x0) * x0 + at(path.sigma, t, x0) * eps


def aim(way: Way, x0: Tensor, eps: Tensor, alpha, sigma) -> Tensor:
    """What the network should answer: the noise (DDPM), v = α ε − σ x₀ (Salimans & Ho 2022), or the velocity ε − x₀ of the
    straight line."""
    return eps if way == "ddpm" else alpha * eps - sigma * x0 if way == "v" else eps - x0


def parted(way: Way, answer: Tensor, x: Tensor, alpha, sigma) -> tuple[Tensor, Tensor]:
    """(x₀, ε) from an answer at x_t: two equations, x = α x₀ + σ ε and the one of `aim`, solved for both."""
    if way == "ddpm":
        return (x - sigma * answer) / alpha, answer
    if way == "v":
        size = alpha * alpha + sigma * sigma
        return (alpha * x - sigma * answer) / size, (sigma * x + alpha * answer) / size
    size = alpha + sigma
    return (x - sigma * answer) / size, (x + alpha * answer) / size


def posterior(path: Path, x0: Tensor, x: Tensor, t: int) -> tuple[Tensor, float]:
    """Mean and variance of q(x_{t−1} | x_t, x₀): equations 6 and 7 of DDPM. t = 1 … T; the variance is 0 at t = 1."""
    kept, before = path.alpha[t].item()**2, path.alpha[t - 1].item()**2
    beta = 1 - kept / before
    mean = math.sqrt(before) * beta / (1 - kept) * x0 + math.sqrt(1 - beta) * (1 - before) / (1 - kept) * x
    return mean, (1 - before) / (1 - kept) * beta


def clipped(path: Path, x: Tensor, x0: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """x₀ in the range of pictures, −1…1, and the noise that goes with it."""
    x0 = x0.clamp(-1, 1)
    return x0, (x - path.alpha[t].item() * x0) / path.sigma[t].item()


def times(T: int, steps: int) -> list[int]:
    """The times of a way back of `steps` even steps, from T to 0; of at most T."""
    return torch.linspace(T, 0, min(steps, T) + 1, dtype=torch.float64).round().long().tolist()


def backward(look: Look, path: Path, x: Tensor, stops: Sequence[int], eta: float = 0.0,
             draw: Callable[[], Tensor] | None = None) -> Iterator[Tensor]:
    """From noise x at stops[0] back to stops[-1]: x at every stop after the first.

    x_s = α_s x₀ + √(σ_s² − c²) ε + c z with c² = η² σ_s² (1 − (α_t σ_s / α_s σ_t)²) (DDIM, Song et al. 2021, equations 12
    and 16, for any path). η = 0 draws nothing and is, on the straight path, Euler's step along the flow. η = 1 with every
    step is DDPM. `draw` gives the noise z; none is added at the last step, where σ_s = 0."""
    for t, s in pairwise(stops):
        x0, eps = look(x, t)
        alpha, sigma = path.alpha[s].item(), path.sigma[s].item()
        fresh = eta * sigma * math.sqrt(max(0.0, 1 - (path.alpha[t].item() * sigma / (alpha * path.sigma[t].item()))**2))
        x = alpha * x0 + math.sqrt(max(0.0, sigma**2 - fresh**2)) * eps
        if fresh and draw is not None:
            x = x + fresh * draw()
        yield x


def heun(look: Look, path: Path, x: Tensor, stops: Sequence[int]) -> Iterator[Tensor]:
    """The same way without noise, looking twice a step: dx = x₀ dα + ε dσ by the trapezoid rule (Heun). The last step, to
    σ = 0, looks once (Karras et al. 2022, algorithm 1)."""
    for t, s in pairwise(stops):
        x0, eps = look(x, t)
        alpha, sigma = path.alpha[s].item(), path.sigma[s].item()
        if sigma:
            there, noise = look(alpha * x0 + sigma * eps, s)
            x0, eps = (x0 + there) / 2, (eps + noise) / 2
        x = x + (alpha - path.alpha[t].item()) * x0 + (sigma - path.sigma[t].item()) * eps
        yield x


def adams(look: Look, path: Path, x: Tensor, stops: Sequence[int]) -> Iterator[Tensor]:
    """The same way without noise, looking once a step and remembering the look before: dx = x₀ dα + ε dσ by Adams and
    Bashforth's rule of two (Liu et al. 2022, PNDM, with fewer terms). First and last step are plain."""
    before: tuple | None = None
    for t, s in pairwise(stops):
        now = look(x, t)
        alpha, sigma = path.alpha[s].item(), path.sigma[s].item()
        if before is None or not sigma:
            x0, eps = now
        else:
            share = (t - s) / (before[0] - t) / 2                                   # steps need not be even
            x0, eps = ((1 + share) * here - share * there for here, there in zip(now, before[1], strict=True))
        x = x + (alpha - path.alpha[t].item()) * x0 + (sigma - path.sigma[t].item()) * eps
        before = t, now
        yield x


def guided(told: Tensor, free: Tensor, guidance: float) -> Tensor:
    """Away from the answer without a class, towards the one with it: 0 without, 1 with, above 1 exaggerated (Ho & Salimans
    2022; their w is this less one)."""
    return free + guidance * (told - free)


def spread_times(count: int, T: int, middle: bool = False) -> Tensor:
    """Times (count,) of 1 … T, spread evenly over the path so that every batch sees all of it; `middle`: denser in its
    middle, sigmoid of a normal number (Esser et al. 2024, section 3.1)."""
    u = (torch.rand(1, dtype=torch.float64) + torch.arange(count, dtype=torch.float64) / count) % 1
    u = torch.special.ndtri(u).sigmoid() if middle else u
    return (u * T).long().clamp(max=T - 1) + 1


def dice(count: int, shape: Sequence[int], seed: int, first: int = 0) -> Callable[[], Tensor]:
    """A function that draws noise (count, *shape) for the samples from number `first` on, each from a generator of its
    own: a sample is the same, however many are drawn beside it."""
    own = [torch.Generator().manual_seed((seed * 1_000_003 + first + i) % 2**63) for i in range(count)]
    return lambda: torch.stack([torch.randn(tuple(shape), generator=one) for one in own])


def energy(a: Tensor, b: Tensor) -> Tensor:
    """Energy distance of two clouds (N, D) and (M, D): 2 E|a − b| − E|a − a'| − E|b − b'| ≥ 0 over all pairs (Székely & Rizzo
    2013, equation 6.1). Two samples of one distribution are not at 0: about E|a − a'| (1/N + 1/M) apart."""
    a, b = a.double(), b.double()
    return 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()


def dots(points: Tensor, y: Tensor | None = None, side: int = 96, reach: float = 2.6) -> Tensor:
    """Clouds of points (N, n, 2), −reach … reach, as pictures uint8 (N, 3, side, side), each point in the colour of its
    class y (N, n)."""
    colours = torch.tensor([[242, 142, 43], [78, 121, 167], [89, 161, 79], [225, 87, 89], [118, 183, 178], [176, 122, 161],
                            [237, 201, 72], [156, 117, 95], [255, 157, 167], [80, 80, 80]], dtype=torch.uint8)
    n, per = points.shape[:2]
    y = torch.ones(n, per, dtype=torch.long) if y is None else y.cpu() % len(colours)
    place = ((points.cpu().float() / reach + 1) / 2 * (side - 2)).round().long()         # (N, n, 2) of the left lower dot
    seen = ((place >= 0) & (place <= side - 2)).all(2)
    cloud = torch.arange(n)[:, None].expand(n, per)[seen]
    column, row = place[seen].unbind(1)
    sheet = torch.full((n, side, side, 3), 255, dtype=torch.uint8)
    for right, up in ((0, 0), (0, 1), (1, 0), (1, 1)):
        sheet[cloud, side - 1 - row - up, column + right] = colours[y[seen]]
    return sheet.permute(0, 3, 1, 2).contiguous()
