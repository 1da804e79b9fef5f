module kubectl-flink.dev/kt

go 1.25
