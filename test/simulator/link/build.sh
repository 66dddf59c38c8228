#!/bin/sh
# Builds the fixtures of linking from the sources beside them. Needs clang 19 and llvm-objcopy 19 in PATH. The objects are never loaded.
#   kernel.bpf.c     types as a kernel could have them
#   core.bpf.c       every kind of CO-RE relocation, by an object with another idea of those types
#   scheduler.bpf.c  a scheduler that asks for all that a linker can be asked for
set -eu
cd "$(dirname "$0")"
for name in kernel core scheduler; do
  clang -target bpf -mcpu=v3 -O2 -g -Wall -Wno-unused-function -fdebug-compilation-dir=. -c $name.bpf.c -o $name.bpf.o
  llvm-objcopy --strip-debug $name.bpf.o
done
