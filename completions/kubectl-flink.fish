# Completes kubectl-flink in fish: source this file, or put it into ~/.config/fish/completions.
# `kubectl flink` is completed by kubectl's own script together with kubectl_complete-flink.

function __kubectl_flink_complete
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    # The values of --flag=… come without the flag.
    set -l before (string match --regex -- '^-[^=]*=' "$current"; or echo '')
    set -l answer ($words[1] __complete $words[2..-1] "$current" </dev/null 2>/dev/null)
    set -l directive 4
    for line in $answer
        if string match --quiet --regex '^:[0-9]+$' -- $line
            set directive (string sub --start 2 -- $line)
        else if test -n "$line"
            echo $before$line
        end
    end
    if test "$directive" = 0
        for path in (__fish_complete_path (string replace --regex -- '^-[^=]*=' '' "$current"))
            echo $before$path
        end
    end
end

complete --command kubectl-flink --no-files --keep-order --arguments '(__kubectl_flink_complete)'
