#!/bin/sh
# Builds the bad policies from the sources beside it. Needs clang 19 and llvm-strip 19 in PATH. The kernel would load none of them.
set -eu
cd "$(dirname "$0")"
for name in faults recursion deep huge-map; do
  clang -target bpf -mcpu=v3 -O2 -g -Wall -Werror -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -c $name.bpf.c -o $name.bpf.o
  llvm-strip -g $name.bpf.o
done
