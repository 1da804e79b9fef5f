@echo off
rem Completes "kubectl flink ...". kubectl (1.26 and later) finds this file on the PATH.
kubectl-flink.exe __complete %* <nul 2>nul
