# Sourced by the scripts of this folder: runs parts, and says how long each took.
timed_parts=()

# timed NAME COMMAND...: the command's output between two headings. Its failure ends the script.
timed() {
  local name=$1 begin=$SECONDS
  shift
  echo
  echo "==== $name"
  "$@"
  timed_parts+=("$(printf '%6d s  %s' $((SECONDS - begin)) "$name")")
  echo "==== $name: $((SECONDS - begin)) s"
}

timed_summary() {
  echo
  printf '%s\n' "${timed_parts[@]}"
}
