#!/usr/bin/python3
"""The jets model in PyTorch on a GPU, eager and compiled, beside bench-gpu.

It takes the flow of tests/bench/peer.py.  What is printed has bench-gpu's
columns: model, work, rows a second.
"""
import importlib.util
import os
import sys
import time

import torch

if not torch.cuda.is_available():
    sys.exit("peer: PyTorch sees no GPU")
torch.set_default_device("cuda")
torch.backends.cuda.matmul.allow_tf32 = True

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "..", "bench", "peer.py")) as f:
    text = f.read()
peer = {"__name__": "peer"}
exec(compile(text[:text.rindex("\nmain()")], "peer.py", "exec"), peer)


def rate(work, rows, runs=20):
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    start = time.monotonic()
    for _ in range(runs):
        work()
    torch.cuda.synchronize()
    return rows * runs / (time.monotonic() - start)


*shape, _, _ = peer["MODELS"]["jets"]
for how in ("eager", "compiled"):
    for batch in (2048, 8192):
        flow = peer["Flow"](*shape)
        adam = torch.optim.Adam(flow.parameters(), lr=1e-5)
        x = torch.rand(batch, shape[0]) * 2 - 1
        c = torch.rand(batch, shape[1])
        z = torch.randn(batch, shape[0])
        forward = torch.compile(flow) if how == "compiled" else flow
        draw = torch.compile(flow.sample) if how == "compiled" else \
            flow.sample

        def train():
            adam.zero_grad()
            (-forward(x, c).mean()).backward()
            adam.step()

        flow.train()
        print(f"jets\tPyTorch {how} train, batch {batch}\t"
              f"{rate(train, batch):.0f}", flush=True)
        flow.eval()
        with torch.no_grad():
            print(f"jets\tPyTorch {how} sample {batch} rows\t"
                  f"{rate(lambda: draw(z, c), batch):.0f}", flush=True)
