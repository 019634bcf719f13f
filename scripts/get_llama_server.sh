#!/bin/bash
# get_llama_server.sh PREFIX: put a real llama-server and llama-quantize into PREFIX/bin, for the tests of
# `engine.command` and for the Ollama of the tests.
#
# The programs are those of Debian sid. They come with their own loader and libraries, so they run on any Linux of the
# same architecture; the system is not touched and root is not needed. Does nothing where PREFIX/bin has them.
set -euo pipefail

fail() { echo "get_llama_server.sh: $*" >&2; exit 1; }
trap 'fail "line $LINENO failed"' ERR

prefix=${1:?usage: get_llama_server.sh PREFIX}
[ -x "$prefix/bin/llama-server" ] && [ -x "$prefix/bin/llama-quantize" ] && exit 0
for tool in apt-get apt-cache dpkg-deb; do
  command -v "$tool" >/dev/null || fail "$tool is missing: on a machine that is not Debian, put a llama-server and a llama-quantize of your own into $prefix/bin"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || fail "$keyring is missing: install the package debian-archive-keyring, or put a llama-server and a llama-quantize of your own into $prefix/bin"

mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
work=$(mktemp -d "$prefix/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache/archives}/partial "$work/root" "$work/new/lib" "$work/new/bin"
: > "$work/status"

# the mirror that this machine uses for Debian itself, whatever its suite
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1 || true)
echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} sid main" > "$work/sources.list"
# none of the machine's own configuration but how to reach the network: its hooks would touch the system
{
  apt-config dump | grep '^Acquire::' || true
  echo "Dir::Etc::Main \"/dev/null\"; Dir::Etc::Parts \"/dev/null\";"
  echo "Dir::Etc::SourceList \"$work/sources.list\"; Dir::Etc::SourceParts \"/dev/null\";"
  echo "Dir::State::Lists \"$work/lists\"; Dir::State::status \"$work/status\"; Dir::Cache \"$work/cache\";"
  echo 'APT::Install-Recommends "false"; APT::Sandbox::User ""; Debug::NoLocking "true";'
  echo 'Acquire::Languages "none"; Acquire::Retries "3"; APT::Update::Error-Mode "any";'
} > "$work/apt.conf"
export APT_CONFIG=$work/apt.conf
apt-get -qq update || fail "the package lists of Debian sid cannot be fetched: is there a network?"
apt-get -qq -y --download-only install llama.cpp-tools || fail "the package llama.cpp-tools cannot be fetched"
for package in "$work"/cache/archives/*.deb; do dpkg-deb -x "$package" "$work/root"; done

root=$work/root
loader=$(find "$root" \( -name 'ld-linux*.so.*' -o -name 'ld-*.so.1' \) | head -n 1)
folders=$(find "$root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
# the CPU variants that ggml looks for beside the running file, the loader
find "$root" -name 'libggml-cpu-*.so' -exec cp -L {} "$work/new/lib/" \;
cp -L "$loader" "$work/new/lib/loader"
for name in llama-server llama-quantize; do
  program=$root/usr/bin/$name
  [ -x "$program" ] || fail "the package holds no /usr/bin/$name"
  "$loader" --library-path "$folders" --list "$program" | awk '$2 == "=>" { print $3 }' | grep -v /ld- | xargs -I{} cp -L {} "$work/new/lib/"
  cp -L "$program" "$work/new/lib/$name"
  cat > "$work/new/bin/$name" <<WRAPPER
#!/bin/sh
lib=\$(cd "\$(dirname "\$0")/../lib" && pwd)
exec "\$lib/loader" --library-path "\$lib" "\$lib/$name" "\$@"
WRAPPER
  chmod +x "$work/new/bin/$name"
done
"$work/new/bin/llama-server" --version >/dev/null 2>&1 || fail "the program was unpacked but does not run here"

rm -rf "$prefix/lib" "$prefix/bin"
mv "$work/new/lib" "$prefix/lib"
mv "$work/new/bin" "$prefix/bin"   # last: it is what says that all is there
