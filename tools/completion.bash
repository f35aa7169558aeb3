# Bash completion of trady: commands, options and some options' values as --help of the installed
# program has them, so that it never lags behind; files otherwise.

# Commands, a line each.
_trady_commands() {
  "$1" --help 2> /dev/null | sed -nE '/^Subcommands:/,/^$/ s/^  ([a-z][a-z-]*) .*/\1/p'
}

# Long options of a command, or of the program itself, a line each.
_trady_options() {
  "$1" ${2:+"$2"} --help 2> /dev/null | grep -oE '^  (-[a-zA-Z],)?--[a-z][a-z0-9-]*' |
    grep -oE -e '--[a-z0-9-]+'
}

# What an option accepts, a line each: {a,b} behind its name, or names in its description.
_trady_values() {
  local help
  help=$("$1" "$2" --help 2> /dev/null)
  case $3 in
    --method | --model)
      sed -nE "s/^  $3 TEXT[^ ]* +[^:]*: ([^(]*).*/\1/p" <<< "$help" | tr -s ', ' '\n'
      ;;
    *) sed -nE "s/^  $3 TEXT:\{([^}]*)\}.*/\1/p" <<< "$help" | tr ',' '\n' ;;
  esac
}

_trady() {
  local program=$1 current=$2 previous=$3 command= words=
  COMPREPLY=()
  if [[ $COMP_CWORD -gt 1 ]]; then command=${COMP_WORDS[1]}; fi
  if [[ $current == -* ]]; then
    words=$(_trady_options "$program" "$command")
  elif [[ -z $command ]]; then
    words=$(_trady_commands "$program")
  elif [[ $previous == --weights ]]; then
    mapfile -t COMPREPLY < <(
      compgen -d -- "$current"
      compgen -f -X '!*.safetensors' -- "$current"
    )
    compopt -o filenames 2> /dev/null
  elif [[ $previous == --* ]]; then
    words=$(_trady_values "$program" "$command" "$previous")
  fi
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}

# Without a word of ours, the names of files.
complete -o bashdefault -o default -F _trady trady
