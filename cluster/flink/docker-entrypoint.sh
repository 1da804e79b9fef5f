#!/bin/bash
# Entry point of the Flink test image. It does what the entry point of the official image does, for the same commands and
# the same variables, so that whatever works with this image works with that one:
#   ENABLE_BUILT_IN_PLUGINS             jars in opt/, separated by ';', that become plugins
#   JOB_MANAGER_RPC_ADDRESS             default: this host's name
#   TASK_MANAGER_NUMBER_OF_TASK_SLOTS   one key of the configuration
#   FLINK_PROPERTIES                    lines of "key: value"; all white space is dropped, $VARIABLES are replaced
#   DISABLE_JEMALLOC                    "true" keeps glibc's allocator

conf_dir="$FLINK_HOME/conf"
jemalloc="/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so"

# Images up to Flink 2.1 hold gosu and give up root; later ones only warn.
step_down=()
if [ "$(id -u)" = 0 ]; then
  if command -v gosu > /dev/null; then
    step_down=(gosu flink)
  else
    echo "WARNING: Flink runs as root here, which is not recommended. Use another user."
  fi
fi

use_jemalloc() {
  [ "${DISABLE_JEMALLOC:-false}" = false ] || return 0
  if [ -f "$jemalloc" ]; then
    export LD_PRELOAD="$LD_PRELOAD:$jemalloc"
  else
    echo "WARNING: $jemalloc is missing, so glibc's allocator is used."
  fi
}

enable_plugins() {
  local jar plugin
  for jar in ${ENABLE_BUILT_IN_PLUGINS//;/ }; do
    plugin="$FLINK_HOME/plugins/${jar%.jar}"
    if [ ! -e "$FLINK_HOME/opt/$jar" ]; then
      echo "There is no plugin $jar in $FLINK_HOME/opt."
      exit 1
    fi
    mkdir -p "$plugin"
    ln -fs "$FLINK_HOME/opt/$jar" "$plugin"
    echo "Enabled the plugin $jar"
  done
}

# configure KEY=VALUE...: writes into the configuration file with Flink's own tool. Where the file cannot be written, as
# with a mounted ConfigMap, the tool complains and the mounted configuration stands.
configure() {
  local options=("${@/#/-D}")
  "$FLINK_HOME/bin/config-parser-utils.sh" "$conf_dir" "$FLINK_HOME/bin" "$FLINK_HOME/lib" "${options[@]}"
}

write_configuration() {
  local defaults=("jobmanager.rpc.address=${JOB_MANAGER_RPC_ADDRESS:-$(hostname -f)}" blob.server.port=6124 query.server.port=6125)
  local given=() line
  [ -z "$TASK_MANAGER_NUMBER_OF_TASK_SLOTS" ] || defaults+=("taskmanager.numberOfTaskSlots=$TASK_MANAGER_NUMBER_OF_TASK_SLOTS")
  configure "${defaults[@]}"
  while IFS= read -r line; do
    line="${line//[[:space:]]/}"
    [ -z "$line" ] || given+=("${line%%:*}=$(envsubst <<< "${line#*:}")")
  done <<< "$FLINK_PROPERTIES"
  [ ${#given[@]} = 0 ] || configure "${given[@]}"
}

start() {
  echo "Starting $1"
  exec "${step_down[@]}" "$FLINK_HOME/bin/$2" start-foreground "${@:3}"
}

use_jemalloc
enable_plugins
write_configuration

case "$1" in
  help)
    echo "Usage: $(basename "$0") (jobmanager|standalone-job|taskmanager|history-server) [OPTION...]"
    echo "       $(basename "$0") COMMAND [ARGUMENT...]"
    ;;
  jobmanager)     start "Job Manager" jobmanager.sh "${@:2}" ;;
  standalone-job) start "Job Manager" standalone-job.sh "${@:2}" ;;
  history-server) start "History Server" historyserver.sh "${@:2}" ;;
  taskmanager)    start "Task Manager" taskmanager.sh "${@:2}" ;;
  *)              exec "${step_down[@]}" "$@" ;;
esac
