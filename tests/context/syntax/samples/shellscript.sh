#!/bin/bash
# Greets.
source ./lib.sh
. "$HOME/conf.sh"
source "$DIR/x.sh" arg

LIMIT=3
readonly SIDES=4 MORE
export PATH_TO="/x"
declare -a list=(a b)

# Says hello.
#
# More.
greet() {
  local name=$1 other
  total=$((LIMIT + 1))
  for i in 1 2 3; do
    echo "$i"
  done
  for ((j = 0; j < 3; j++)); do run; done
  while read -r line rest; do
    process "$line" | sort
  done < file
  result=$(compute "$name")
  declare -i n=1
  read answer
}

function build {
  greet "x" && cleanup
}
function both() ( ls )
if [ -n "$LIMIT" ]; then LATE=1; fi
./script.sh --flag
FOO=1 run_it
alias ll='ls -l'
