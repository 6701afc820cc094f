# Completion of penstock(1) for bash; in zsh after `autoload -U bashcompinit && bashcompinit`.
# Commands and options are asked of the binary, so they are never older than it. Buckets and keys
# are asked of the server, for at most two seconds.

_penstock_commands() {
    "$1" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'
}

_penstock_options() {
    "$1" help "$2" 2>/dev/null | grep -oE -- '(^|[ ,])--?[A-Za-z][a-z0-9-]*' | tr -d ' ,'
}

# What `penstock admin user` can do.
_penstock_verbs() {
    "$1" admin "$2" 2>&1 | sed -n 's/^verbs: //p'
}

# s3://bucket/prefix: one level of names. Bash breaks words at ':', so what is before the last one
# must not be repeated.
_penstock_objects() {
    local binary=$1 word=$2 name before=
    case $COMP_WORDBREAKS in
    *:*) case $word in *:*) before=${word%:*}: ;; esac ;;
    esac
    case $word in
    s3://*/*) ;;
    *) word=s3:// ;;
    esac
    while IFS= read -r name; do
        case $name in
        s3://*/*) ;;
        *) name=$name/ ;;
        esac
        case $name in
        "$2"*) COMPREPLY+=("${name#"$before"}") ;;
        esac
    done < <(timeout 2 "$binary" ls --names -- "$word" 2>/dev/null | head -n 500)
    compopt -o nospace 2>/dev/null
}

_penstock() {
    local binary=${COMP_WORDS[0]} command=${COMP_WORDS[1]} line=${COMP_LINE:0:COMP_POINT} word
    # The word as typed: bash has taken it apart at ':' and '='.
    word=${line##*[[:space:]]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -le 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_penstock_commands "$binary")" -- "$word")
        return
    fi
    case $command in
    help)
        mapfile -t COMPREPLY < <(compgen -W "$(_penstock_commands "$binary")" -- "$word")
        return
        ;;
    esac
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --direct)
        if [ "$command" != serve ]; then
            mapfile -t COMPREPLY < <(compgen -W "prefer require off" -- "$word")
            return
        fi
        ;;
    --ring)
        mapfile -t COMPREPLY < <(compgen -W "auto io_uring epoll" -- "$word")
        return
        ;;
    --engine)
        mapfile -t COMPREPLY < <(compgen -W "drives memory" -- "$word")
        return
        ;;
    --durability)
        mapfile -t COMPREPLY < <(compgen -W "strict relaxed" -- "$word")
        return
        ;;
    --log-level)
        mapfile -t COMPREPLY < <(compgen -W "error warn info debug" -- "$word")
        return
        ;;
    --profile)
        mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^\[\(profile \)\{0,1\}\(.*\)\]$/\2/p' \
            ~/.aws/credentials ~/.aws/config 2>/dev/null | sort -u)" -- "$word")
        return
        ;;
    esac
    case $command:$COMP_CWORD:$word in
    admin:[2-9]*:-*) ;;
    admin:2:*)
        mapfile -t COMPREPLY < <(compgen -W "user key group policy" -- "$word")
        return
        ;;
    admin:3:*)
        mapfile -t COMPREPLY < <(compgen -W "$(_penstock_verbs "$binary" "${COMP_WORDS[2]}")" -- "$word")
        return
        ;;
    esac
    case $word in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$(_penstock_options "$binary" "$command")" -- "$word")
        ;;
    s3:*)
        _penstock_objects "$binary" "$word"
        ;;
    *)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        case s3:// in
        "$word"*)
            case $command in
            serve | doctor | version | bench) ;;
            *)
                COMPREPLY+=(s3://)
                compopt -o nospace 2>/dev/null
                ;;
            esac
            ;;
        esac
        ;;
    esac
}

complete -F _penstock penstock
