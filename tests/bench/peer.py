#!/usr/bin/python3
"""The bench's models in PyTorch, as a peer: see peer.md.

A flow as nfmodel(5) and nf's design describe it, written for eager PyTorch
with the same operations counted, and timed as `make bench` times nfpipe's.
"""
import math
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

MODELS = {  # D, C, steps, hidden, blocks, bins, batch norm, batch, rows
    "jets": (17, 14, 17, 298, 10, 128, True, 2048, 4096),
    "medium": (17, 14, 8, 128, 2, 32, True, 2048, 65536),
    "small": (43, 0, 10, 32, 1, 4, False, 128, 65536),
}
T, LEAST = 1.0, 1e-3


class Block(nn.Module):
    def __init__(self, hidden, context, norm):
        super().__init__()
        self.norm = nn.ModuleList(
            nn.BatchNorm1d(hidden, eps=1e-3) if norm else nn.Identity()
            for _ in range(2))
        self.linear = nn.ModuleList(nn.Linear(hidden, hidden)
                                    for _ in range(2))
        self.gate = nn.Linear(context, hidden) if context else None

    def forward(self, t, context):
        u = self.linear[0](F.relu(self.norm[0](t)))
        u = self.linear[1](F.relu(self.norm[1](u)))
        if self.gate is not None:
            u = u * torch.sigmoid(self.gate(context))
        return t + u


def knots(logits, bins):
    """Knots [.., bins + 1] of softmaxed sizes within [-T, T]."""
    p = LEAST + (1 - LEAST * bins) * torch.softmax(logits, -1)
    x = F.pad(torch.cumsum(p, -1), (1, 0)) * 2 * T - T
    x[..., -1] = T
    return x


def spline(v, logits, bins, hidden, inverse):
    """Rational-quadratic splines (Durkan et al. 2019); v [n, nt]."""
    scale = 1 / math.sqrt(hidden)
    x = knots(logits[..., :bins] * scale, bins)
    y = knots(logits[..., bins:2 * bins] * scale, bins)
    d = F.pad(LEAST + F.softplus(logits[..., 2 * bins:]), (1, 1), value=1.0)
    inside = (v >= -T) & (v <= T)
    c = v.clamp(-T, T)
    k = torch.searchsorted((y if inverse else x).contiguous(),
                           c[..., None], right=True).clamp(1, bins) - 1

    def at(a, shift=0):
        return a.gather(-1, k + shift)[..., 0]

    x0, y0, d0, d1 = at(x), at(y), at(d), at(d, 1)
    w, h = at(x, 1) - x0, at(y, 1) - y0
    s = h / w
    q = d0 + d1 - 2 * s
    if inverse:
        r = c - y0
        qa, qb, qc = r * q + h * (s - d0), h * d0 - r * q, -s * r
        disc = (qb * qb - 4 * qa * qc).clamp(min=0)
        a = 2 * qc / (-qb - disc.sqrt())
        out = x0 + a * w
    else:
        a = (c - x0) / w
        out = y0 + h * (s * a * a + d0 * a * (1 - a)) / (
            s + q * a * (1 - a))
    den = s + q * a * (1 - a)
    ld = torch.log(s * s * (d1 * a * a + 2 * s * a * (1 - a) +
                            d0 * (1 - a) ** 2)) - 2 * torch.log(den)
    ld = -ld if inverse else ld
    zero = torch.zeros_like(ld)
    return torch.where(inside, out, v), torch.where(inside, ld, zero).sum(-1)


class Coupling(nn.Module):
    """Splines of every other feature, driven by the others."""

    def __init__(self, i, D, C, hidden, blocks, bins, norm):
        super().__init__()
        self.bins, self.hidden = bins, hidden
        self.register_buffer("moved", torch.arange(i % 2, D, 2))
        self.register_buffer("kept", torch.arange((i + 1) % 2, D, 2))
        self.first = nn.Linear(len(self.kept) + C, hidden)
        self.blocks = nn.ModuleList(Block(hidden, C, norm)
                                    for _ in range(blocks))
        self.last = nn.Linear(hidden, len(self.moved) * (3 * bins - 1))

    def forward(self, x, context, inverse=False):
        t = self.first(torch.cat([x[:, self.kept], context], 1))
        for b in self.blocks:
            t = b(t, context)
        logits = self.last(t).view(len(x), -1, 3 * self.bins - 1)
        y, ld = spline(x[:, self.moved], logits, self.bins, self.hidden,
                       inverse)
        return x.index_copy(1, self.moved, y), ld


class Flow(nn.Module):
    def __init__(self, D, C, steps, hidden, blocks, bins, norm):
        super().__init__()
        self.D = D
        self.perm = [torch.randperm(D) for _ in range(steps + 1)]
        self.lower = nn.ParameterList(nn.Parameter(torch.zeros(D, D))
                                      for _ in range(steps + 1))
        self.upper = nn.ParameterList(nn.Parameter(torch.zeros(D, D))
                                      for _ in range(steps + 1))
        self.diag = nn.ParameterList(
            nn.Parameter(torch.full((D,), 0.5397424172369522))
            for _ in range(steps + 1))
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(D))
                                     for _ in range(steps + 1))
        self.coupling = nn.ModuleList(
            Coupling(i, D, C, hidden, blocks, bins, norm)
            for i in range(steps))

    def factors(self, i):
        eye = torch.eye(self.D)
        d = F.softplus(self.diag[i]) + LEAST
        return self.lower[i].tril(-1) + eye, \
            self.upper[i].triu(1) + torch.diag(d), d

    def forward(self, x, context):
        ld = torch.zeros(len(x))
        for i in range(len(self.perm)):
            lo, up, d = self.factors(i)
            x = F.linear(F.linear(x[:, self.perm[i]], up), lo, self.bias[i])
            ld = ld + d.log().sum()
            if i < len(self.coupling):
                x, g = self.coupling[i](x, context)
                ld = ld + g
        return -0.5 * (x * x).sum(1) - self.D / 2 * math.log(2 * math.pi) + ld

    def sample(self, z, context):
        for i in reversed(range(len(self.perm))):
            if i < len(self.coupling):
                z, _ = self.coupling[i](z, context, True)
            lo, up, _ = self.factors(i)
            r = torch.linalg.solve_triangular(lo, (z - self.bias[i]).T,
                                              upper=False)
            r = torch.linalg.solve_triangular(up, r, upper=True).T
            z = r[:, torch.argsort(self.perm[i])]
        return z


def rate(work, rows, runs=3):
    work()
    found = []
    for _ in range(runs):
        start = time.monotonic()
        work()
        found.append(rows / (time.monotonic() - start))
    return statistics.median(found)


def main():
    for name in sys.argv[1:] or MODELS:
        *shape, batch, rows = MODELS[name]
        flow = Flow(*shape)
        adam = torch.optim.Adam(flow.parameters(), lr=1e-5)
        x, c = torch.rand(batch, shape[0]) * 2 - 1, torch.rand(batch, shape[1])
        X, C = torch.rand(rows, shape[0]) * 2 - 1, torch.rand(rows, shape[1])

        def train():
            adam.zero_grad()
            (-flow(x, c).mean()).backward()
            adam.step()

        flow.train()
        print(f"{name}\ttrain\t{rate(train, batch):.0f}", flush=True)
        flow.eval()
        with torch.no_grad():
            part = min(rows, 8192)
            print(f"{name}\tsample\t"
                  f"{rate(lambda: flow.sample(torch.randn(part, shape[0]), C[:part]), part):.0f}",
                  flush=True)
            print(f"{name}\tdensity\t"
                  f"{rate(lambda: flow(X[:part], C[:part]), part):.0f}",
                  flush=True)


if __name__ == "__main__":
    main()
