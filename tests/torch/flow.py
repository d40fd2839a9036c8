"""A flow in plain PyTorch whose parameters bear nflows' names.

    flow.py golden FILE.pt      the tiny flow of known weights, as FlashSim
                                saves it in a training
    flow.py random FILE.pt ...  another, with KEY=VALUE: features context
                                steps hidden blocks bins batch_norm tail_bound
                                activation seed, form=checkpoint|state|module
    flow.py eval FILE.pt ROWS   log densities, in double, of a table of
                                targets, then conditions, without a header
    flow.py same FILE.pt EXPORT is an export (npz, h5) the file's state_dict?
    flow.py step FILE.pt EXPORT is it so after one more epoch, of one step on
                                the rows of the golden flow?

Several such commands may stand there, with -- between them.
"""
import math
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Permutation(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.register_buffer("_permutation", torch.as_tensor(p))

    def forward(self, x, context):
        return x[:, self._permutation], 0


class LU(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(d))
        self.lower_entries = nn.Parameter(torch.zeros(d * (d - 1) // 2))
        self.upper_entries = nn.Parameter(torch.zeros(d * (d - 1) // 2))
        self.unconstrained_upper_diag = nn.Parameter(torch.zeros(d))

    def forward(self, x, context):
        d = len(self.bias)
        diag = F.softplus(self.unconstrained_upper_diag) + 1e-3
        lower = torch.eye(d, dtype=x.dtype)
        upper = torch.diag(diag)
        i = np.tril_indices(d, -1)
        lower[i] = self.lower_entries
        i = np.triu_indices(d, 1)
        upper[i] = self.upper_entries
        return x @ upper.T @ lower.T + self.bias, diag.log().sum()


class Block(nn.Module):
    def __init__(self, h, c, norm, act):
        super().__init__()
        self.act = act
        if norm:
            self.batch_norm_layers = nn.ModuleList(
                [nn.BatchNorm1d(h, eps=1e-3) for _ in range(2)])
        if c:
            self.context_layer = nn.Linear(c, h)
        self.linear_layers = nn.ModuleList(
            [nn.Linear(h, h) for _ in range(2)])
        self.norm = norm

    def forward(self, x, context):
        t = x
        for k in range(2):
            if self.norm:
                t = self.batch_norm_layers[k](t)
            t = self.linear_layers[k](self.act(t))
        if context is not None:
            t = F.glu(torch.cat((t, self.context_layer(context)), 1), 1)
        return x + t


class Net(nn.Module):
    def __init__(self, nin, nout, c, h, blocks, norm, act):
        super().__init__()
        self.initial_layer = nn.Linear(nin + c, h)
        self.blocks = nn.ModuleList(
            [Block(h, c, norm, act) for _ in range(blocks)])
        self.final_layer = nn.Linear(h, nout)

    def forward(self, x, context):
        if context is not None:
            x = torch.cat((x, context), 1)
        x = self.initial_layer(x)
        for b in self.blocks:
            x = b(x, context)
        return self.final_layer(x)


def knots(logits, bound):
    k = logits.shape[-1]
    p = 1e-3 + (1 - 1e-3 * k) * torch.softmax(logits, -1)
    at = F.pad(torch.cumsum(p, -1), (1, 0)) * 2 * bound - bound
    at[..., 0], at[..., -1] = -bound, bound
    return at


class Coupling(nn.Module):
    def __init__(self, i, d, c, h, blocks, bins, norm, bound, act):
        super().__init__()
        j = torch.arange(d)
        self.register_buffer("identity_features", j[j % 2 != i % 2])
        self.register_buffer("transform_features", j[j % 2 == i % 2])
        nt = len(self.transform_features)
        self.transform_net = Net(d - nt, nt * (3 * bins - 1), c, h, blocks,
                                 norm, act)
        self.bins, self.bound, self.h = bins, bound, h

    def forward(self, x, context):
        k = self.bins
        y = x.clone()
        v = x[:, self.transform_features]
        out = self.transform_net(x[:, self.identity_features], context)
        out = out.reshape(len(x), -1, 3 * k - 1)
        w = knots(out[..., :k] / math.sqrt(self.h), self.bound)
        h = knots(out[..., k:2 * k] / math.sqrt(self.h), self.bound)
        d = F.pad(1e-3 + F.softplus(out[..., 2 * k:]), (1, 1), value=1.)
        inside = (v >= -self.bound) & (v <= self.bound)
        u = v.clamp(-self.bound, self.bound)
        b = ((u[..., None] >= w).sum(-1) - 1).clamp(0, k - 1)

        def at(z, n):
            return z.gather(-1, (b + n)[..., None])[..., 0]

        x0, y0 = at(w, 0), at(h, 0)
        dx, dy = at(w, 1) - x0, at(h, 1) - y0
        s, d0, d1 = dy / dx, at(d, 0), at(d, 1)
        a = (u - x0) / dx
        q = s + (d0 + d1 - 2 * s) * a * (1 - a)
        z = y0 + dy * (s * a ** 2 + d0 * a * (1 - a)) / q
        ld = (s ** 2 * (d1 * a ** 2 + 2 * s * a * (1 - a)
                        + d0 * (1 - a) ** 2)).log() - 2 * q.log()
        y[:, self.transform_features] = torch.where(inside, z, v)
        return y, torch.where(inside, ld, torch.zeros_like(ld)).sum(1)


class Composite(nn.Module):
    def __init__(self, transforms):
        super().__init__()
        self._transforms = nn.ModuleList(transforms)

    def forward(self, x, context):
        total = 0
        for t in self._transforms:
            x, ld = t(x, context)
            total = total + ld
        return x, total


class Flow(nn.Module):
    def __init__(self, perms, context, hidden, blocks, bins, batch_norm,
                 tail_bound, activation):
        super().__init__()
        d = len(perms[0])
        act = getattr(F, activation)
        steps = [Composite([Composite([Permutation(p), LU(d)]),
                            Coupling(i, d, context, hidden, blocks, bins,
                                     batch_norm, tail_bound, act)])
                 for i, p in enumerate(perms[:-1])]
        last = Composite([Permutation(perms[-1]), LU(d)])
        self._transform = Composite(steps + [last])

    def log_prob(self, x, context):
        z, ld = self._transform(x, context)
        return ld - 0.5 * (z ** 2 + math.log(2 * math.pi)).sum(1)


def golden():
    """The flow of known weights, the rows that it is tested with."""
    f = Flow([[2, 0, 1], [1, 2, 0], [0, 2, 1]], 2, 4, 1, 4, True, 1., "relu")
    t = 0
    state = f.state_dict()
    for name, x in state.items():
        if not x.is_floating_point():
            continue
        s = torch.sin(1.3 * t + 0.2
                      + 0.7 * torch.arange(x.numel(), dtype=torch.float64))
        v = 0.4 * s
        if name.endswith("running_var"):
            v = 1 + 0.5 * s.abs()
        elif "batch_norm" in name and name.endswith(".weight"):
            v = 1 + v
        x.copy_(v.reshape(x.shape))
        t += 1
    assert t == 48
    n, i, q = (torch.arange(k, dtype=torch.float64) for k in (4, 3, 2))
    x = 1.5 * torch.sin(0.9 * n[:, None] + 1.1 * i + 0.5)
    c = torch.cos(0.6 * n[:, None] - 0.8 * q)
    return f, x.float(), c.float()


def checkpoint(f, hyper, opt, sched, train, test, path):
    """What FlashSim saves after an epoch."""
    torch.save({
        "train_history": train,
        "test_history": test,
        "model_hyperparams": hyper,
        "model_state_dict": f.state_dict(),
        "optimizer_state_dict": opt.state_dict(),
        "scheduler_state_dict": sched.state_dict(),
        "epoch": len(train),
    }, path)


def save_golden(path):
    """
    Three epochs of four steps at a rate of 0, after which the weights are
    still the known ones but Adam's moments are not zero.
    """
    f, x, c = golden()
    kept = {k: v.clone() for k, v in f.state_dict().items()}
    opt = torch.optim.Adam(f.parameters(), lr=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=10)
    train, test = [], []
    for _ in range(3):
        f.train()
        for _ in range(4):
            opt.zero_grad()
            loss = -f.log_prob(x, c).mean()
            loss.backward()
            rate = opt.param_groups[0]["lr"]
            opt.param_groups[0]["lr"] = 0.
            opt.step()
            opt.param_groups[0]["lr"] = rate
        train.append(loss.item())
        count = {k: v.clone() for k, v in f.state_dict().items()
                 if k.endswith("num_batches_tracked")}
        f.load_state_dict({**kept, **count})
        f.eval()
        with torch.no_grad():
            test.append(-f.log_prob(x, c).mean().item())
        sched.step()
    hyper = {"input_dim": 3, "context_dim": 2, "num_flow_steps": 2,
             "base_transform_kwargs": {
                 "hidden_dim": 4, "num_transform_blocks": 1,
                 "activation": "relu", "dropout_probability": 0.0,
                 "batch_norm": True, "num_bins": 4,
                 "base_transform_type": "rq-coupling"}}
    checkpoint(f, hyper, opt, sched, train, test, path)


def save_random(path, settings):
    want = {"features": 5, "context": 3, "steps": 3, "hidden": 8,
            "blocks": 2, "bins": 6, "batch_norm": 1, "tail_bound": 2.5,
            "activation": "elu", "seed": 1, "form": "checkpoint"}
    for s in settings:
        key, value = s.split("=")
        want[key] = type(want[key])(value)
    torch.manual_seed(want["seed"])
    d, c = want["features"], want["context"]
    f = Flow([torch.randperm(d) for _ in range(want["steps"] + 1)], c,
             want["hidden"], want["blocks"], want["bins"],
             bool(want["batch_norm"]), want["tail_bound"],
             want["activation"])
    with torch.no_grad():
        for p in f.parameters():
            p.add_(0.2 * torch.randn_like(p))
    opt = torch.optim.Adam(f.parameters(), lr=1e-3, betas=(0.8, 0.99))
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=20)
    x, y = torch.randn(64, d), torch.randn(64, c) if c else None
    train = []
    for _ in range(3):
        opt.zero_grad()
        loss = -f.log_prob(x, y).mean()
        loss.backward()
        opt.step()
        sched.step()
        train.append(loss.item())
    if want["form"] != "checkpoint":
        state = f.state_dict()
        if want["form"] == "module":
            state = {"module." + k: v for k, v in state.items()}
        torch.save(state, path)
        return
    hyper = {"input_dim": d, "context_dim": c, "num_flow_steps":
             want["steps"], "base_transform_kwargs": {
                 "activation": want["activation"],
                 "tail_bound": want["tail_bound"]}}
    checkpoint(f, hyper, opt, sched, train,
               [torch.tensor(t) for t in train], path)


def load(path):
    """Flow and state_dict of a checkpoint with hyperparameters."""
    saved = torch.load(path)
    state = saved["model_state_dict"]
    hyper = saved["model_hyperparams"]["base_transform_kwargs"]
    steps = saved["model_hyperparams"]["num_flow_steps"]
    first = "_transform._transforms.0._transforms.1.transform_net."
    perms = [state["_transform._transforms.%d.%s_transforms.0._permutation"
                   % (i, "_transforms.0." if i < steps else "")]
             for i in range(steps + 1)]
    nt = (len(perms[0]) + 1) // 2
    f = Flow(perms, saved["model_hyperparams"]["context_dim"],
             len(state[first + "initial_layer.bias"]),
             sum(k.startswith(first) and k.endswith("linear_layers.0.bias")
                 for k in state),
             (len(state[first + "final_layer.bias"]) // nt + 1) // 3,
             first + "blocks.0.batch_norm_layers.0.weight" in state,
             hyper.get("tail_bound", 1.), hyper["activation"])
    f.load_state_dict(state)
    return f, state


def evaluate(path, rows):
    f, _ = load(path)
    f.double().eval()
    rows = torch.as_tensor(np.loadtxt(rows, ndmin=2))
    d = len(f._transform._transforms[-1]._transforms[0]._permutation)
    with torch.no_grad():
        for p in f.log_prob(rows[:, :d], rows[:, d:] if rows.shape[1] > d
                            else None):
            print("%.17g" % p)


def read(export):
    if export.endswith(".npz"):
        got = dict(np.load(export))
    else:
        import h5py
        with h5py.File(export) as h:
            got = {k: np.asarray(v[()]) for k, v in h.items()}
    return {k: torch.as_tensor(v) for k, v in got.items()}


def same(path, export):
    f, state = load(path)
    got = read(export)
    f.load_state_dict(got, strict=True)
    for k, v in state.items():
        assert got[k].dtype == v.dtype and torch.equal(got[k], v), k


def step(path, export):
    f, _ = load(path)
    _, x, c = golden()
    saved = torch.load(path)
    opt = torch.optim.Adam(f.parameters())
    opt.load_state_dict(saved["optimizer_state_dict"])
    f.train()
    (-f.log_prob(x, c).mean()).backward()
    opt.step()
    got = read(export)
    for k, v in f.state_dict().items():
        # Before a norm a bias has no gradient but rounding.
        if not k.endswith("linear_layers.0.bias"):
            off = (got[k] - v).abs().max()
            assert off <= 2e-6, (k, off)


def command(what, path, *args):
    if what == "random":
        save_random(path, args)
    else:
        {"golden": save_golden, "eval": evaluate, "step": step,
         "same": same}[what](path, *args)


if __name__ == "__main__":
    words = []
    for word in sys.argv[1:] + ["--"]:
        if word == "--":
            command(*words)
            words = []
        else:
            words.append(word)
