#!/bin/sh
# Builds the fixture of src/simulator/maps/fields.test.ts. Needs clang 19 and llvm-objcopy 19 in PATH.
set -eu
cd "$(dirname "$0")"
clang -target bpf -mcpu=v3 -O2 -g -Wall -fdebug-compilation-dir=. -c values.bpf.c -o values.bpf.o
llvm-objcopy --strip-debug values.bpf.o
