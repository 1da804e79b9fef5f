# Completes kubectl-flink in PowerShell: dot-source this file in your profile.
# `kubectl flink` is completed by kubectl's own script together with kubectl_complete-flink.cmd.

Register-ArgumentCompleter -Native -CommandName 'kubectl-flink', 'kubectl-flink.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text })
    $program = $words[0]
    $arguments = @($words | Select-Object -Skip 1)
    $current = ''
    if ($wordToComplete -and $arguments.Count -gt 0) {
        $current = $arguments[-1]
        $arguments = @($arguments | Select-Object -SkipLast 1)
    }
    # Before 7.3, PowerShell drops an empty argument unless it is quoted twice.
    $legacy = $PSVersionTable.PSVersion -lt [version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy'
    $arguments += if ($current) { $current } elseif ($legacy) { '""' } else { '' }
    # The values of --flag=... come without the flag.
    $before = if ($current -match '^(-[^=]*=)') { $Matches[1] } else { '' }

    & $program __complete @arguments 2>$null | Where-Object { $_ -and $_ -notmatch '^:\d+$' } | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new("$before$value", $value, 'ParameterValue', $help)
    }
}
