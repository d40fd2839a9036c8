#!/usr/bin/env python3
"""Take nflows' models apart, for machines without HDF5's header: see flat/.

    flat.py FROM TO     FROM/parity_*.h5 become directories in TO
"""
import glob
import os
import sys

import h5py
import numpy as np


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def text(v):
    return v if isinstance(v, bytes) else str(v).encode()


def take_apart(file, to):
    def visit(name, thing):
        for key, value in thing.attrs.items():
            if np.ndim(value) == 0:
                value = value.item() if isinstance(value, np.generic) \
                    else value
                value = int(value) if isinstance(value, bool) else value
                write(f"{to}/{name}@{key}", text(value))
        if not isinstance(thing, h5py.Dataset):
            os.makedirs(f"{to}/{name}", exist_ok=True)
        elif thing.dtype.kind in "OS":
            write(f"{to}/{name}", b"".join(text(v) + b"\n" for v in
                                           np.ravel(thing[()])))
        else:
            write(f"{to}/{name}",
                  np.asarray(thing[()], dtype=np.float64).tobytes())

    file.visititems(visit)


for path in sorted(glob.glob(os.path.join(sys.argv[1], "parity_*.h5"))):
    with h5py.File(path) as f:
        take_apart(f, os.path.join(sys.argv[2], os.path.basename(path)))
