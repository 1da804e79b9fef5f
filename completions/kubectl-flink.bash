# Completes kubectl-flink in bash (3.2 and later): source this file.
# `kubectl flink` is completed by kubectl's own script together with kubectl_complete-flink.

_kubectl_flink() {
    # Bash splits words at '=' and ':', which stand inside ours (--context=x, claim:x): join what touches.
    local words=() word rest="$COMP_LINE" trimmed
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        trimmed="${rest#"${rest%%[![:space:]]*}"}"
        if [[ ${#words[@]} -gt 0 && -n $word && $trimmed == "$rest" ]]; then
            words[${#words[@]}-1]+="$word"
        else
            words+=("$word")
        fi
        rest="${trimmed#"$word"}"
    done

    local current="${words[${#words[@]}-1]}" answer directive=0 line
    answer="$("${words[0]}" __complete "${words[@]:1}" </dev/null 2>/dev/null)" || return
    # Readline replaces only what follows the last '=' or ':'.
    local before="${current%"${current##*[=:]}"}"
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :*) directive="${line#:}" ;;
            ?*)
                line="${line%%$'\t'*}"
                COMPREPLY+=("${line#"$before"}")
                ;;
        esac
    done <<<"$answer"
    if ((directive & 2)); then compopt -o nospace 2>/dev/null; fi
    if ((!(directive & 4))); then
        local IFS=$'\n'
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "${current##*=}"))
    fi
}

complete -F _kubectl_flink kubectl-flink
