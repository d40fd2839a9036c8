#!/usr/bin/env python3
"""The jets model in PyTorch on a GPU, eager and compiled, beside bench-gpu.

The flow is that of tests/bench/peer.py; its splines have static shapes, so
that torch.compile makes few kernels of them, and products are TF32.  What is
printed has bench-gpu's figures beside it, from the file that --tsv names.

    peer.py [--tsv FILE] [--tiny] [--device cpu] [--backend NAME]
"""
import argparse
import os
import sys
import time

try:
    import torch
except ImportError:
    print("peer: not run: python3 has no PyTorch")
    sys.exit(0)

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "bench"))
import peer as bench                                    # noqa: E402

WANT = {"eager": 10, "compiled": 4}     # times PyTorch, to be reached


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--tsv")
    p.add_argument("--tiny", action="store_true")
    p.add_argument("--device", default="cuda")
    p.add_argument("--backend", default="inductor")
    return p.parse_args()


def ours(path):
    """bench-gpu's rows a second, by what was done."""
    found = {}
    try:
        with open(path or os.devnull) as f:
            for line in f:
                table, what, unit, value = line.rstrip("\n").split("\t")
                if unit == "rows/s":
                    found[table + " " + what] = float(value)
    except OSError as e:
        print(f"peer: {e}")
    return found


def rate(work, rows, wait, seconds):
    """Rows a second, of runs that take so many seconds, waited for once."""
    for _ in range(3):
        work()
    wait()
    start = time.monotonic()
    work()
    wait()
    runs = max(3, int(seconds / (time.monotonic() - start)))
    start = time.monotonic()
    for _ in range(runs):
        work()
    wait()
    return rows * runs / (time.monotonic() - start)


def measure(o, how, batch, shape, found):
    wait = torch.cuda.synchronize if o.device == "cuda" else lambda: None
    seconds = 0 if o.tiny else 2
    torch.manual_seed(1)
    torch._dynamo.reset()
    flow = bench.Flow(*shape)
    if how == "compiled":       # one kind of module, so few compilations
        for c in flow.coupling:
            c.compile(backend=o.backend, dynamic=False)
    adam = torch.optim.Adam(flow.parameters(), lr=1e-5)
    x = torch.rand(batch, shape[0]) * 2 - 1
    c = torch.rand(batch, shape[1])
    z = torch.randn(batch, shape[0])

    def train():
        adam.zero_grad()
        (-flow(x, c).mean()).backward()
        adam.step()

    def say(what, mine, got):
        times = found[mine] / got if mine in found else None
        line = f"jets\tPyTorch {how}, {what}\t{got:.0f} rows/s"
        if times is not None:
            line += f"\tnfpipe {found[mine]:.0f}: {times:.1f} times, want " \
                f"{WANT[how]}: {'met' if times >= WANT[how] else 'MISSED'}"
        print(line, flush=True)

    start = time.monotonic()
    flow.train()
    say(f"train, batch {batch}", f"train jets {batch} tf32",
        rate(train, batch, wait, seconds))
    flow.eval()
    with torch.no_grad():
        say(f"sample, {batch} rows a call", "sample jets 1000000 tf32",
            rate(lambda: flow.sample(z, c), batch, wait, seconds))
    print(f"# {how}, {batch}: {time.monotonic() - start:.0f} s, "
          "compilation and all", flush=True)


def main():
    o = options()
    if o.device == "cuda" and not torch.cuda.is_available():
        print(f"peer: not run: PyTorch {torch.__version__} sees no GPU")
        return
    torch.set_default_device(o.device)
    torch.set_float32_matmul_precision("high")          # TF32
    *shape, _, _ = bench.MODELS["jets"]
    if o.tiny:
        shape = [5, 3, 3, 20, 2, 8, True]
    found = ours(o.tsv)
    print(f"# PyTorch {torch.__version__} on {o.device}", flush=True)
    for how in ("eager", "compiled"):
        for batch in (32, 64) if o.tiny else (2048, 8192):
            try:
                measure(o, how, batch, shape, found)
            except Exception as e:      # the others are worth having
                text = str(e).strip().split("\n")[0]
                print(f"peer: {how}, {batch}: {type(e).__name__}: {text}",
                      flush=True)


main()
